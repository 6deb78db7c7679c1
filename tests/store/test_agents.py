"""Agents and workers: who is there."""

from __future__ import annotations

import pytest

from muster.commands.agents import delete_agent, edit_agent, note_presence, register_agent
from muster.commands.workers import Presence, forget_workers, note_departure, record_presence
from muster.domain.errors import InvalidInput, NotFound, WrongState
from muster.store.database import Store
from muster.store.statements import Statement
from tests.store.events import log_of, one
from tests.store.working import Place


async def test_registering_twice_updates_the_agent(store: Store) -> None:
    """MC-5"""
    assert await store.execute(register_agent("ann", {"model": "m1"}))
    assert not await store.execute(register_agent("ann", {"name": "Ann", "status": "offline"}))
    assert await one(store, "SELECT name || ' ' || model || ' ' || status FROM agents") == "Ann m1 offline"
    assert [event.kind for event in await log_of(store)] == ["agent.registered", "agent.edited"]
    assert (await log_of(store))[1].data == '{"changes":{"name":"Ann","status":"offline"}}'


async def test_an_unknown_agent_or_field_is_refused(store: Store) -> None:
    with pytest.raises(NotFound, match="nobody"):
        await store.execute(edit_agent("nobody", {"model": "m"}))
    with pytest.raises(InvalidInput, match="status"):
        await store.execute(register_agent("ann", {"status": "busy"}))
    with pytest.raises(InvalidInput, match="max_tokens"):
        await store.execute(register_agent("ann", {"max_tokens": -1}))
    with pytest.raises(InvalidInput, match="shoe_size"):
        await store.execute(register_agent("ann", {"shoe_size": 42}))
    assert await one(store, "SELECT count(*) FROM agents") == 0


async def test_an_agent_that_holds_a_task_cannot_be_deleted(store: Store) -> None:
    place = await Place.at(store)
    await place.submit()
    claimed = await place.claim("ann")
    assert claimed is not None
    with pytest.raises(WrongState, match="it holds task tsk_"):
        await store.execute(delete_agent("ann"))
    await place.end(claimed)
    await store.execute(delete_agent("ann"))
    with pytest.raises(NotFound):
        await store.execute(delete_agent("ann"))


async def test_a_deleted_agent_is_registered_anew_by_its_next_claim(store: Store) -> None:
    """MC-5"""
    place = await Place.at(store)
    assert await place.claim("ann") is None
    await store.execute(delete_agent("ann"))
    await place.claim("ann")
    assert await one(store, "SELECT count(*) FROM agents WHERE id = 'ann'") == 1


async def test_presence_is_written_without_an_event(store: Store) -> None:
    """SA-1"""
    await store.execute(register_agent("ann", {}))
    await store.execute(note_presence({"ann": 9_000_000_000_000_000, "unknown": 5}))
    assert await one(store, "SELECT last_active_at FROM agents") == 9_000_000_000_000_000
    assert len(await log_of(store)) == 1


_WORKER = Statement("SELECT pid, capacity, modes, kinds, left_at, started_at, seen_at FROM workers")


async def test_a_worker_says_what_it_takes_and_keeps_its_start(store: Store) -> None:
    await store.execute(record_presence(Presence(worker_id="w", pid=7, capacity=2, modes=("auto",))))
    first = (await store.rows(_WORKER))[0]
    assert first[:5] == (7, 2, '["auto"]', None, None)
    await store.execute(record_presence(Presence(worker_id="w", pid=7, capacity=3, kinds=("bash",))))
    second = (await store.rows(_WORKER))[0]
    assert second[:4] == (7, 3, "[]", '["bash"]')
    assert second[5] == first[5]
    assert second[6] >= first[6]
    assert not await log_of(store)


async def test_a_worker_that_left_starts_anew(store: Store) -> None:
    await store.execute(record_presence(Presence(worker_id="w", pid=7)))
    assert await store.execute(note_departure("w"))
    assert not await store.execute(note_departure("w"))
    left = (await store.rows(_WORKER))[0]
    assert left[4] is not None
    await store.execute(record_presence(Presence(worker_id="w", pid=8)))
    back = (await store.rows(_WORKER))[0]
    assert back[4] is None
    assert back[5] == back[6]
    assert await store.execute(forget_workers(back[6] + 1)) == 1
