"""Sessions, activities, task classes, and what a new database starts with."""

from __future__ import annotations

import pytest

from muster.commands.activities import NewActivity, post_activity
from muster.commands.defaults import ensure_defaults
from muster.commands.sessions import create_session, edit_session, end_session
from muster.commands.task_classes import delete_task_class, set_task_class
from muster.domain.errors import Conflict, InvalidInput, NotFound, WrongState
from muster.domain.session import Session
from muster.domain.task_class import TaskClass
from muster.store.database import Store
from muster.store.statements import Statement
from tests.store.events import log_of, one
from tests.store.working import CLASSES, Place


async def test_a_new_database_gets_a_project_queues_and_classes_once(store: Store) -> None:
    """SQ-4"""
    await store.execute(ensure_defaults(CLASSES))
    first = len(await log_of(store))
    await store.execute(ensure_defaults(CLASSES))
    assert len(await log_of(store)) == first == 14
    rows = await store.rows(Statement("SELECT name, mode FROM queues ORDER BY name"))
    assert rows == [("agents", "auto"), ("by-hand", "manual"), ("default", "auto"), ("inbox", "external")]
    assert await one(store, "SELECT timeout_us FROM task_classes WHERE name = 'FAST_SCRIPT'") == 30_000_000


async def test_a_class_changed_over_the_api_stays_until_its_setting_changes(store: Store) -> None:
    await store.execute(ensure_defaults(CLASSES))
    await store.execute(set_task_class(TaskClass("FAST_SCRIPT", 45_000_000, "quick")))
    await store.execute(ensure_defaults(CLASSES))
    assert await one(store, "SELECT timeout_us FROM task_classes WHERE name = 'FAST_SCRIPT'") == 45_000_000
    await store.execute(ensure_defaults([TaskClass("FAST_SCRIPT", 60_000_000), *CLASSES[1:]]))
    assert await one(store, "SELECT timeout_us FROM task_classes WHERE name = 'FAST_SCRIPT'") == 60_000_000
    assert await one(store, "SELECT description FROM task_classes WHERE name = 'FAST_SCRIPT'") == "quick"


async def test_own_classes_can_be_removed_and_built_in_ones_not(store: Store) -> None:
    await store.execute(ensure_defaults(CLASSES))
    assert await store.execute(set_task_class(TaskClass("NIGHTLY", 3_600_000_000)))
    assert not await store.execute(set_task_class(TaskClass("NIGHTLY", 7_200_000_000)))
    await store.execute(delete_task_class("NIGHTLY"))
    with pytest.raises(NotFound):
        await store.execute(delete_task_class("NIGHTLY"))
    with pytest.raises(Conflict, match="built in"):
        await store.execute(delete_task_class("LLM_HEAVY"))
    with pytest.raises(InvalidInput, match="timeout_us"):
        await store.execute(set_task_class(TaskClass("NIGHTLY", 0)))


async def test_a_session_is_begun_changed_and_ended(store: Store) -> None:
    """SQ-2"""
    session = await store.execute(create_session(Session(name="monday")))
    await store.execute(edit_session(session, {"context": "release week"}))
    assert await store.execute(end_session(session))
    assert not await store.execute(end_session(session))
    with pytest.raises(WrongState, match="ended"):
        await store.execute(edit_session(session, {"name": "tuesday"}))
    with pytest.raises(NotFound, match="ses_"):
        await store.execute(end_session(5))
    with pytest.raises(NotFound, match="prj_"):
        await store.execute(create_session(Session(name="x", project_id=5)))
    kinds = [event.kind for event in await log_of(store)]
    assert kinds == ["session.created", "session.edited", "session.edited"]


async def test_an_activity_is_posted_about_a_task_of_a_project(store: Store) -> None:
    """MC-10"""
    place = await Place.at(store)
    task = await place.submit()
    public = await store.execute(post_activity(NewActivity(type="note", title="Looked at it", task_id=task)))
    posted = (await log_of(store, "activity.posted"))[0]
    assert public.startswith("act_")
    assert public in posted.data
    assert (posted.task_id, posted.project_id) == (task, place.project)
    with pytest.raises(NotFound, match="tsk_"):
        await store.execute(post_activity(NewActivity(type="note", title="x", task_id=3)))
    with pytest.raises(NotFound, match="prj_"):
        await store.execute(post_activity(NewActivity(type="note", title="x", project_id=3)))
    with pytest.raises(InvalidInput, match="title"):
        NewActivity(type="note", title=" ")
