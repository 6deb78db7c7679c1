"""Queueing tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.domain import ids
from muster.domain.dependency import find_cycle
from muster.domain.errors import (
    DependencyCycle,
    IdempotencyMismatch,
    InvalidInput,
    MusterError,
    NotFound,
    WrongState,
)
from muster.domain.events import TaskSubmitted
from muster.domain.isolation import with_level
from muster.domain.review import ReviewState, satisfied
from muster.domain.task import Priority, TaskSpec, TaskState
from muster.store import tables
from muster.store.codec import encode_spec
from muster.store.statements import Row, Statement, insert
from muster.store.unit_of_work import UnitOfWork, fused

MAX_DEPENDENCIES: Final = 1_000


@dataclass(slots=True, kw_only=True)
class NewTask:
    """A task to queue. `queue` and `project` are ids of existing ones; money is micro-dollars, times are microseconds.

    `key` names the task inside one bulk request, so that others of it may depend on it as `#key`.
    """

    spec: TaskSpec
    kind: str
    project_id: int
    queue_id: int
    priority: Priority = Priority.MEDIUM
    timeout_us: int = 300_000_000
    estimate: int = 0
    assignee: str = ""
    requires: tuple[str, ...] = ()
    session_id: int | None = None
    parent_id: int | None = None
    depends_on: tuple[str, ...] = ()
    ready_at: int | None = None
    idempotency_key: str | None = None
    request_hash: str | None = None
    key: str | None = None


@dataclass(slots=True)
class Submitted:
    """The new task's id, or the one an earlier request with the same idempotency key made."""

    task_id: int
    state: TaskState
    repeated: bool = False


_BY_KEY: Final = Statement(
    "SELECT s.idempotency_key, s.request_hash, s.id, t.state FROM task_specs s JOIN tasks t ON t.id = s.id "
    "WHERE s.idempotency_key IN_TEXTS(?1)"
)
_DEPENDENCIES: Final = Statement("SELECT id, state, review FROM tasks WHERE id IN_INTS(?1) FOR UPDATE")
_PLACES: Final = Statement("SELECT id, status, sandbox FROM queues WHERE id IN_INTS(?1) FOR KEY SHARE")
_PROJECTS: Final = Statement("SELECT id, sandbox FROM projects WHERE id IN_INTS(?1) FOR KEY SHARE")
_SESSIONS: Final = Statement("SELECT id, status FROM sessions WHERE id IN_INTS(?1)")
_PARENTS: Final = Statement("SELECT id FROM tasks WHERE id IN_INTS(?1)")

TASK_COLUMNS: Final = (
    "id",
    "lane_id",
    "project_id",
    "queue_id",
    "session_id",
    "parent_id",
    "state",
    "priority",
    "position",
    "max_attempts",
    "blockers",
    "ready_at",
    "timeout_us",
    "estimate",
    "updated_at",
    "agent_id",
)
_NEW_TASK: Final = insert(tables.tasks, TASK_COLUMNS)
_NEW_SPEC: Final = insert(
    tables.task_specs, ["id", "title", "description", "type", "idempotency_key", "request_hash", "doc"]
)
_NEW_EDGE: Final = insert(tables.task_dependencies, ["task_id", "depends_on", "done"])
_NEW_TAG: Final = insert(tables.task_tags, ["tag", "task_id"])
_DEPENDENTS: Final = Statement("UPDATE tasks SET dependents = dependents + 1 WHERE id IN_INTS(?1)")


@dataclass(slots=True)
class _Rows:
    tasks: list[Row] = field(default_factory=list[Row])
    specs: list[Row] = field(default_factory=list[Row])
    edges: list[Row] = field(default_factory=list[Row])
    tags: list[Row] = field(default_factory=list[Row])
    depended: set[int] = field(default_factory=set[int])


@fused(order=30, durable=True)
async def submit_tasks(
    uow: UnitOfWork, requests: Sequence[Sequence[NewTask]]
) -> list[list[Submitted] | MusterError]:
    """Queue tasks; each request is a list of which all are queued or none."""
    known = await _Known.load(uow, requests)
    rows = _Rows()
    answers: list[list[Submitted] | MusterError] = []
    for request in requests:
        try:
            plan = _plan(uow, request, known)
        except MusterError as refusal:
            answers.append(refusal)
            continue
        answers.append([await _place(uow, new, task_id, known, rows) for new, task_id in plan])
    if rows.tasks:
        await uow.run_many(_NEW_TASK, rows.tasks)
        await uow.run_many(_NEW_SPEC, rows.specs)
        await uow.run_many(_NEW_EDGE, rows.edges)
        await uow.run_many(_NEW_TAG, rows.tags)
        if rows.depended:
            await uow.run(_DEPENDENTS, sorted(rows.depended))
    return answers


