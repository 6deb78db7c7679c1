"""Projects: making, changing, funding and removing them."""

from __future__ import annotations

import pytest

from muster.commands.lifecycle import cancel_task
from muster.commands.projects import allocate, create_project, delete_project, edit_project
from muster.commands.queues import create_queue
from muster.commands.sessions import create_session
from muster.domain.errors import AlreadyExists, Conflict, InvalidInput, NotFound, WrongState
from muster.domain.project import Project
from muster.domain.queue import Queue
from muster.domain.session import Session
from muster.store.database import Store
from tests.store.events import log_of, one
from tests.store.working import Place, public


async def test_a_project_is_made_with_its_budget_in_the_ledger(store: Store) -> None:
    """MC-1"""
    project = await store.execute(create_project(Project(name="site", allocated=5_000_000)))
    assert await one(store, "SELECT allocated FROM projects WHERE id = ?1", project) == 5_000_000
    created, allocated = await log_of(store)
    assert (created.kind, created.project_id, created.amount) == ("project.created", project, None)
    assert "allocated" not in created.data
    assert (allocated.kind, allocated.amount) == ("project.allocated", 5_000_000)


async def test_a_project_name_can_be_taken_only_once(store: Store) -> None:
    await store.execute(create_project(Project(name="site")))
    other = await store.execute(create_project(Project(name="shop")))
    with pytest.raises(AlreadyExists, match="site"):
        await store.execute(create_project(Project(name="site")))
    with pytest.raises(AlreadyExists):
        await store.execute(edit_project(other, {"name": "site"}))


async def test_an_edit_changes_only_what_is_named(store: Store) -> None:
    project = await store.execute(create_project(Project(name="site", icon="globe")))
    await store.execute(edit_project(project, {"status": "paused", "icon": "globe", "concurrency": 2}))
    edited = (await log_of(store, "project.edited"))[0]
    assert edited.data == '{"changes":{"status":"paused","concurrency":2}}'
    await store.execute(edit_project(project, {"status": "paused"}))
    assert len(await log_of(store, "project.edited")) == 1


async def test_a_bad_field_is_named_and_nothing_is_written(store: Store) -> None:
    project = await store.execute(create_project(Project(name="site")))
    with pytest.raises(InvalidInput, match="status"):
        await store.execute(edit_project(project, {"status": "asleep", "icon": "x"}))
    with pytest.raises(InvalidInput, match="spent"):
        await store.execute(edit_project(project, {"spent": 0}))
    with pytest.raises(NotFound, match="prj_"):
        await store.execute(edit_project(17, {"icon": "x"}))
    assert len(await log_of(store)) == 1


async def test_money_can_be_taken_back_down_to_what_is_committed(store: Store) -> None:
    """OD-23"""
    place = await Place.at(store)
    place.project = await store.execute(create_project(Project(name="site")))
    with pytest.raises(InvalidInput, match="amount"):
        await store.execute(allocate(place.project, -1))
    assert await store.execute(allocate(place.project, 3_000_000, "seed")) == 3_000_000
    await place.submit(estimate=2_000_000)
    assert await place.claim() is not None
    with pytest.raises(InvalidInput, match=r"\$2\.0000"):
        await store.execute(allocate(place.project, -1_500_000))
    with pytest.raises(InvalidInput, match="allocated"):
        await store.execute(edit_project(place.project, {"allocated": 1}))
    assert await store.execute(allocate(place.project, -1_000_000)) == 2_000_000


async def test_setting_the_budget_is_an_allocation_of_the_difference(store: Store) -> None:
    project = await store.execute(create_project(Project(name="site", allocated=1_000_000)))
    await store.execute(edit_project(project, {"allocated": 4_000_000}))
    await store.execute(edit_project(project, {"allocated": None}))
    await store.execute(edit_project(project, {"allocated": 500_000}))
    amounts = [event.amount for event in await log_of(store, "project.allocated")]
    assert amounts == [1_000_000, 3_000_000, -4_000_000, 500_000]
    assert [event.data for event in await log_of(store, "project.edited")] == [
        '{"changes":{"allocated":null}}'
    ]


async def test_a_project_with_tasks_is_deleted_only_with_them(store: Store) -> None:
    """MC: 409 while it has active tasks"""
    place = await Place.at(store)
    place.project = await store.execute(create_project(Project(name="site")))
    first = await place.submit()
    await place.submit(depends_on=(public(first),))
    claimed = await place.claim()
    assert claimed is not None
    with pytest.raises(WrongState, match="1 of its tasks run"):
        await store.execute(delete_project(place.project, with_tasks=True))
    await place.end(claimed)
    with pytest.raises(WrongState, match="1 waiting and 1 finished"):
        await store.execute(delete_project(place.project))
    assert await store.execute(delete_project(place.project, with_tasks=True)) == 0
    assert await one(store, "SELECT count(*) FROM tasks") == 0
    assert await one(store, "SELECT count(*) FROM lanes") == 0
    kinds = [event.kind for event in await log_of(store)][-4:]
    assert sorted(kinds) == ["project.deleted", "task.cancelled", "task.removed", "task.removed"]
    with pytest.raises(NotFound):
        await store.execute(delete_project(place.project))


async def test_a_large_project_is_deleted_in_bites_and_hands_out_nothing_meanwhile(store: Store) -> None:
    place = await Place.at(store)
    place.project = await store.execute(create_project(Project(name="site")))
    for _ in range(5):
        await place.submit()
    left = await store.execute(delete_project(place.project, with_tasks=True, limit=2))
    assert left == 3
    assert await place.claim() is None
    assert await store.execute(delete_project(place.project, with_tasks=True, limit=2)) == 1
    assert await store.execute(delete_project(place.project, with_tasks=True, limit=2)) == 0


async def test_a_project_is_kept_while_tasks_of_another_wait_for_its_tasks(store: Store) -> None:
    place = await Place.at(store)
    elsewhere = place.project
    place.project = await store.execute(create_project(Project(name="site")))
    target = await place.submit()
    waiter = await place.submit(depends_on=(public(target),), project_id=elsewhere)
    with pytest.raises(Conflict, match=public(waiter)):
        await store.execute(delete_project(place.project, with_tasks=True))
    await store.execute(cancel_task(waiter))
    with pytest.raises(Conflict, match="remove those first"):
        await store.execute(delete_project(place.project, with_tasks=True))
    assert await one(store, "SELECT state FROM tasks WHERE id = ?1", target) == 30


async def test_queues_and_sessions_of_a_deleted_project_stay_without_it(store: Store) -> None:
    project = await store.execute(create_project(Project(name="site")))
    await store.execute(create_queue(Queue(name="q", project_id=project)))
    await store.execute(create_session(Session(name="s", project_id=project)))
    await store.execute(delete_project(project))
    assert await one(store, "SELECT project_id FROM queues") is None
    assert await one(store, "SELECT project_id FROM sessions") is None
    assert [event.kind for event in await log_of(store)][-3:] == [
        "queue.edited",
        "session.edited",
        "project.deleted",
    ]


async def test_the_default_project_cannot_be_deleted(store: Store) -> None:
    place = await Place.at(store)
    with pytest.raises(Conflict, match="default project stays"):
        await store.execute(delete_project(place.project))
