"""Oban for Python on PostgreSQL: one queue with a limit of 100 runs a no-op worker.

Needs Python 3.12 or newer and runs in an environment of its own, so it imports the standard
library and oban only. Oban fetches jobs in batches and acknowledges them with its next fetch; the
clock stops when the last acknowledgement is in the database, which its own telemetry tells.
"""

from __future__ import annotations

import asyncio
import logging
import time
from importlib import metadata
from typing import Any

from benchmarks.child import Answer, NotRun, Parameters, answer, check_all_done, run_side
from benchmarks.databases import fresh_database

BATCH = 1_000


async def _drain(parameters: Parameters) -> float:
    from oban import Oban, telemetry, worker
    from oban.schema import install

    jobs, callers = parameters["jobs"], parameters["callers"]
    finished = asyncio.Event()
    acknowledged = 0

    @worker(queue="bench")
    class Noop:
        async def process(self, job: Any) -> None:
            return None

    def on_ack(_name: str, metadata: dict[str, Any]) -> None:
        nonlocal acknowledged
        acknowledged += metadata.get("count", 0)
        if acknowledged >= jobs:
            finished.set()

    telemetry.attach("benchmark", ["oban.producer.ack.stop"], on_ack)
    pool = await Oban.create_pool(fresh_database(parameters), min_size=10, max_size=10)
    await install(pool)
    filler = Oban(pool=pool, name="Filler")
    for first in range(0, jobs, BATCH):
        await filler.enqueue_many([Noop.new({"job": n}) for n in range(first, min(first + BATCH, jobs))])
    oban = Oban(pool=pool, queues={"bench": callers})
    began = time.perf_counter()
    await oban.start()
    await asyncio.wait_for(finished.wait(), 600)
    spent = time.perf_counter() - began
    await oban.stop()
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM oban_jobs WHERE state = 'completed'")
        row = await cursor.fetchone()
        check_all_done(row[0] if row else 0, jobs)
    await pool.close()
    return spent


def measure(parameters: Parameters) -> Answer:
    """Claims and completions per second."""
    try:
        import oban  # noqa: F401
        import uvloop
    except ImportError:
        raise NotRun("oban is not installed in this environment") from None
    logging.disable(logging.CRITICAL)
    spent = uvloop.run(_drain(parameters))
    jobs = parameters["jobs"]
    return answer(
        {"pairs_per_second": jobs / spent},
        durability="PostgreSQL, synchronous_commit=on, fsync=on; claims in batches, acknowledgements in batches later",
        subject=f"oban {metadata.version('oban')}",
        note=f"queue limit {parameters['callers']}; no events, no ledger",
    )


if __name__ == "__main__":
    run_side(measure)
