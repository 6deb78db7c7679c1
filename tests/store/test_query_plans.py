"""Lists are read through their indexes, however many rows there are: the plans SQLite makes are guarded."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ClauseElement

from muster.commands.file_changes import ChangedFile
from muster.commands.metered import EXCESS
from muster.commands.model_calls import KNOWN
from muster.commands.runs import ATTEMPT, ONE_RUN, RUNS, TOKENS
from muster.domain.task import TaskState
from muster.projections.activities import list_activities
from muster.projections.agents import get_agent, list_agents
from muster.projections.attempts import attempts_of, output_of
from muster.projections.file_changes import files_of, get_file
from muster.projections.log import events_after, events_of, head_of_log
from muster.projections.model_calls import calls_of, get_call
from muster.projections.overview import overview_of
from muster.projections.projects import get_project, ledger, list_projects
from muster.projections.queues import list_queues
from muster.projections.runs import last_attempt_of, runs_of
from muster.projections.sessions import list_sessions
from muster.projections.status import status_of
from muster.projections.task_filter import LaneCount, TaskFilter
from muster.projections.task_lists import Order, list_tasks
from muster.projections.task_ranges import FEW, Query, ranges_by_id, ranges_in_queue_order
from muster.projections.tasks import get_task
from muster.projections.transcripts import Choice, conversation_of, whole_transcript
from muster.projections.waiting import waiting_groups
from muster.projections.workers import live_workers
from muster.store.database import Durability, Store
from muster.store.open import open_store
from muster.store.statements import Row, Statement
from tests.store.runs import a_call, call, change, describe, say
from tests.store.working import Place, public

LARGE = (
    "tasks|task_specs|task_tags|task_dependencies|attempts|output_chunks|events|runs|transcript_chunks|model_calls|"
    "file_changes"
)
NAMES = {
    "t": "tasks",
    "s": "task_specs",
    "a": "attempts",
    "g": "task_tags",
    "d": "task_dependencies",
    "r": "runs",
    "c": "model_calls",
}
MANY = FEW + 1


@pytest.fixture
async def store(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Store]:
    shutil.copy(sqlite_template, tmp_path / "muster.db")
    opened = await open_store(
        str(tmp_path / "muster.db"), durability=Durability.RELAXED, clock=lambda: time.time_ns() // 1000
    )
    yield opened
    await opened.close()


class Watching:
    """A reader that keeps what it was asked."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.asked: list[tuple[Statement, tuple[Any, ...]]] = []

    async def rows(self, statement: Statement, *params: Any) -> list[Row]:
        self.asked.append((statement, params))
        return await self.store.rows(statement, *params)

    async def select(self, query: ClauseElement) -> list[Row]:
        return await self.store.select(query)


async def plan_of(store: Store, statement: Statement, params: tuple[Any, ...]) -> list[str]:
    text = "EXPLAIN QUERY PLAN " + statement.text
    return [row[3] for row in await store.rows(Statement(text), *params)]


def lane(**counts: int) -> LaneCount:
    return LaneCount(7, 5, {state: counts.get(state.label, 0) for state in TaskState})


def states(*wanted: TaskState) -> dict[str, frozenset[TaskState]]:
    return {"states": frozenset(wanted)}


