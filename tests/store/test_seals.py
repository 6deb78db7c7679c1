"""The chain over the log: whatever is done to a sealed event or a seal is found and named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import apsw
import pytest

from muster.commands.seals import seal_next_block
from muster.store.database import Store
from muster.store.seals import GENESIS, LogDamaged
from tests.store.events import one
from tests.store.trust import a_day_of_work, seal_all, tamper, verified
from tests.store.working import Place

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what the two databases have in common."""


async def test_a_log_that_nobody_touched_verifies(store: Store, database: str) -> None:
    """SW-6e: the log is hash-chained and verifiable; what is not sealed yet is counted."""
    await a_day_of_work(store)
    events = await seal_all(store, block=4)
    await (await Place.at(store)).submit("too new to be sealed")
    report = await verified(database)
    assert report.problems == []
    assert (report.events, report.unsealed) == (events + 1, 1)
    assert report.blocks == -(-events // 4)
    assert report.head_hash == await one(store, "SELECT hash FROM seals ORDER BY block DESC LIMIT 1")


@on_sqlite
async def test_an_empty_log_verifies(store: Store, database: str) -> None:
    assert await store.execute(seal_next_block()) == 0
    report = await verified(database)
    assert report.ok
    assert (report.events, report.blocks, report.head_hash) == (0, 0, GENESIS)


@on_sqlite
async def test_the_chain_can_be_checked_without_muster(store: Store, database: str) -> None:
    """The format is the one that docs/explanation/durability.md gives."""
    await a_day_of_work(store)
    await (await Place.at(store)).submit("t\b\f\n\r\t\x1f\x7f \\ / \u2028 é 🎉 <&>")
    await seal_all(store, block=6)

    def line(values: Sequence[Any]) -> bytes:
        return json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"

    previous = "0" * 64
    connection = apsw.Connection(database)
    for block, first, last, before, checks, sealed_at, sealed in connection.execute(
        "SELECT block, first_seq, last_seq, previous, checks, sealed_at, hash FROM seals ORDER BY block"
    ):
        events = connection.execute(
            "SELECT seq, at, kind, task_id, attempt_id, agent_id, project_id, amount, data FROM events "
            "WHERE seq BETWEEN ? AND ? ORDER BY seq",
            (first, last),
        )
        text = line([block, first, last, before, checks, sealed_at]) + b"".join(map(line, events))
        assert (before, hashlib.sha256(text).hexdigest()) == (previous, sealed)
        previous = sealed
    connection.close()
    assert previous == (await verified(database)).head_hash


@on_sqlite
async def test_sealing_takes_what_is_there_and_no_more_than_asked(store: Store) -> None:
    await a_day_of_work(store)
    assert await store.execute(seal_next_block(5)) == 5
    assert await store.execute(seal_next_block(5)) == 5
    assert await one(store, "SELECT previous FROM seals WHERE block = 2") == await one(
        store, "SELECT hash FROM seals WHERE block = 1"
    )


@on_sqlite
@pytest.mark.parametrize(
    "change",
    [
        "data = replace(data, ':', ': ')",
        "at = at + 1",
        "agent_id = 'mallory'",
        "amount = 1",
        "project_id = NULL",
        "kind = 'task.archived'",
    ],
)
async def test_a_changed_event_is_named_by_its_position(store: Store, database: str, change: str) -> None:
    """SW-6e: one byte of one event is enough."""
    await a_day_of_work(store)
    await seal_all(store, block=8)
    seq = await one(store, "SELECT seq FROM events WHERE kind = 'attempt.started' ORDER BY seq LIMIT 1")
    await tamper(database, f"UPDATE events SET {change} WHERE seq = {seq}")
    report = await verified(database)
    assert f"event {seq} is not the one that was sealed (block {(seq + 7) // 8})" in report.problems
    assert sum("was sealed" in problem for problem in report.problems) == 1


async def test_a_removed_event_is_named(store: Store, database: str) -> None:
    await a_day_of_work(store)
    await seal_all(store, block=8)
    await tamper(database, "DELETE FROM events WHERE seq IN (10, 11, 13)")
    problems = (await verified(database)).problems
    assert "events 10 to 11 are missing" in problems
    assert "event 13 is missing" in problems


@on_sqlite
async def test_events_removed_from_either_end_are_missed(store: Store, database: str) -> None:
    await a_day_of_work(store)
    sealed = await seal_all(store, block=8)
    await tamper(database, f"DELETE FROM events WHERE seq IN (1, 2, {sealed})")
    problems = (await verified(database)).problems
    assert "events 1 to 2 are missing" in problems
    assert f"event {sealed} is missing" in problems


async def test_two_events_that_changed_places_are_both_named(store: Store, database: str) -> None:
    await a_day_of_work(store)
    await seal_all(store)
    await tamper(
        database,
        "UPDATE events SET seq = -1 WHERE seq = 12",
        "UPDATE events SET seq = 12 WHERE seq = 13",
        "UPDATE events SET seq = 13 WHERE seq = -1",
    )
    problems = (await verified(database)).problems
    assert "event 12 is not the one that was sealed (block 1)" in problems
    assert "event 13 is not the one that was sealed (block 1)" in problems


async def test_an_event_added_behind_the_head_is_found_by_what_it_says(store: Store, database: str) -> None:
    names = await a_day_of_work(store)
    events = await seal_all(store)
    await tamper(
        database,
        "INSERT INTO events (seq, at, kind, task_id, data) "
        f"VALUES ({events + 1}, 1, 'task.archived', {names['made']}, '{{\"reason\":\"\"}}')",
    )
    report = await verified(database)
    assert report.unsealed == 1
    assert any("archived_at is None, the log says 1" in problem for problem in report.problems)


@on_sqlite
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            "UPDATE seals SET hash = replace(hash, 'a', 'b') WHERE block = 2",
            "seal 2 of events 9 to 16 was changed",
        ),
        (
            "UPDATE seals SET sealed_at = sealed_at + 1 WHERE block = 2",
            "seal 2 of events 9 to 16 was changed",
        ),
        ("UPDATE seals SET checks = 'AAAA' WHERE block = 2", "seal 2 of events 9 to 16 was changed"),
        ("UPDATE seals SET checks = '?' WHERE block = 2", "seal 2 of events 9 to 16 was changed"),
        ("UPDATE seals SET previous = hash WHERE block = 2", "seal 2 does not continue the chain"),
        ("DELETE FROM seals WHERE block = 2", "seal 2 is missing"),
        ("UPDATE seals SET first_seq = 10 WHERE block = 2", "seal 2 begins at event 10 instead of 9"),
        ("UPDATE seals SET last_seq = 3 WHERE block = 2", "seal 2 covers no event"),
        ("DELETE FROM seals WHERE block = (SELECT max(block) FROM seals)", "was the newest once"),
        ("DELETE FROM seals", "was the newest once; there is no seal"),
    ],
)
async def test_a_changed_or_removed_seal_is_named(
    store: Store, database: str, change: str, problem: str
) -> None:
    """SW-6e: seals guard each other."""
    await a_day_of_work(store)
    await seal_all(store, block=8)
    await tamper(database, change)
    problems = (await verified(database)).problems
    assert any(problem in found for found in problems), problems


async def test_nothing_is_sealed_behind_a_gap(store: Store, database: str) -> None:
    await a_day_of_work(store)
    await store.execute(seal_next_block(8))
    await tamper(database, "DELETE FROM events WHERE seq = 10")
    with pytest.raises(LogDamaged, match="event 10 is missing, the next one is 11"):
        await store.execute(seal_next_block(8))