@dataclass(slots=True)
class _Known:
    """What the requests of a batch refer to, as the database has it."""

    tasks: dict[int, bool]
    """Tasks that others may depend on: whether they need not be waited for."""
    queues: dict[int, tuple[str, str | None]]
    """Their status, and the isolation level their tasks demand."""
    projects: dict[int, str | None]
    """The isolation level their tasks demand."""
    sessions: dict[int, str]
    keys: dict[str, tuple[str | None, int, TaskState]]
    parents: set[int]

    @staticmethod
    async def load(uow: UnitOfWork, requests: Sequence[Sequence[NewTask]]) -> _Known:
        news = [new for request in requests for new in request]
        wanted = {
            ids.decode(ids.TASK, name)
            for new in news
            for name in new.depends_on
            if name.startswith("tsk_") and len(name) == 17
        }
        keys = [new.idempotency_key for new in news if new.idempotency_key is not None]
        sessions = {new.session_id for new in news if new.session_id is not None}
        parents = {new.parent_id for new in news if new.parent_id is not None}
        return _Known(
            tasks={
                row[0]: satisfied(TaskState(row[1]), ReviewState(row[2]))
                for row in await _rows(uow, _DEPENDENCIES, wanted)
            },
            queues={
                row[0]: (row[1], row[2]) for row in await _rows(uow, _PLACES, {new.queue_id for new in news})
            },
            projects={
                row[0]: row[1] for row in await _rows(uow, _PROJECTS, {new.project_id for new in news})
            },
            sessions={row[0]: row[1] for row in await _rows(uow, _SESSIONS, sessions)},
            keys={row[0]: (row[1], row[2], TaskState(row[3])) for row in await _rows(uow, _BY_KEY, keys)},
            parents={row[0] for row in await _rows(uow, _PARENTS, parents)},
        )


async def _rows(uow: UnitOfWork, statement: Statement, values: Sequence[Any] | set[Any]) -> list[Row]:
    return await uow.rows(statement, sorted(values)) if values else []


def _plan(uow: UnitOfWork, request: Sequence[NewTask], known: _Known) -> list[tuple[NewTask, int]]:
    """Check a request as a whole and give each task its id, in an order in which dependencies come first."""
    named: dict[str, int] = {}
    plan: list[tuple[NewTask, int]] = []
    for new in request:
        _check_places(new, known)
        task_id = uow.new_id()
        if new.key is not None:
            if new.key in named:
                raise InvalidInput(field="key", problem=f"{new.key!r} is used twice in one request")
            named[new.key] = task_id
        plan.append((new, task_id))
    _check_cycles(request)
    for new, _ in plan:
        new.depends_on = tuple(dict.fromkeys(_resolve(name, named, known) for name in new.depends_on))
        if len(new.depends_on) > MAX_DEPENDENCIES:
            raise InvalidInput(
                field="depends_on", problem=f"at most {MAX_DEPENDENCIES} dependencies are allowed"
            )
    return plan


def _check_places(new: NewTask, known: _Known) -> None:
    queue = known.queues.get(new.queue_id)
    if queue is None:
        raise NotFound(noun="queue", id=ids.encode(ids.QUEUE, new.queue_id))
    status, _ = queue
    if status != "active":
        raise WrongState(
            noun="queue",
            id=ids.encode(ids.QUEUE, new.queue_id),
            state=status,
            wanted="unarchive it to queue work there",
        )
    if new.project_id not in known.projects:
        raise NotFound(noun="project", id=ids.encode(ids.PROJECT, new.project_id))
    if new.session_id is not None and new.session_id not in known.sessions:
        raise NotFound(noun="session", id=ids.encode(ids.SESSION, new.session_id))
    if new.session_id is not None and known.sessions[new.session_id] == "ended":
        raise WrongState(
            noun="session",
            id=ids.encode(ids.SESSION, new.session_id),
            state="ended",
            wanted="begin a new one",
        )
    if new.parent_id is not None and new.parent_id not in known.parents:
        raise NotFound(noun="task", id=ids.encode(ids.TASK, new.parent_id))


def _check_cycles(request: Sequence[NewTask]) -> None:
    edges = {
        f"#{new.key}": [name for name in new.depends_on if name.startswith("#")] for new in request if new.key
    }
    cycle = find_cycle(edges)
    if cycle:
        raise DependencyCycle(cycle=" -> ".join(cycle), path=cycle)


