"""Tasks as they are shown: rows of lists, and one in detail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from muster.domain import ids
from muster.domain.admission import Hold
from muster.domain.errors import NotFound
from muster.domain.review import Approval, ReviewState
from muster.domain.task import Priority, TaskSpec, TaskState
from muster.projections.attempts import ATTEMPT_COLUMNS, WHOLE, AttemptRow, attempt_row, with_runs
from muster.projections.holds import Dependency, Waiting, dependencies_of, holds_of
from muster.projections.pauses import paused_of
from muster.projections.stuck import waiters_of
from muster.store.codec import decode_spec
from muster.store.database import Reader
from muster.store.statements import Row, Statement

SHORT: Final = 2_000
"""Characters of description, output and error in a list."""
_LARGE_DOC: Final = 65_536


@dataclass(slots=True)
class TaskRow:
    """A task with its names, its latest attempt and, while it waits, why. Times are microseconds, money is
    micro-dollars. `agent_id` holds or held it last; only `assigned_to` may take it, when set."""

    id: int
    lane_id: int
    project_id: int
    queue_id: int
    session_id: int | None
    parent_id: int | None
    state: TaskState
    priority: Priority
    position: int
    attempts: int
    burned: int
    max_attempts: int
    agent_id: str | None
    ready_at: int | None
    timeout_us: int
    estimate: int
    cost: int
    started_at: int | None
    finished_at: int | None
    archived_at: int | None
    updated_at: int
    title: str
    description: str
    type: str
    idempotency_key: str | None
    kind: str
    requires: tuple[str, ...]
    assigned_to: str | None
    queue: str
    project: str
    review: ReviewState
    strict: bool
    """Whether its queue wants every result reviewed."""
    dependents: int
    """A hint that is only ever raised: 0 when no task ever waited for it."""
    task_class: str
    working_dir: str | None
    tags: tuple[str, ...]
    network: bool
    extra: dict[str, Any]
    attempt: AttemptRow | None
    dependencies: list[Dependency] = field(default_factory=list[Dependency])
    waiting: Hold | None = None
    waiters: int = 0
    """Open tasks that wait for it."""
    paused: bool = False
    """Whether a person lets its agent stand still."""

    @property
    def created_at(self) -> int:
        """Microseconds."""
        return ids.created_at(self.id)

    @property
    def stale(self) -> str | None:
        """`warned` while its holder is silent, `auto_failed` when it was ended for that, `timed_out` when it
        ran longer than it may."""
        if self.attempt is None:
            return None
        if self.attempt.state == "running":
            return "warned" if self.attempt.warned_at is not None else None
        return {"stale": "auto_failed", "timeout": "timed_out"}.get(self.attempt.code or "")


@dataclass(slots=True)
class TaskDetail:
    """A task with everything its execution needs."""

    row: TaskRow
    spec: TaskSpec
    instructions: str


class _Glance(msgspec.Struct):
    """The small part of a spec that lists show."""

    task_class: str = ""
    working_dir: str | None = None
    tags: tuple[str, ...] = ()
    network: bool = False
    extra: dict[str, Any] = {}


_GLANCE: Final = msgspec.json.Decoder(_Glance)
_TASK_COLUMNS: Final = (
    "t.id, t.lane_id, t.project_id, t.queue_id, t.session_id, t.parent_id, t.state, t.priority, t.position, t.attempts, "
    "t.burned, t.max_attempts, t.agent_id, t.ready_at, t.timeout_us, t.estimate, t.cost, t.started_at, t.finished_at, "
    "t.archived_at, t.updated_at, s.title, substr(s.description, 1, ?2), s.type, s.idempotency_key, l.kind, l.requires, "
    "l.assignee, q.name, p.name, t.review, q.approval, t.dependents"
)
_WIDTH: Final = 33
_ROWS: Final = Statement(
    f"SELECT {_TASK_COLUMNS}, CASE WHEN length(s.doc) <= {_LARGE_DOC} THEN s.doc END, {ATTEMPT_COLUMNS} "
    "FROM tasks t JOIN task_specs s ON s.id = t.id JOIN lanes l ON l.id = t.lane_id "
    "JOIN queues q ON q.id = t.queue_id JOIN projects p ON p.id = t.project_id "
    "LEFT JOIN attempts a ON a.id = t.attempt_id WHERE t.id IN_INTS(?1)"
)
_DOC: Final = Statement(
    "SELECT s.doc, q.instructions FROM task_specs s JOIN tasks t ON t.id = s.id JOIN queues q ON q.id = t.queue_id "
    "WHERE s.id = ?1"
)


async def task_rows(reader: Reader, task_ids: Sequence[int], now: int, *, cut: int = SHORT) -> list[TaskRow]:
    """These tasks in this order, those that are gone left out. Long texts are cut after `cut` characters."""
    if not task_ids:
        return []
    found: dict[int, TaskRow] = {}
    for row in await reader.rows(_ROWS, list(task_ids), cut):
        doc = row[_WIDTH]
        if doc is None:
            doc = (await reader.rows(_DOC, row[0]))[0][0]
        found[row[0]] = _task_row(row, doc)
    tasks = [found[task_id] for task_id in task_ids if task_id in found]
    await _explain(reader, tasks, now)
    return tasks


def _task_row(row: Row, doc: str) -> TaskRow:
    glance = _GLANCE.decode(doc)
    values: list[Any] = list(row[:_WIDTH])
    values[6] = TaskState(row[6])
    values[7] = Priority(row[7])
    values[26] = tuple(row[26].split(",")) if row[26] else ()
    values[27] = row[27] or None
    values[30] = ReviewState(row[30])
    values[31] = row[31] == Approval.STRICT
    attempt = attempt_row(row[_WIDTH + 1 :]) if row[_WIDTH + 1] is not None else None
    values += [glance.task_class, glance.working_dir, glance.tags, glance.network, glance.extra, attempt]
    return TaskRow(*values)


async def _explain(reader: Reader, tasks: Sequence[TaskRow], now: int) -> None:
    dependencies = await dependencies_of(reader, [task.id for task in tasks])
    for task in tasks:
        task.dependencies = dependencies.get(task.id, [])
    waiters = await waiters_of(reader, [task.id for task in tasks if task.dependents])
    for task in tasks:
        task.waiters = waiters.get(task.id, 0)
    paused = await paused_of(reader, [task.id for task in tasks if task.state is TaskState.RUNNING])
    for task in tasks:
        task.paused = task.attempt is not None and task.attempt.id in paused
    waiting = [_waiting(task) for task in tasks if task.state.waiting]
    if waiting:
        holds = await holds_of(reader, waiting, now)
        for task in tasks:
            task.waiting = holds.get(task.id)


def _waiting(task: TaskRow) -> Waiting:
    return Waiting(
        task.id,
        task.state,
        task.lane_id,
        task.estimate,
        task.attempts,
        task.max_attempts,
        task.ready_at,
        task.dependencies,
    )


async def get_task(reader: Reader, task_id: int, now: int) -> TaskDetail:
    """One task in detail; NotFound when there is none."""
    rows = await task_rows(reader, [task_id], now, cut=WHOLE)
    specs = await reader.rows(_DOC, task_id)
    if not rows or not specs:
        raise NotFound(noun="task", id=ids.encode(ids.TASK, task_id))
    await with_runs(reader, [] if rows[0].attempt is None else [rows[0].attempt])
    return TaskDetail(rows[0], decode_spec(specs[0][0]), specs[0][1])
