"""All benches, in the order of the table, with what muster must reach in each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from benchmarks.interpreters import oban_interpreter
from benchmarks.model import OWN, Bench, Figure, Parameters, Side
from benchmarks.postgres import cluster

PAIRS = "claim+complete"
RATE = "pairs/s"
CALLERS = 100


@contextlib.contextmanager
def _with_postgres(directory: Path, parameters: Parameters) -> Iterator[Parameters]:
    with cluster(directory) as running:
        yield {"postgres_port": running.port, "postgres_version": running.version}


def _in_process(**more: object) -> Parameters:
    return {"callers": CALLERS, **more}


SQLITE_COMMIT = Bench(
    name="sqlite-commit",
    title="claim+complete in process, 100 callers, SQLite, commit before the answer",
    sides=(
        Side(
            name=OWN, module="benchmarks.sides.muster_store", role="own", parameters={"durability": "relaxed"}
        ),
        Side(name="litequeue", module="benchmarks.sides.litequeue"),
        Side(
            name="litequeue behind a lock",
            module="benchmarks.sides.litequeue",
            parameters={"shared_connection": True},
        ),
        Side(name="bare apsw", module="benchmarks.sides.raw_sqlite", role="raw", parameters={"fsync": False}),
    ),
    figures=(
        Figure(
            key="pairs_per_second",
            label=PAIRS,
            unit=RATE,
            limit=25_000,
            times={"litequeue": 6, "litequeue behind a lock": 6},
        ),
    ),
    full=_in_process(jobs=20_000),
    quick=_in_process(jobs=5_000),
    method=(
        "Every side drains the same number of no-op jobs, queued off the clock, with 100 callers (threads for the "
        "peers, asyncio tasks for muster and for bare apsw); each caller claims one job and completes it, until "
        "none is left. After the run the completions are counted, and a run that lost one or did one twice gives no "
        "figure. muster runs its real commands: two events, the attempt with its lease, and the reservation "
        "and settlement of money for each job, all with an estimate and a cost above zero. litequeue's claim "
        "sorts all waiting rows, so its backlog is refilled in waves of 1,000, off the clock, which is its best case; "
        "it is shown as its documentation uses it (a connection a caller) and with one connection behind a "
        "lock, where callers do not sleep in SQLite's busy handler."
    ),
)

SQLITE_FSYNC = Bench(
    name="sqlite-fsync",
    title="the same with completions answered after fsync (default durability)",
    sides=(
        Side(
            name=OWN, module="benchmarks.sides.muster_store", role="own", parameters={"durability": "default"}
        ),
        Side(name="huey", module="benchmarks.sides.huey"),
        Side(name="persist-queue", module="benchmarks.sides.persist_queue"),
        Side(name="bare apsw", module="benchmarks.sides.raw_sqlite", role="raw", parameters={"fsync": True}),
    ),
    figures=(
        Figure(
            key="pairs_per_second",
            label=PAIRS,
            unit=RATE,
            limit=12_000,
            times={"huey": 6, "persist-queue": 6},
        ),
    ),
    full=_in_process(jobs=20_000),
    quick=_in_process(jobs=5_000),
    method=(
        "As above. huey has no acknowledgement (its claim deletes the row), so it commits once a job where the "
        "others commit twice."
    ),
)

POSTGRES = Bench(
    name="postgres",
    title="the same on PostgreSQL, synchronous_commit=on",
    sides=(
        Side(
            name=OWN, module="benchmarks.sides.muster_store", role="own", parameters={"database": "postgres"}
        ),
        Side(name="procrastinate", module="benchmarks.sides.procrastinate"),
        Side(name="oban", module="benchmarks.sides.oban", interpreter=oban_interpreter),
    ),
    figures=(
        Figure(
            key="pairs_per_second",
            label=PAIRS,
            unit=RATE,
            limit=8_000,
            times={"procrastinate": 15, "oban": 4},
        ),
    ),
    full=_in_process(jobs=10_000),
    quick=_in_process(jobs=2_000),
    setup=_with_postgres,
    method=(
        "One throw-away cluster for the bench and a fresh database for each run. procrastinate and oban run jobs in a "
        "worker of their own, here with a concurrency of 100; oban claims in batches and acknowledges later, "
        "its clock stops at the last acknowledgement."
    ),
)

BENCHES: tuple[Bench, ...] = (SQLITE_COMMIT, SQLITE_FSYNC, POSTGRES)