READY, FAILED = states(TaskState.READY), states(TaskState.FAILED)
BY_ID: list[tuple[dict[str, Any], LaneCount, list[str]]] = [
    ({}, lane(), ["SCAN t"]),
    ({"created_before": 2**53}, lane(), ["SEARCH t USING INTEGER PRIMARY KEY (rowid<?)"]),
    ({"queue_id": 5}, lane(), ["SEARCH t USING INDEX tasks_by_queue (queue_id=? AND id<?)"]),
    ({"project_id": 5}, lane(), ["SEARCH t USING INDEX tasks_by_project (project_id=? AND id<?)"]),
    ({"session_id": 5}, lane(), ["SEARCH t USING INDEX tasks_by_session (session_id=? AND id<?)"]),
    ({"parent_id": 5}, lane(), ["SEARCH t USING INDEX tasks_by_parent (parent_id=? AND id<?)"]),
    (
        {"agent_id": "ann"},
        lane(),
        ["SEARCH g USING COVERING INDEX agent_tasks_by_agent (agent_id=? AND task_id<?)"],
    ),
    ({"type": "bug_fix"}, lane(), ["SEARCH s USING COVERING INDEX task_specs_by_type (type=? AND id<?)"]),
    ({"tag": "red"}, lane(), ["SEARCH g USING PRIMARY KEY (tag=? AND task_id<?)"]),
    (
        {"depends_on": 5},
        lane(),
        ["SEARCH d USING COVERING INDEX task_dependencies_by_target (depends_on=? AND task_id<?)"],
    ),
    ({"archived": True}, lane(), ["SEARCH t USING INDEX tasks_archived (id<?)"]),
    (FAILED, lane(failed=MANY), ["SEARCH t USING INDEX tasks_closed (state=? AND id<?)"]),
    (
        {"queue_id": 5} | FAILED,
        lane(failed=MANY),
        ["SEARCH t USING INDEX tasks_closed_by_queue (queue_id=? AND state=? AND id<?)"],
    ),
    (
        {"project_id": 5} | FAILED,
        lane(failed=9),
        ["SEARCH t USING INDEX tasks_closed_by_queue (queue_id=? AND state=? AND id<?)"],
    ),
    (
        {"project_id": 5, "archived": None} | FAILED,
        lane(failed=9),
        ["SEARCH t USING INDEX tasks_by_project (project_id=? AND id<?)"],
    ),
    (
        {"queue_id": 5} | READY,
        lane(ready=FEW),
        ["SEARCH t USING COVERING INDEX tasks_open (state=? AND lane_id=?)", "USE TEMP B-TREE FOR ORDER BY"],
    ),
    (
        {"queue_id": 5} | READY,
        lane(ready=MANY),
        ["SEARCH t USING INDEX tasks_by_queue (queue_id=? AND id<?)"],
    ),
    (
        READY,
        lane(ready=FEW),
        ["SEARCH t USING COVERING INDEX tasks_open (state=?)", "USE TEMP B-TREE FOR ORDER BY"],
    ),
]


@pytest.mark.parametrize(("values", "counts", "steps"), BY_ID)
async def test_a_list_by_age_reads_one_range_of_an_index(
    store: Store, values: dict[str, Any], counts: LaneCount, steps: list[str]
) -> None:
    wanted = TaskFilter(**values)
    ranges = ranges_by_id(wanted, [counts], {5: counts.counts})
    assert len(ranges) == 1
    query = Query(wanted, [counts])
    after = None if steps == ["SCAN t"] else 2**60
    plan = await plan_of(store, query.by_id(ranges, after, 51, newest=True), tuple(query.params))
    for step in steps:
        assert any(line.startswith(step) for line in plan), plan
    sorted_anyway = "USE TEMP B-TREE FOR ORDER BY" in steps
    assert sorted_anyway or not any("TEMP B-TREE" in line for line in plan), plan


async def test_states_of_a_list_are_merged_from_their_own_ranges(store: Store) -> None:
    wanted = TaskFilter(**states(TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED))
    counts = [lane(succeeded=9_000, failed=9_000, cancelled=9_000)]
    query = Query(wanted, counts)
    plan = await plan_of(
        store, query.by_id(ranges_by_id(wanted, counts, {}), None, 51, newest=True), tuple(query.params)
    )
    assert sum("tasks_closed (state=?)" in line for line in plan) == 3


async def test_a_list_in_queue_order_reads_the_heads_of_its_lanes(store: Store) -> None:
    """MC-2"""
    wanted = TaskFilter(**READY)
    counts = [lane(ready=MANY), lane(ready=MANY)]
    query = Query(wanted, counts)
    statement = query.in_queue_order(ranges_in_queue_order(wanted, counts), (1, 2**60), 51)
    plan = await plan_of(store, statement, tuple(query.params))
    heads = "SEARCH t USING COVERING INDEX tasks_open (state=? AND lane_id=? AND (priority,position)>(?,?))"
    assert sum(heads in line for line in plan) == 2, plan


async def test_a_search_streams_and_looks_tasks_up_by_their_key(store: Store) -> None:
    wanted = TaskFilter(text="parser", **READY)
    query = Query(wanted, [])
    plan = await plan_of(
        store, query.by_id(ranges_by_id(wanted, [], {}), 2**60, 51, newest=True), tuple(query.params)
    )
    assert plan[0].startswith("SCAN f VIRTUAL TABLE INDEX")
    assert plan[1] == "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)"
    assert len(plan) == 2


