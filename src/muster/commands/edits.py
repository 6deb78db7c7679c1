"""Changing a task that exists, and queueing one anew from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from muster.commands.lifecycle import Head, load_head
from muster.commands.tasks import NewTask, Submitted, submit_tasks
from muster.domain import ids
from muster.domain.errors import DependencyCycle, InvalidInput, MusterError, NotFound, WrongState
from muster.domain.events import TaskEdited
from muster.domain.review import ReviewState, satisfied
from muster.domain.task import Priority, TaskSpec, TaskState
from muster.store import tables
from muster.store.codec import decode_spec, encode_spec
from muster.store.statements import Statement
from muster.store.unit_of_work import UnitOfWork, command

SPEC_FIELDS: Final = frozenset(
    {
        "title",
        "description",
        "type",
        "task_class",
        "working_dir",
        "payload",
        "output_schema",
        "required_files",
        "acceptance_command",
        "max_test_fix_cycles",
        "retry",
        "network",
        "tags",
        "extra",
    }
)
ALWAYS: Final = frozenset({"title", "description", "tags", "priority", "type", "extra"})
"""May change at any time; everything else only while nobody runs the task."""
WAITING_ONLY: Final = frozenset(
    {
        "queue_id",
        "project_id",
        "kind",
        "assignee",
        "requires",
        "depends_on",
        "session_id",
        "parent_id",
        "ready_at",
    }
)
MAX_GRAPH: Final = 20_000
RERUN_TAG: Final = "rerun:"
MOST_TAGS: Final = 50


@dataclass(slots=True)
class _Row:
    head: Head
    project_id: int
    queue_id: int
    session_id: int | None
    parent_id: int | None
    priority: int
    timeout_us: int
    estimate: int
    ready_at: int | None
    kind: str
    requires: str
    assignee: str
    spec: TaskSpec


_FULL: Final = Statement(
    "SELECT t.project_id, t.queue_id, t.session_id, t.parent_id, t.priority, t.timeout_us, t.estimate, t.ready_at, "
    "l.kind, l.requires, l.assignee, s.doc FROM tasks t JOIN lanes l ON l.id = t.lane_id "
    "JOIN task_specs s ON s.id = t.id WHERE t.id = ?1"
)
_WRITE_SPEC: Final = Statement(
    "UPDATE task_specs SET title = ?2, description = ?3, type = ?4, doc = ?5 WHERE id = ?1"
)
_DROP_TAGS: Final = Statement("DELETE FROM task_tags WHERE task_id = ?1")
_ADD_TAG: Final = Statement("INSERT INTO task_tags (tag, task_id) VALUES (?1, ?2)")
_QUEUE: Final = Statement("SELECT status FROM queues WHERE id = ?1")
_PROJECT: Final = Statement("SELECT id FROM projects WHERE id = ?1")
_SESSION: Final = Statement("SELECT id FROM sessions WHERE id = ?1")
_TASK: Final = Statement("SELECT id FROM tasks WHERE id = ?1")
_EDGES: Final = Statement("SELECT task_id, depends_on FROM task_dependencies WHERE task_id IN_INTS(?1)")
_STATES: Final = Statement("SELECT id, state, review FROM tasks WHERE id IN_INTS(?1) FOR UPDATE")
_OLD_EDGES: Final = Statement("SELECT depends_on, done FROM task_dependencies WHERE task_id = ?1")
_DROP_EDGES: Final = Statement("DELETE FROM task_dependencies WHERE task_id = ?1")
_ADD_EDGE: Final = Statement("INSERT INTO task_dependencies (task_id, depends_on, done) VALUES (?1, ?2, ?3)")
_DEPENDED_ON: Final = Statement("UPDATE tasks SET dependents = dependents + 1 WHERE id IN_INTS(?1)")


async def _load(uow: UnitOfWork, task_id: int) -> _Row:
    head = await load_head(uow, task_id)
    row = (await uow.rows(_FULL, task_id))[0]
    return _Row(head, *row[:11], spec=decode_spec(row[11]))


@command()
async def edit_task(uow: UnitOfWork, task_id: int, changes: dict[str, Any]) -> None:
    """Change fields of a task; all of them or none.

    Keys are the fields of TaskSpec, and priority (Priority), timeout_us, estimate (micro-dollars), queue_id,
    project_id, session_id, parent_id (integers), kind, assignee ("" for nobody), requires (tuple of labels),
    depends_on (tuple of public ids), ready_at (microseconds). While the task runs only its words, tags and
    priority may change; what its attempts were given stays true.
    """
    if not changes:
        return
    row = await _load(uow, task_id)
    _refuse_untimely(row.head, changes)
    await _check_places(uow, changes)
    blockers, state = row.head.blockers, row.head.state
    named: list[str] = []
    if "depends_on" in changes:
        blockers, named = await _rewire(uow, task_id, changes["depends_on"])
    if state.waiting:
        state = _state_after(uow, row, changes, blockers)
    spec = replace(row.spec, **{name: value for name, value in changes.items() if name in SPEC_FIELDS})
    await _write(uow, row, changes, spec, state, blockers)
    shown = _public(changes) | _moved(row, state, blockers)
    if "depends_on" in changes:
        shown["satisfied"] = named
    uow.journal.fact(TaskEdited(shown), task=task_id, project=row.project_id)
    uow.journal.topics.add("admission")


def _refuse_untimely(head: Head, changes: dict[str, Any]) -> None:
    late = sorted(set(changes) - ALWAYS) if head.state is TaskState.RUNNING else []
    if head.state.finished:
        late = sorted(set(changes) & WAITING_ONLY)
    if late:
        wanted = f"{', '.join(late)} can change only while it waits"
        raise WrongState(noun="task", id=head.public, state=head.state.label, wanted=wanted)


async def _check_places(uow: UnitOfWork, changes: dict[str, Any]) -> None:
    for field, statement, prefix in (
        ("queue_id", _QUEUE, ids.QUEUE),
        ("project_id", _PROJECT, ids.PROJECT),
        ("session_id", _SESSION, ids.SESSION),
        ("parent_id", _TASK, ids.TASK),
    ):
        value = changes.get(field)
        if value is not None and not await uow.rows(statement, value):
            raise NotFound(noun=ids.NOUNS[prefix], id=ids.encode(prefix, value))


def _state_after(uow: UnitOfWork, row: _Row, changes: dict[str, Any], blockers: int) -> TaskState:
    if blockers:
        return TaskState.BLOCKED
    ready_at = changes.get("ready_at", row.ready_at)
    return TaskState.BACKOFF if ready_at is not None and ready_at > uow.now else TaskState.READY


async def _rewire(uow: UnitOfWork, task_id: int, names: tuple[str, ...]) -> tuple[int, list[str]]:
    """How many of the new dependencies are not done, and the names of those that are."""
    targets = [ids.decode(ids.TASK, name) for name in dict.fromkeys(names)]
    rows = await uow.rows(_STATES, targets) if targets else []
    known = {row[0]: satisfied(TaskState(row[1]), ReviewState(row[2])) for row in rows}
    for target in targets:
        if target not in known:
            raise NotFound(noun="task", id=ids.encode(ids.TASK, target))
    await _refuse_cycle(uow, task_id, targets)
    before: dict[int, int] = {row[0]: row[1] for row in await uow.rows(_OLD_EDGES, task_id)}
    await uow.run(_DROP_EDGES, task_id)
    undone = 0
    named: list[str] = []
    for target in targets:
        done = before.get(target, int(known[target]))
        undone += 0 if done else 1
        if done:
            named.append(ids.encode(ids.TASK, target))
        await uow.run(_ADD_EDGE, task_id, target, done)
    fresh = [target for target in targets if target not in before]
    if fresh:
        await uow.run(_DEPENDED_ON, fresh)
    return undone, named


async def _refuse_cycle(uow: UnitOfWork, task_id: int, targets: list[int]) -> None:
    came_from: dict[int, int] = dict.fromkeys(targets, task_id)
    frontier = targets
    while frontier:
        if task_id in came_from:
            raise _cycle(task_id, came_from)
        if len(came_from) > MAX_GRAPH:
            raise InvalidInput(field="depends_on", problem=f"reaches more than {MAX_GRAPH} tasks")
        following: list[int] = []
        for node, target in await uow.rows(_EDGES, frontier):
            if target not in came_from:
                came_from[target] = node
                following.append(target)
        frontier = following


def _cycle(task_id: int, came_from: dict[int, int]) -> DependencyCycle:
    path = [task_id]
    node = came_from[task_id]
    while node != task_id:
        path.append(node)
        node = came_from[node]
    path.append(task_id)
    names = [ids.encode(ids.TASK, node) for node in reversed(path)]
    return DependencyCycle(cycle=" -> ".join(names), path=names)


async def _write(
    uow: UnitOfWork, row: _Row, changes: dict[str, Any], spec: TaskSpec, state: TaskState, blockers: int
) -> None:
    task_id = row.head.id
    lane = await _lane_after(uow, row, changes)
    if (lane, state) != (row.head.lane_id, row.head.state):
        uow.journal.move(row.head.lane_id, row.head.state, None)
        uow.journal.move(lane, None, state)
    ready_at = changes.get("ready_at", row.ready_at)
    if state is TaskState.BACKOFF and ready_at is not None:
        uow.journal.wake_by(ready_at)
    values = {
        "lane_id": lane,
        "project_id": changes.get("project_id", row.project_id),
        "queue_id": changes.get("queue_id", row.queue_id),
        "session_id": changes.get("session_id", row.session_id),
        "parent_id": changes.get("parent_id", row.parent_id),
        "priority": int(changes.get("priority", Priority(row.priority))),
        "timeout_us": changes.get("timeout_us", row.timeout_us),
        "estimate": changes.get("estimate", row.estimate),
        "max_attempts": spec.retry.max_attempts,
        "state": int(state),
        "blockers": blockers,
        "ready_at": ready_at if state in (TaskState.BACKOFF, TaskState.BLOCKED) else None,
        "updated_at": uow.now,
    }
    if "assignee" in changes:
        values["agent_id"] = changes["assignee"] or None
    await uow.write(tables.tasks.update().where(tables.tasks.c.id == task_id).values(values))
    await uow.run(_WRITE_SPEC, task_id, spec.title, spec.description, spec.type, encode_spec(spec))
    if "tags" in changes:
        await _retag(uow, task_id, spec.tags)


async def _lane_after(uow: UnitOfWork, row: _Row, changes: dict[str, Any]) -> int:
    if not set(changes) & {"project_id", "queue_id", "kind", "requires", "assignee"}:
        return row.head.lane_id
    return await uow.lane(
        changes.get("project_id", row.project_id),
        changes.get("queue_id", row.queue_id),
        changes.get("kind", row.kind),
        ",".join(sorted(set(changes["requires"]))) if "requires" in changes else row.requires,
        changes.get("assignee", row.assignee),
    )


async def _retag(uow: UnitOfWork, task_id: int, tags: tuple[str, ...]) -> None:
    await uow.run(_DROP_TAGS, task_id)
    for tag in sorted(set(tags)):
        await uow.run(_ADD_TAG, tag, task_id)


_PUBLIC_PREFIX: Final = {
    "queue_id": ids.QUEUE,
    "project_id": ids.PROJECT,
    "session_id": ids.SESSION,
    "parent_id": ids.TASK,
}


def _public(changes: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in changes.items():
        prefix = _PUBLIC_PREFIX.get(name)
        shown[name] = ids.encode(prefix, value) if prefix is not None and value is not None else value
    return shown


def _moved(row: _Row, state: TaskState, blockers: int) -> dict[str, Any]:
    if state is row.head.state and blockers == row.head.blockers:
        return {}
    return {"state": int(state), "blockers": blockers}


def rerun_tags(task_id: int, tags: Sequence[str]) -> tuple[str, ...]:
    """The tags of a task like a given one: one of them names the first of all that are like it."""
    if any(tag.startswith(RERUN_TAG) for tag in tags):
        return tuple(tags)
    return (*tags[: MOST_TAGS - 1], f"{RERUN_TAG}{ids.encode(ids.TASK, task_id)}")


@command()
async def rerun_task(uow: UnitOfWork, task_id: int) -> Submitted:
    """Queue a new task that is like a given one; what that one depended on is done or waited for likewise."""
    row = await _load(uow, task_id)
    depends_on = tuple(ids.encode(ids.TASK, edge[0]) for edge in await uow.rows(_OLD_EDGES, task_id))
    new = NewTask(
        spec=replace(row.spec, tags=rerun_tags(task_id, row.spec.tags)),
        kind=row.kind,
        project_id=row.project_id,
        queue_id=row.queue_id,
        priority=Priority(row.priority),
        timeout_us=row.timeout_us,
        estimate=row.estimate,
        assignee=row.assignee,
        requires=tuple(row.requires.split(",")) if row.requires else (),
        session_id=row.session_id,
        parent_id=row.parent_id,
        depends_on=depends_on,
    )
    answer = (await submit_tasks.handle(uow, [[new]]))[0]
    if isinstance(answer, MusterError):
        raise answer
    return answer[0]
