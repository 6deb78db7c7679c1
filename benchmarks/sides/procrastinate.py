"""procrastinate on PostgreSQL: its own worker with a concurrency of 100 runs a no-op task."""

from __future__ import annotations

import asyncio
import logging
import time
from importlib import metadata

from benchmarks.child import Answer, NotRun, Parameters, answer, check_all_done, run_side
from benchmarks.databases import fresh_database

CONNECTIONS = 20
BATCH = 1_000


def measure(parameters: Parameters) -> Answer:
    """Claims and completions per second."""
    try:
        import procrastinate
    except ImportError:
        raise NotRun("procrastinate is not installed (uv sync --group bench)") from None
    logging.disable(logging.CRITICAL)
    jobs, callers = parameters["jobs"], parameters["callers"]
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=fresh_database(parameters), min_size=CONNECTIONS, max_size=CONNECTIONS
        )
    )

    @app.task(name="noop")
    async def noop(number: int) -> None:
        return None

    async def drain() -> float:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            for first in range(0, jobs, BATCH):
                batch = [{"number": number} for number in range(first, min(first + BATCH, jobs))]
                await noop.batch_defer_async(*batch)
            began = time.perf_counter()
            await app.run_worker_async(
                concurrency=callers, wait=False, install_signal_handlers=False, listen_notify=False
            )
            spent = time.perf_counter() - began
            row = await app.connector.execute_query_one_async(
                "SELECT count(*) AS done FROM procrastinate_jobs WHERE status = 'succeeded'"
            )
            check_all_done(row["done"], jobs)
            return spent

    spent = asyncio.run(drain())
    return answer(
        {"pairs_per_second": jobs / spent},
        durability="PostgreSQL, synchronous_commit=on, fsync=on: commit before the answer",
        subject=f"procrastinate {metadata.version('procrastinate')}",
        note=f"worker concurrency {callers}, {CONNECTIONS} connections; writes events by trigger, no ledger",
    )


if __name__ == "__main__":
    run_side(measure)
