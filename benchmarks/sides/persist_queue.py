"""persist-queue: 100 threads on one SQLiteAckQueue, get and ack."""

from __future__ import annotations

import threading
import time
from importlib import metadata

from benchmarks.child import Answer, NotRun, Parameters, answer, check_all_done, fresh_directory, run_side


def measure(parameters: Parameters) -> Answer:
    """Claims and completions per second."""
    try:
        from persistqueue import SQLiteAckQueue
        from persistqueue.exceptions import Empty
    except ImportError:
        raise NotRun("persist-queue is not installed (uv sync --group bench)") from None
    jobs, callers = parameters["jobs"], parameters["callers"]
    directory = fresh_directory(parameters)
    _fill(str(directory), jobs)
    queue = SQLiteAckQueue(str(directory), multithreading=True)
    begin = threading.Barrier(callers + 1)
    done: list[int] = []

    def caller() -> None:
        count = 0
        begin.wait()
        while True:
            try:
                item = queue.get(block=False, raw=True)
            except Empty:
                break
            queue.ack(id=item["pqid"])
            count += 1
        done.append(count)

    threads = [threading.Thread(target=caller) for _ in range(callers)]
    for thread in threads:
        thread.start()
    begin.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - began
    check_all_done(queue.acked_count(), jobs)
    check_all_done(sum(done), jobs)
    return answer(
        {"pairs_per_second": jobs / spent},
        durability="WAL, synchronous=FULL: fsync before the answer (its default)",
        subject=f"persist-queue {metadata.version('persist-queue')}",
        note="no events, no ledger",
    )


def _fill(directory: str, jobs: int) -> None:
    import sqlite3

    from persistqueue import SQLiteAckQueue

    queue = SQLiteAckQueue(directory, multithreading=True)
    queue.put({"job": 0})
    queue.close()
    connection = sqlite3.connect(f"{directory}/data.db")
    table = connection.execute("select name from sqlite_master where name like 'ack_queue%'").fetchone()[0]
    row = connection.execute(f"select data, timestamp, status from {table}").fetchone()
    with connection:
        connection.executemany(
            f"insert into {table} (data, timestamp, status) values (?, ?, ?)", [row] * (jobs - 1)
        )
    connection.close()


if __name__ == "__main__":
    run_side(measure)
