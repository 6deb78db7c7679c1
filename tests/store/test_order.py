"""The order of a queue: a waiting task is put elsewhere in it."""

from __future__ import annotations

import pytest

from muster.commands import order
from muster.commands.lifecycle import cancel_task, requeue_tasks
from muster.commands.order import move_task
from muster.commands.queues import create_queue
from muster.domain.errors import InvalidInput, NotFound, WrongState
from muster.domain.queue import Queue
from muster.domain.task import Priority
from muster.projections.task_filter import TaskFilter
from muster.projections.task_lists import Order, list_tasks
from muster.store.database import Store
from tests.store.events import log_of, one
from tests.store.trust import verified
from tests.store.working import Place


async def line(place: Place) -> list[int]:
    """The waiting tasks of the queue as they will be handed out."""
    wanted = TaskFilter(queue_id=place.queue)
    page = await list_tasks(place.store, wanted, place.store.now(), order=Order.QUEUE)
    return [row.id for row in page.items if row.state.waiting]


async def test_a_task_goes_before_or_after_another_and_is_handed_out_there(
    store: Store, database: str
) -> None:
    """SW-8a"""
    place = await Place.at(store)
    a, b, c, d = [await place.submit(name) for name in "abcd"]
    await store.execute(move_task(d, a, after=False))
    assert await line(place) == [d, a, b, c]
    await store.execute(move_task(a, c, after=True))
    assert await line(place) == [d, b, c, a]
    await store.execute(move_task(b, d, after=False))
    await store.execute(move_task(c, d, after=False))
    assert await line(place) == [b, c, d, a]
    assert [claimed.task_id for claimed in [await place.claim() for _ in range(4)] if claimed] == [b, c, d, a]
    assert (await verified(database)).problems == []


async def test_a_task_takes_the_priority_of_the_one_it_is_put_beside(store: Store, database: str) -> None:
    """SW-8a"""
    place = await Place.at(store)
    low = await place.submit("low", priority=Priority.LOW)
    urgent = await place.submit("urgent", priority=Priority.URGENT)
    other = await place.submit("other", priority=Priority.URGENT)
    await store.execute(move_task(low, other, after=False))
    assert await line(place) == [urgent, low, other]
    assert await one(store, "SELECT priority FROM tasks WHERE id = ?1", low) == Priority.URGENT
    assert (await verified(database)).problems == []


async def test_a_task_that_stands_there_already_changes_nothing(store: Store) -> None:
    place = await Place.at(store)
    a, b = [await place.submit(name) for name in "ab"]
    await store.execute(move_task(a, b, after=False))
    assert await line(place) == [a, b]
    assert await log_of(store, "task.edited") == []


async def test_places_of_tasks_that_run_or_wait_elsewhere_stay(store: Store, database: str) -> None:
    """SW-8a"""
    place = await Place.at(store)
    running, a, b, c = [await place.submit(name) for name in ("running", "a", "b", "c")]
    await place.claim()
    here = place.queue
    place.queue = await store.execute(create_queue(Queue(name="other", mode="external")))
    elsewhere = await place.submit("elsewhere")
    place.queue = here
    await store.execute(move_task(c, a, after=False))
    for task in (running, elsewhere):
        assert await one(store, "SELECT position FROM tasks WHERE id = ?1", task) == task
    with pytest.raises(InvalidInput, match="another queue"):
        await store.execute(move_task(b, elsewhere, after=False))
    with pytest.raises(WrongState, match="only waiting tasks"):
        await store.execute(move_task(b, running, after=True))
    with pytest.raises(InvalidInput, match="itself"):
        await store.execute(move_task(b, b, after=True))
    with pytest.raises(NotFound):
        await store.execute(move_task(b, 5, after=True))
    assert (await verified(database)).problems == []


async def test_a_move_past_very_many_tasks_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "FARTHEST", 2)
    place = await Place.at(store)
    a, b, c, d = [await place.submit(name) for name in "abcd"]
    with pytest.raises(InvalidInput, match="more than 2 tasks away"):
        await store.execute(move_task(d, a, after=False))
    await store.execute(move_task(c, a, after=False))
    assert await line(place) == [c, a, b, d]


async def test_finished_tasks_are_requeued_together_or_not_at_all(store: Store) -> None:
    """SW-4b"""
    place = await Place.at(store)
    a, b, c = [await place.submit(name) for name in "abc"]
    for task in (a, b):
        await store.execute(cancel_task(task))
    with pytest.raises(WrongState):
        await store.execute(requeue_tasks([a, b, c], "together"))
    assert await line(place) == [c]
    assert await store.execute(requeue_tasks([a, b], "together")) == 2
    assert await line(place) == [a, b, c]