def _resolve(name: str, named: dict[str, int], known: _Known) -> str:
    if name.startswith("#"):
        if name[1:] not in named:
            raise InvalidInput(field="depends_on", problem=f"{name} is not a key of this request")
        return ids.encode(ids.TASK, named[name[1:]])
    if ids.decode(ids.TASK, name) not in known.tasks:
        raise NotFound(noun="task", id=name)
    return name


async def _place(uow: UnitOfWork, new: NewTask, task_id: int, known: _Known, rows: _Rows) -> Submitted:
    if new.idempotency_key is not None:
        earlier = known.keys.get(new.idempotency_key)
        if earlier is not None:
            if earlier[0] != new.request_hash:
                raise IdempotencyMismatch(key=new.idempotency_key)
            return Submitted(earlier[1], earlier[2], repeated=True)
        known.keys[new.idempotency_key] = (new.request_hash, task_id, TaskState.READY)
    targets = [ids.decode(ids.TASK, name) for name in new.depends_on]
    blockers = [target for target in targets if not known.tasks.get(target)]
    state = _first_state(uow, new, len(blockers))
    known.tasks[task_id] = False
    levels = (known.queues[new.queue_id][1], known.projects[new.project_id])
    requires = ",".join(sorted(set(with_level(new.requires, new.kind, *levels))))
    lane = await uow.lane(new.project_id, new.queue_id, new.kind, requires, new.assignee)
    _collect(uow, new, task_id, lane, state, targets, known, rows)
    _announce(uow, new, task_id, state, requires, blockers)
    uow.journal.move(lane, None, state)
    if state is TaskState.BACKOFF and new.ready_at is not None:
        uow.journal.wake_by(new.ready_at)
    return Submitted(task_id, state)


def _first_state(uow: UnitOfWork, new: NewTask, blockers: int) -> TaskState:
    if blockers:
        return TaskState.BLOCKED
    if new.ready_at is not None and new.ready_at > uow.now:
        return TaskState.BACKOFF
    return TaskState.READY


def _collect(
    uow: UnitOfWork,
    new: NewTask,
    task_id: int,
    lane: int,
    state: TaskState,
    targets: Sequence[int],
    known: _Known,
    rows: _Rows,
) -> None:
    spec = new.spec
    blockers = 0
    for target in targets:
        done = known.tasks.get(target, False)
        blockers += 0 if done else 1
        rows.edges.append((task_id, target, 1 if done else 0))
        rows.depended.add(target)
    rows.tasks.append(
        (
            task_id,
            lane,
            new.project_id,
            new.queue_id,
            new.session_id,
            new.parent_id,
            int(state),
            int(new.priority),
            task_id,
            spec.retry.max_attempts,
            blockers,
            new.ready_at if state in (TaskState.BACKOFF, TaskState.BLOCKED) else None,
            new.timeout_us,
            new.estimate,
            uow.now,
            new.assignee or None,
        )
    )
    rows.specs.append(
        (
            task_id,
            spec.title,
            spec.description,
            spec.type,
            new.idempotency_key,
            new.request_hash,
            encode_spec(spec),
        )
    )
    rows.tags.extend((tag, task_id) for tag in sorted(set(spec.tags)))


def _announce(
    uow: UnitOfWork, new: NewTask, task_id: int, state: TaskState, requires: str, blockers: Sequence[int]
) -> None:
    waits_for = {ids.encode(ids.TASK, blocker) for blocker in blockers}
    payload = TaskSubmitted(
        spec=new.spec,
        task_kind=new.kind,
        queue_id=ids.encode(ids.QUEUE, new.queue_id),
        state=int(state),
        priority=int(new.priority),
        timeout_us=new.timeout_us,
        estimate=new.estimate,
        max_attempts=new.spec.retry.max_attempts,
        assignee=new.assignee,
        requires=requires,
        session_id=None if new.session_id is None else ids.encode(ids.SESSION, new.session_id),
        parent_id=None if new.parent_id is None else ids.encode(ids.TASK, new.parent_id),
        depends_on=list(new.depends_on),
        satisfied=[name for name in new.depends_on if name not in waits_for],
        blockers=len(blockers),
        ready_at=new.ready_at,
        idempotency_key=new.idempotency_key,
        request_hash=new.request_hash,
    )
    uow.journal.fact(payload, task=task_id, agent=new.assignee or None, project=new.project_id)
