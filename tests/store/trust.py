"""Verifying a test's database, and tampering with it behind the store's back."""

from __future__ import annotations

from pathlib import Path

import apsw
import asyncpg

from muster.commands.seals import seal_next_block
from muster.store.database import Store
from muster.store.snapshot import open_snapshot
from muster.store.verification import VerifyReport, verify_snapshot
from tests.store.working import Place, public


def quiet(_done: int, _total: int, _what: str) -> None:
    """Progress that nobody looks at."""


def place_of(database: str) -> Path | str:
    """The path or the URL that `open_snapshot` wants."""
    return database if "://" in database else Path(database)


async def verified(database: str) -> VerifyReport:
    """What verification says of a database."""
    async with open_snapshot(place_of(database)) as snapshot:
        return await verify_snapshot(snapshot, quiet)


async def seal_all(store: Store, block: int = 4096) -> int:
    """Seal every event; how many."""
    total = 0
    while sealed := await store.execute(seal_next_block(block)):
        total += sealed
    return total


async def tamper(database: str, *statements: str) -> None:
    """Change a database from outside; a statement must change something."""
    place = place_of(database)
    if isinstance(place, Path):
        connection = apsw.Connection(str(place))
        for statement in statements:
            connection.execute(statement)
            assert connection.changes(), statement
        connection.close()
        return
    outside = await asyncpg.connect(place)
    for statement in statements:
        assert not (await outside.execute(statement)).endswith(" 0"), statement
    await outside.close()


async def a_day_of_work(store: Store) -> dict[str, int]:
    """A bit of everything in the log; names of some tasks with their ids. At least 20 events."""
    place = await Place.at(store)
    made = await place.submit("made", estimate=40, spec={"tags": ("b", "a"), "payload": {"n": 1}})
    after = await place.submit("after", depends_on=(public(made),))
    waiting = await place.submit("waiting", depends_on=(public(after),))
    claimed = await place.claim("ann")
    assert claimed is not None
    await place.end(claimed, cost=25, output="done", result={"x": [1, 2]}, tokens=(1, 2, 3, 4), exit_code=0)
    claimed = await place.claim("bob")
    assert claimed is not None
    await place.end(claimed, code="exit_nonzero", message="no", cost=3, exit_code=1)
    for number in range(8):
        await place.submit(f"filler {number}")
    running = await place.claim("cid")
    assert running is not None
    return {"made": made, "after": after, "waiting": waiting, "running": running.task_id}
