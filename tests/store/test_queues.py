"""Queues: making, changing, holding and removing them."""

from __future__ import annotations

import json

import pytest

from muster.commands.queues import (
    archive_queue,
    create_queue,
    delete_queue,
    edit_queue,
    ensure_agent_queue,
    pause_queue,
    resume_queue,
    unarchive_queue,
)
from muster.domain.admission import ClaimFilter
from muster.domain.errors import AlreadyExists, InvalidInput, NotFound, WrongState
from muster.domain.queue import Queue
from muster.store.database import Store
from tests.store.events import log_of, one
from tests.store.working import Place


async def test_a_queue_name_can_be_taken_only_once(store: Store) -> None:
    """SQ-3"""
    await store.execute(create_queue(Queue(name="builds")))
    other = await store.execute(create_queue(Queue(name="docs")))
    with pytest.raises(AlreadyExists, match="builds"):
        await store.execute(create_queue(Queue(name="builds")))
    with pytest.raises(AlreadyExists):
        await store.execute(edit_queue(other, {"name": "builds"}))


async def test_a_queue_refuses_unknown_places_and_fields(store: Store) -> None:
    queue = await store.execute(create_queue(Queue(name="builds")))
    with pytest.raises(NotFound, match="prj_"):
        await store.execute(edit_queue(queue, {"project_id": 5}))
    with pytest.raises(NotFound, match="ses_"):
        await store.execute(create_queue(Queue(name="more", session_id=5)))
    with pytest.raises(InvalidInput, match="paused"):
        await store.execute(edit_queue(queue, {"paused": True}))
    with pytest.raises(NotFound, match="que_"):
        await store.execute(pause_queue(5))


async def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(store: Store) -> None:
    place = await Place.at(store)
    await place.submit()
    assert await store.execute(pause_queue(place.queue))
    assert not await store.execute(pause_queue(place.queue))
    assert await place.claim() is None
    assert await store.execute(resume_queue(place.queue))
    assert await place.claim() is not None
    changes = [json.loads(event.data)["changes"] for event in await log_of(store, "queue.edited")]
    assert changes == [{"paused": True}, {"paused": False}]


async def test_resuming_a_queue_wakes_claimers_that_wait(store: Store) -> None:
    place = await Place.at(store)
    await place.submit()
    await store.execute(pause_queue(place.queue))
    parked = store.signals.park(ClaimFilter("ann"))
    await store.execute(resume_queue(place.queue))
    assert parked.woken.is_set()


async def test_an_archived_queue_takes_and_hands_out_nothing(store: Store) -> None:
    """SQ-3"""
    place = await Place.at(store)
    await place.submit()
    assert await store.execute(archive_queue(place.queue))
    assert await place.claim() is None
    with pytest.raises(WrongState, match="archived"):
        await place.submit()
    assert await store.execute(unarchive_queue(place.queue))
    assert await place.claim() is not None


async def test_only_an_empty_queue_can_be_deleted(store: Store) -> None:
    place = await Place.at(store)
    await place.submit()
    with pytest.raises(WrongState, match="archive it"):
        await store.execute(delete_queue(place.queue))
    empty = await store.execute(create_queue(Queue(name="builds")))
    await store.execute(delete_queue(empty))
    assert await one(store, "SELECT count(*) FROM queues WHERE name = 'builds'") == 0


async def test_an_agents_queue_is_made_once_and_belongs_to_it(store: Store) -> None:
    """SA-2a"""
    queue = await store.execute(ensure_agent_queue("ann"))
    assert await store.execute(ensure_agent_queue("ann")) == queue
    assert await one(store, "SELECT name || ' ' || mode || ' ' || agent_id FROM queues") == (
        "agent-ann external ann"
    )
    assert len(await log_of(store, "queue.created")) == 1


async def test_a_queue_named_like_an_agents_becomes_its_queue(store: Store) -> None:
    queue = await store.execute(create_queue(Queue(name="agent-bob")))
    assert await store.execute(ensure_agent_queue("bob")) == queue
    assert await one(store, "SELECT agent_id FROM queues") == "bob"
    await store.execute(create_queue(Queue(name="agent-eve", agent_id="mallory")))
    with pytest.raises(AlreadyExists):
        await store.execute(ensure_agent_queue("eve"))
