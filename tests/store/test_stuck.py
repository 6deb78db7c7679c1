"""Tasks that wait for one that will not be done by itself any more, and how many wait for a task."""

from __future__ import annotations

from muster.commands.lifecycle import archive_tasks, cancel_task, requeue_task
from muster.domain.retry import RetryPolicy
from muster.domain.task import TaskState
from muster.projections.folding import fold_next
from muster.projections.overview import overview_of
from muster.projections.registry import PROJECTIONS
from muster.projections.task_filter import TaskFilter
from muster.projections.task_lists import Order, list_task_ids, list_tasks
from muster.projections.tasks import task_rows
from muster.store.database import Store
from tests.store.working import Place, public

ONCE = {"retry": RetryPolicy(max_attempts=1)}


async def stuck(store: Store) -> list[int]:
    return (await list_task_ids(store, TaskFilter(stuck=True))).items


async def figure(store: Store) -> int:
    return (await overview_of(store, store.now(), store.now())).stuck


async def failed(place: Place, title: str = "first") -> int:
    task = await place.submit(title, spec=ONCE)
    claimed = await place.claim()
    assert claimed is not None
    assert claimed.task_id == task
    await place.end(claimed, code="exit", message="no")
    return task


async def behind(place: Place, *tasks: int, title: str = "behind") -> int:
    return await place.submit(title, depends_on=tuple(public(task) for task in tasks))


async def test_what_waits_behind_a_failed_task_is_counted_listed_and_freed_when_that_one_is_queued_again(
    store: Store,
) -> None:
    """OD-20, SQ-3"""
    place = await Place.at(store)
    first = await failed(place)
    waiting = [await behind(place, first), await behind(place, first)]
    assert await stuck(store) == waiting[::-1]
    assert await figure(store) == 2
    rows = await task_rows(store, [first, waiting[0]], store.now())
    assert [row.waiters for row in rows] == [2, 0]
    await store.execute(requeue_task(first, ""))
    assert (await stuck(store), await figure(store)) == ([], 0)
    (row,) = await task_rows(store, [first], store.now())
    assert row.waiters == 2


async def test_what_is_archived_or_cancelled_still_blocks(store: Store) -> None:
    """OD-20"""
    place = await Place.at(store)
    first = await failed(place)
    second = await place.submit("second")
    waiting = await behind(place, first, second)
    await store.execute(archive_tasks([first]))
    assert await stuck(store) == [waiting]
    other = await behind(place, second)
    await store.execute(cancel_task(second))
    assert await stuck(store) == [other, waiting]
    await store.execute(cancel_task(waiting))
    assert await stuck(store) == [other]
    (row,) = await task_rows(store, [first], store.now())
    assert row.waiters == 0


async def test_what_depends_on_a_task_is_listed_in_any_order_and_narrowed(store: Store) -> None:
    """OD-20"""
    place = await Place.at(store)
    first = await place.submit("first")
    waiting = [await behind(place, first, title=f"n{number}") for number in range(3)]
    await place.submit("other")
    for order, wanted in ((Order.NEWEST, waiting[::-1]), (Order.OLDEST, waiting), (Order.QUEUE, waiting)):
        page = await list_task_ids(store, TaskFilter(depends_on=first), order=order)
        assert page.items == wanted
    page = await list_tasks(store, TaskFilter(depends_on=first), store.now(), limit=2)
    rest = await list_tasks(store, TaskFilter(depends_on=first), store.now(), limit=2, after=page.next)
    assert [row.id for row in (*page.items, *rest.items)] == waiting[::-1]
    done = TaskFilter(depends_on=first, states=frozenset({TaskState.SUCCEEDED}))
    assert (await list_task_ids(store, done)).items == []
    await store.execute(fold_next(PROJECTIONS[0], 10_000))
    assert (await list_task_ids(store, TaskFilter(depends_on=first, text="n1"))).items == [waiting[1]]
