"""The log replayed against the rows: whatever differs is found and named."""

from __future__ import annotations

import pytest

from muster.commands.agents import delete_agent, edit_agent, register_agent
from muster.commands.edits import edit_task, rerun_task
from muster.commands.lifecycle import (
    archive_tasks,
    cancel_task,
    delete_task,
    requeue_task,
    restore_task,
    unblock_task,
)
from muster.commands.projects import allocate, create_project, delete_project, edit_project
from muster.commands.queues import archive_queue, create_queue, delete_queue, ensure_agent_queue, pause_queue
from muster.commands.sessions import create_session, edit_session, end_session
from muster.commands.task_classes import delete_task_class, set_task_class
from muster.domain import ids
from muster.domain.project import Project
from muster.domain.queue import Queue
from muster.domain.retry import RetryPolicy
from muster.domain.session import Session
from muster.domain.task import Priority
from muster.domain.task_class import TaskClass
from muster.store import verification
from muster.store.database import Store
from tests.store.trust import a_day_of_work, tamper, verified
from tests.store.working import Place, public


async def test_the_log_says_what_the_rows_say(store: Store, database: str) -> None:
    await a_day_of_work(store)
    report = await verified(database)
    assert report.problems == []
    assert (report.tasks, report.attempts) == (11, 3)


async def test_places_and_people_can_be_rebuilt_from_the_log(store: Store, database: str) -> None:
    project = await store.execute(create_project(Project(name="p", allocated=5_000_000)))
    await store.execute(allocate(project, 1_000_000, "more"))
    await store.execute(edit_project(project, {"status": "paused", "description": "d"}))
    await store.execute(edit_project(project, {"allocated": None}))
    session = await store.execute(create_session(Session(name="s", project_id=project)))
    await store.execute(edit_session(session, {"context": "c"}))
    queue = await store.execute(create_queue(Queue(name="q", project_id=project, session_id=session)))
    await store.execute(pause_queue(queue))
    await store.execute(archive_queue(queue))
    gone = await store.execute(create_queue(Queue(name="gone")))
    await store.execute(delete_queue(gone))
    await store.execute(ensure_agent_queue("zoe"))
    await store.execute(end_session(session))
    await store.execute(register_agent("zoe", {"model": "m"}))
    await store.execute(edit_agent("zoe", {"tokens_used": 500}))
    await store.execute(register_agent("gone", {}))
    await store.execute(delete_agent("gone"))
    await store.execute(set_task_class(TaskClass("MINE", 7_000_000)))
    await store.execute(set_task_class(TaskClass("OTHER", 7_000_000)))
    await store.execute(delete_task_class("OTHER"))
    assert (await verified(database)).problems == []
    await store.execute(delete_project(project))
    assert (await verified(database)).problems == []


async def test_tasks_that_were_edited_moved_and_removed_can_be_rebuilt(store: Store, database: str) -> None:
    place = await Place.at(store)
    first, second, third = [await place.submit(name) for name in ("a", "b", "c")]
    other = await store.execute(create_queue(Queue(name="other", mode="external")))
    changes = {
        "title": "x",
        "tags": ("t",),
        "priority": Priority.URGENT,
        "retry": RetryPolicy(max_attempts=9),
    }
    await store.execute(edit_task(first, changes))
    await store.execute(edit_task(second, {"queue_id": other, "assignee": "ann", "requires": ("gpu", "arm")}))
    await store.execute(edit_task(second, {"depends_on": (public(first), public(third)), "assignee": ""}))
    await store.execute(edit_task(third, {"ready_at": store.now() + 10**12}))
    assert (await verified(database)).problems == []
    await store.execute(unblock_task(second))
    claimed = await place.claim("ann")
    assert claimed is not None
    await place.end(claimed, cost=5)
    await store.execute(rerun_task(claimed.task_id))
    await store.execute(edit_task(third, {"depends_on": (public(claimed.task_id),), "ready_at": None}))
    assert (await verified(database)).problems == []
    await store.execute(archive_tasks([claimed.task_id]))
    await store.execute(restore_task(claimed.task_id))
    await store.execute(cancel_task(third, "no"))
    await store.execute(requeue_task(third))
    await store.execute(delete_task(claimed.task_id))
    assert (await verified(database)).problems == []


