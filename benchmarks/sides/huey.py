"""huey on SQLite: 100 threads dequeue and execute a no-op task.

huey has no acknowledgement: dequeue deletes the row, so its one commit stands for claim and completion.
"""

from __future__ import annotations

import logging
import threading
import time
from importlib import metadata

from benchmarks.child import Answer, NotRun, Parameters, answer, check_all_done, fresh_directory, run_side

BUSY_SECONDS = 60


def measure(parameters: Parameters) -> Answer:
    """Claims and completions per second."""
    try:
        from huey import SqliteHuey
    except ImportError:
        raise NotRun("huey is not installed (uv sync --group bench)") from None
    logging.disable(logging.CRITICAL)
    jobs, callers = parameters["jobs"], parameters["callers"]
    queue = SqliteHuey(
        "bench", filename=str(fresh_directory(parameters) / "huey.db"), timeout=BUSY_SECONDS, results=False
    )

    @queue.task()
    def noop(number: int) -> None:
        return None

    storage = queue.storage
    with storage.db(commit=True) as cursor:
        for number in range(jobs):
            cursor.execute(
                "insert into task (queue, data, priority) values (?, ?, 0)",
                (storage.name, queue.serialize_task(noop.s(number))),
            )
    begin = threading.Barrier(callers + 1)
    done: list[int] = []

    def caller() -> None:
        count = 0
        queue.pending_count()
        begin.wait()
        while (task := queue.dequeue()) is not None:
            queue.execute(task)
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
    check_all_done(sum(done), jobs)
    return answer(
        {"pairs_per_second": jobs / spent},
        durability="WAL, synchronous=FULL: fsync before the answer (its default); a claimed job is gone in a crash",
        subject=f"huey {metadata.version('huey')}",
        note="one transaction a job instead of two; no events, no ledger",
    )


if __name__ == "__main__":
    run_side(measure)
