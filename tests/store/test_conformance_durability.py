"""What was acknowledged survives the death of the process that did it."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from muster.store.database import Durability
from muster.store.open import open_store
from muster.store.statements import Statement
from tests.store.working import Place

ACKNOWLEDGED = 400
ROUNDS = 2
WRITER = Path(__file__).with_name("lone_writer.py")
DONE = Statement("SELECT id FROM tasks WHERE state = 60")
MONEY = Statement("SELECT reserved, spent FROM projects WHERE name = 'default'")
OWED = Statement("SELECT coalesce(sum(reserved), 0) FROM attempts WHERE state = 'running'")
GAPS = Statement("SELECT count(*), coalesce(max(seq), 0), (SELECT seq FROM log_head) FROM events")
TORN = Statement(
    "SELECT count(*) FROM attempts a JOIN tasks t ON t.attempt_id = a.id "
    "WHERE (a.state = 'running') <> (t.state = 40) OR (a.state = 'succeeded') <> (t.state = 60)"
)
ENDS = Statement("SELECT count(*) FROM events WHERE kind = 'attempt.succeeded'")


async def killed_under_load(database: str) -> set[int]:
    """Run the writer, kill it with SIGKILL in full flight; the tasks it had been told were completed."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable, WRITER, database, "40", stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    lines: list[bytes] = []
    async with asyncio.timeout(60):
        while len(lines) < ACKNOWLEDGED:
            line = await writer.stdout.readline()
            assert line, "the writer ended by itself"
            lines.append(line)
        writer.kill()
        rest = await writer.stdout.read()
        await writer.wait()
    whole = rest[: rest.rfind(b"\n") + 1]
    return {int(line) for line in [*lines, *whole.split()]}


async def test_every_acknowledged_completion_survives_kill_9(database: str) -> None:
    store = await open_store(database, durability=Durability.DEFAULT, clock=wall_clock)
    await Place.at(store)
    await store.close()
    acknowledged: set[int] = set()
    for _ in range(ROUNDS):
        acknowledged |= await killed_under_load(database)
        store = await open_store(database, durability=Durability.DEFAULT, clock=wall_clock)
        done = {row[0] for row in await store.long_rows(DONE)}
        assert acknowledged <= done
        reserved, spent = (await store.rows(MONEY))[0]
        assert spent == 7 * len(done)
        assert (reserved,) == tuple((await store.rows(OWED))[0])
        count, last, _ = (await store.rows(GAPS))[0]
        assert count == last == store.feed.head
        assert (await store.rows(TORN))[0][0] == 0
        assert (await store.rows(ENDS))[0][0] == len(done)
        await store.close()
    assert len(acknowledged) >= ROUNDS * ACKNOWLEDGED


def wall_clock() -> int:
    return time.time_ns() // 1000