async def test_a_project_removed_with_its_tasks_leaves_nothing_behind(store: Store, database: str) -> None:
    place = await Place.at(store)
    place.project = await store.execute(create_project(Project(name="p")))
    first = await place.submit("a")
    await place.submit("b", depends_on=(public(first),))
    while await store.execute(delete_project(place.project, with_tasks=True)):
        pass
    report = await verified(database)
    assert report.problems == []
    assert report.tasks == 0


async def test_tokens_count_anew_for_an_agent_that_came_back(store: Store, database: str) -> None:
    place = await Place.at(store)
    for _ in range(3):
        await place.submit()
        claimed = await place.claim("ann")
        assert claimed is not None
        await place.end(claimed, tokens=(5, 6, 7, 8))
        await store.execute(delete_agent("ann"))
        await store.execute(register_agent("ann", {"tokens_used": 100}))
    assert (await verified(database)).problems == []


async def test_pages_of_any_size_see_the_same(
    store: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded by pages, also where dependencies reach from one page into another."""
    place = await Place.at(store)
    chain = [await place.submit("0")]
    for number in range(1, 12):
        chain.append(await place.submit(str(number), depends_on=(public(chain[-1]), public(chain[0]))))
    for _ in range(4):
        claimed = await place.claim("ann")
        assert claimed is not None
        await place.end(claimed, cost=1)
    await store.execute(cancel_task(chain[8], ""))
    await store.execute(delete_task(chain[0]))
    for size in (1, 2, 3, 7):
        monkeypatch.setattr(verification, "PAGE_EVENTS", size)
        report = await verified(database)
        assert report.problems == []
        assert report.tasks == 11


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what the two databases have in common; one test of many changes runs on both."""

TAMPERED = [
    ("UPDATE tasks SET cost = cost + 1 WHERE id = {made}", "task {tsk}: cost is 26, the log says 25"),
    ("UPDATE tasks SET state = 30 WHERE id = {made}", "task {tsk}: state is 30, the log says 60"),
    ("UPDATE tasks SET position = 1 WHERE id = {made}", "task {tsk}: position is 1"),
    ("UPDATE tasks SET lane_id = 1 WHERE id = {made}", "task {tsk}: it is in lane None"),
    ("DELETE FROM tasks WHERE id = {made}", "task {tsk} is in the log, but has no row"),
    ("UPDATE task_specs SET title = 'x' WHERE id = {made}", "task {tsk}: title is 'x', the log says 'made'"),
    ("UPDATE task_specs SET doc = replace(doc, '1', '2') WHERE id = {made}", "task {tsk}: what it is to do"),
    ("UPDATE task_specs SET doc = 'x' WHERE id = {made}", "task {tsk}: what it is to do"),
    ("DELETE FROM task_specs WHERE id = {made}", "text of task {tsk} is in the log, but has no row"),
    ("INSERT INTO task_specs (id, title, doc) VALUES (5, 't', 'd')", "the log does not know that task"),
    ("UPDATE attempts SET output = 'z' WHERE task_id = {made}", "output is 'z', the log says 'done'"),
    ("UPDATE attempts SET result = '[]' WHERE task_id = {made}", "result is not what the log says"),
    ("UPDATE attempts SET result = '?' WHERE task_id = {made}", "result is not what the log says"),
    ("UPDATE attempts SET result = NULL WHERE task_id = {made}", "result is not what the log says"),
    ("DELETE FROM attempts WHERE task_id = {made}", "is in the log, but has no row"),
    ("UPDATE attempts SET id = 5 WHERE task_id = {made}", "has a row, but the log does not know it"),
    ("UPDATE task_dependencies SET done = 1 WHERE done = 0", "is done, the log says not done"),
    ("DELETE FROM task_dependencies WHERE done = 0", "has no row"),
    (
        "INSERT INTO task_dependencies (task_id, depends_on, done) VALUES ({made}, 5, 0)",
        "the log says absent",
    ),
    ("UPDATE tasks SET dependents = 0 WHERE id = {after}", "does not know that it is waited for"),
    ("DELETE FROM task_tags WHERE tag = 'a'", "task {tsk}: its tag 'a' is missing"),
    ("UPDATE task_tags SET tag = 'c' WHERE tag = 'a'", "task {tsk}: its tag 'a' is missing"),
    (
        "INSERT INTO task_tags (tag, task_id) VALUES ('odd', {made})",
        "there are 3 tags of tasks, the log says 2",
    ),
    ("INSERT INTO task_tags (tag, task_id) VALUES ('b', {after})", "its tag 'b' is not in the log"),
    ("UPDATE lanes SET ready = ready + 1", "ready is 8, the log says 7"),
    ("DELETE FROM lanes", "has tasks, but no row with their counts"),
    ("UPDATE projects SET spent = spent - 1", "spent is 27, the log says 28"),
    ("UPDATE projects SET reserved = 5", "reserved is 5, the log says 0"),
    ("UPDATE projects SET name = 'x'", "name is 'x', the log says 'default'"),
    ("UPDATE agents SET tokens_used = 9 WHERE id = 'ann'", "agent ann: tokens_used is 9, the log says 3"),
    ("DELETE FROM queues WHERE name = 'inbox'", "is in the log, but has no row"),
    ("UPDATE task_classes SET name = 'X' WHERE name = 'LLM_LITE'", "task class X has a row, but the log"),
]


@on_sqlite
@pytest.mark.parametrize(("change", "problem"), TAMPERED, ids=[change for change, _ in TAMPERED])
async def test_a_changed_row_is_named(store: Store, database: str, change: str, problem: str) -> None:
    names = await a_day_of_work(store)
    await tamper(database, change.format(**names))
    problems = (await verified(database)).problems
    wanted = problem.format(tsk=ids.encode(ids.TASK, names["made"]))
    assert any(wanted in found for found in problems), problems


async def test_many_changed_rows_are_all_named(store: Store, database: str) -> None:
    names = await a_day_of_work(store)
    together = [TAMPERED[at] for at in (0, 5, 9, 10, 16, 20, 24, 26, 29)]
    await tamper(database, *(change.format(**names) for change, _ in together))
    problems = (await verified(database)).problems
    for _, problem in together:
        wanted = problem.format(tsk=ids.encode(ids.TASK, names["made"]))
        assert any(wanted in found for found in problems), (wanted, problems)


@on_sqlite
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("data = '{}'", "event {seq} (attempt.succeeded) cannot be read"),
        ("data = '}'", "event {seq} (attempt.succeeded) cannot be read"),
        ("kind = 'unheard.of'", "event {seq} (unheard.of) cannot be read"),
        ("task_id = 5", "event {seq} (attempt.succeeded) is about a task that was never submitted"),
        ('data = \'{"released":0,"tokens":[1]}\'', "event {seq} (attempt.succeeded) makes no sense"),
    ],
)
async def test_an_event_that_makes_no_sense_is_named_and_the_rest_is_still_checked(
    store: Store, database: str, change: str, problem: str
) -> None:
    await a_day_of_work(store)
    await tamper(
        database,
        f"UPDATE events SET {change} WHERE kind = 'attempt.succeeded'",
        "UPDATE agents SET model = 'x' WHERE id = 'cid'",
    )
    problems = (await verified(database)).problems
    seq = next(found.split()[1] for found in problems if found.startswith("event "))
    assert any(found.startswith(problem.format(seq=seq)) for found in problems), problems
    assert any("agent cid: model is 'x'" in found for found in problems)


@on_sqlite
async def test_a_flood_of_problems_is_cut_short_and_counted(
    store: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "MOST_PROBLEMS", 3)
    await a_day_of_work(store)
    await tamper(database, "UPDATE tasks SET priority = 9")
    report = await verified(database)
    assert (len(report.problems), report.more_problems) == (3, 8)
    assert report.message.startswith("11 problems in ")
    assert not report.ok
