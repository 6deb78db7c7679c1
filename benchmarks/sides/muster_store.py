"""muster's own store, in process: the real commands for claim and completion, with log, leases and ledger."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from benchmarks.child import Answer, Parameters, answer, check_all_done, fresh_directory, run_side

if TYPE_CHECKING:
    from muster.store.database import Store

COST_USD = 0.015
MICROS = 1_000_000
DURABILITY = {
    ("sqlite", "relaxed"): "SQLite WAL NORMAL: commit before the answer, no fsync",
    ("sqlite", "default"): "SQLite WAL NORMAL: claims after commit, completions after fdatasync of the WAL",
    ("postgres", "default"): "PostgreSQL, fsync=on; synchronous_commit=on for completions, off for claims",
    ("postgres", "strict"): "PostgreSQL, synchronous_commit=on, fsync=on: commit before the answer",
}


async def _open(parameters: Parameters) -> Store:
    from benchmarks.databases import fresh_database
    from benchmarks.opening import open_new

    durability = parameters.get("durability", "default")
    if parameters.get("database") == "postgres":
        return await open_new(fresh_database(parameters), durability)
    return await open_new(fresh_directory(parameters) / "muster.db", durability)


async def _caller(store: Store, agent: str, latencies: list[float]) -> None:
    from muster.commands.attempts import EndAttempt, end_attempts
    from muster.commands.claims import ClaimTasks, claim_tasks
    from muster.domain.admission import ClaimFilter

    wants = ClaimTasks(ClaimFilter(agent_id=agent))
    while True:
        began = time.perf_counter()
        claims = (await store.execute(claim_tasks(wants))).claims
        latencies.append(time.perf_counter() - began)
        if not claims:
            return
        claim = claims[0]
        ended = EndAttempt(
            attempt_id=claim.attempt_id,
            token=claim.token,
            output="ok",
            exit_code=0,
            cost=int(COST_USD * MICROS),
        )
        await store.execute(end_attempts(ended))


async def _checks(store: Store, jobs: int) -> None:
    """Every task succeeded once, every transition is in the log, the money is exact."""
    from muster.store.statements import Statement

    async def number(sql: str) -> Any:
        return (await store.rows(Statement(sql)))[0][0]

    check_all_done(await number("SELECT count(*) FROM tasks WHERE state = 60"), jobs)
    check_all_done(await number("SELECT count(*) FROM attempts WHERE state = 'succeeded'"), jobs)
    check_all_done(await number("SELECT count(*) FROM events WHERE kind = 'attempt.started'"), jobs)
    check_all_done(await number("SELECT count(*) FROM events WHERE kind = 'attempt.succeeded'"), jobs)
    check_all_done(await number("SELECT sum(spent) FROM projects"), jobs * int(COST_USD * MICROS))
    check_all_done(await number("SELECT sum(reserved) FROM projects"), 0)


async def _drain(parameters: Parameters) -> tuple[float, list[float]]:
    from benchmarks.opening import fill

    store = await _open(parameters)
    await fill(store, parameters["jobs"])
    latencies: list[float] = []
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(parameters["callers"]):
            group.create_task(_caller(store, f"agent-{number:03}", latencies))
    spent = time.perf_counter() - began
    await _checks(store, parameters["jobs"])
    await store.close()
    return spent, latencies


def measure(parameters: Parameters) -> Answer:
    """Claims and completions per second."""
    import uvloop

    from benchmarks.statistics import latency_figures

    spent, latencies = uvloop.run(_drain(parameters))
    database = parameters.get("database", "sqlite")
    return answer(
        {"pairs_per_second": parameters["jobs"] / spent, **latency_figures(latencies, "claim_")},
        durability=DURABILITY[database, parameters.get("durability", "default")],
        subject="muster, its store and commands",
        note="two events, attempt, lease, gates, ledger a job",
    )


if __name__ == "__main__":
    run_side(measure)
