"""litequeue: 100 threads call pop and done, on a connection each or on one shared behind a lock.

With a connection each, callers sleep in SQLite's busy handler; with one behind a lock they do not.
Its pop sorts every waiting row, so a long backlog makes it slow (about 1,000/s at 20,000 waiting
jobs). So that this is not what is measured, the backlog is filled in waves of 1,000, off the clock.
"""

from __future__ import annotations

import contextlib
import threading
import time
from importlib import metadata

from benchmarks.child import Answer, NotRun, Parameters, answer, check_all_done, fresh_directory, run_side

WAVE = 1_000
BUSY_SECONDS = 60


def measure(parameters: Parameters) -> Answer:
    """Claims and completions per second."""
    try:
        from litequeue import LiteQueue
    except ImportError:
        raise NotRun("litequeue is not installed (uv sync --group bench)") from None
    jobs, callers = parameters["jobs"], parameters["callers"]
    path = str(fresh_directory(parameters) / "queue.db")
    filler = LiteQueue(path)
    start, end = threading.Barrier(callers + 1), threading.Barrier(callers + 1)
    waves = -(-jobs // WAVE)
    done: list[int] = []

    shared = parameters.get("shared_connection", False)
    lock = threading.Lock() if shared else contextlib.nullcontext()

    def caller() -> None:
        queue, count = filler if shared else LiteQueue(path, timeout=BUSY_SECONDS), 0
        for _ in range(waves):
            start.wait()
            while True:
                with lock:
                    message = queue.pop()
                if message is None:
                    break
                with lock:
                    queue.done(message.message_id)
                count += 1
            end.wait()
        done.append(count)

    threads = [threading.Thread(target=caller) for _ in range(callers)]
    for thread in threads:
        thread.start()
    spent = 0.0
    for wave in range(waves):
        filler.conn.execute("BEGIN IMMEDIATE")
        for number in range(min(WAVE, jobs - wave * WAVE)):
            filler.put(f'{{"job": {wave * WAVE + number}}}')
        filler.conn.execute("COMMIT")
        start.wait()
        began = time.perf_counter()
        end.wait()
        spent += time.perf_counter() - began
    for thread in threads:
        thread.join()
    check_all_done(sum(done), jobs)
    return answer(
        {"pairs_per_second": jobs / spent},
        durability="WAL, synchronous=NORMAL: commit before the answer, no fsync (its default)",
        subject=f"litequeue {metadata.version('litequeue')}",
        note=f"backlog kept at {WAVE}; no events, no ledger",
    )


if __name__ == "__main__":
    run_side(measure)