async def read_everything(reader: Watching, place: Place, task: int, attempt: int) -> None:
    now = place.store.now()
    for wanted in (TaskFilter(), TaskFilter(**READY), TaskFilter(project_id=place.project, **FAILED)):
        for order in Order:
            await list_tasks(reader, wanted, now, order=order)
    await list_tasks(reader, TaskFilter(stuck=True), now)
    await overview_of(reader, now, now)
    await get_task(reader, task, now)
    await attempts_of(reader, task)
    await output_of(reader, attempt)
    await output_of(reader, attempt, tail=5)
    await events_of(reader, task)
    await events_after(reader, 3, 10)
    await head_of_log(reader)
    await list_activities(reader)
    await list_activities(reader, task_id=task)
    await list_activities(reader, agent_id="ann")
    await list_activities(reader, project_id=place.project)
    await get_project(reader, place.project)
    await list_projects(reader)
    await ledger(reader, place.project)
    await list_queues(reader)
    await list_sessions(reader)
    await list_agents(reader)
    await get_agent(reader, "ann")
    await live_workers(reader, now)
    await waiting_groups(reader, now, queue_id=place.queue)
    await status_of(reader, now)
    await runs_of(reader, [attempt])
    await last_attempt_of(reader, "ann")
    await conversation_of(reader, attempt, Choice(search="x"))
    await whole_transcript(reader, attempt)
    await calls_of(reader, task, None)
    (made,) = (await calls_of(reader, task, attempt)).items
    await get_call(reader, task, made.id)
    (file,) = await files_of(reader, attempt)
    await get_file(reader, attempt, file.path)


async def test_nothing_that_is_shown_scans_a_large_table(store: Store) -> None:
    place = await Place.at(store)
    task = await place.submit(estimate=1)
    await place.submit(depends_on=(public(task),))
    await place.submit(ready_at=2**53)
    await place.submit()
    claimed = await place.claim("ann")
    assert claimed is not None
    await describe(store, claimed, agent="claude")
    await say(store, claimed, 0)
    await call(store, claimed, a_call())
    await change(store, claimed, ChangedFile(path="a", change="created"))
    reader = Watching(store)
    await read_everything(reader, place, task, claimed.attempt_id)
    scans: set[str] = set()
    for statement, params in reader.asked:
        for line in await plan_of(store, statement, params):
            found = re.match(r"SCAN (\w+)(.*)", line)
            if found and re.fullmatch(LARGE, NAMES.get(found[1], found[1])):
                scans.add(f"{line} | {statement.text}")
    # By its primary key, in the order of the list, until the page is full.
    expected = {
        scan for scan in scans if re.match(r"SCAN t \| SELECT t.id AS id FROM tasks t WHERE .* LIMIT", scan)
    }
    # The newest thousand that are archived.
    bounded = {scan for scan in scans if scan.startswith("SCAN tasks USING INDEX tasks_archived |")}
    assert scans == expected | bounded
    assert (len(expected), len(bounded)) == (2, 2)


@pytest.mark.parametrize(
    ("statement", "params", "steps"),
    [
        (ATTEMPT, (1,), ["SEARCH a USING INTEGER PRIMARY KEY", "SEARCH t USING INTEGER PRIMARY KEY"]),
        (ONE_RUN, (1,), ["SEARCH runs USING INTEGER PRIMARY KEY"]),
        (RUNS, ("[1]",), ["SEARCH r USING INTEGER PRIMARY KEY", "SEARCH a USING INTEGER PRIMARY KEY"]),
        (EXCESS, ("[1]",), ["SEARCH r USING INTEGER PRIMARY KEY", "SEARCH t USING INTEGER PRIMARY KEY"]),
        (TOKENS, ("[1]",), ["SEARCH attempts USING INTEGER PRIMARY KEY"]),
        (KNOWN, ("[1]", '["a"]'), ["SEARCH model_calls USING COVERING INDEX model_calls_by_key"]),
    ],
)
async def test_what_a_run_tells_is_looked_up_by_its_key(
    store: Store, statement: Statement, params: tuple[Any, ...], steps: list[str]
) -> None:
    """SA-4a"""
    plan = [row[3] for row in await store.rows(Statement(f"EXPLAIN QUERY PLAN {statement.sqlite}"), *params)]
    for step in steps:
        assert any(line.startswith(step) for line in plan), plan
