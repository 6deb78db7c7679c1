"""Events about tasks, and the rows they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final, assert_never, cast

from muster.domain import ids
from muster.domain.events import (
    TaskArchived,
    TaskCancelled,
    TaskEdited,
    TaskReadied,
    TaskRemoved,
    TaskRequeued,
    TaskRestored,
    TaskSubmitted,
)
from muster.domain.replay_world import Fact, TaskRow, World
from muster.domain.retry import RetryPolicy
from muster.domain.review import ReviewState
from muster.domain.task import TaskSpec, TaskState

TaskPayload = (
    TaskSubmitted
    | TaskEdited
    | TaskReadied
    | TaskRequeued
    | TaskCancelled
    | TaskArchived
    | TaskRestored
    | TaskRemoved
)
_SPEC_FIELDS: Final = frozenset(item.name for item in fields(TaskSpec))
_PREFIXES: Final = {
    "queue_id": ids.QUEUE,
    "project_id": ids.PROJECT,
    "session_id": ids.SESSION,
    "parent_id": ids.TASK,
}
_PLAIN: Final = ("priority", "position", "timeout_us", "estimate", "kind", "assignee")


def evolve_task(world: World, fact: Fact, payload: TaskPayload) -> None:
    """Fold one event about a task."""
    if isinstance(payload, TaskSubmitted):
        _submit(world, fact, payload)
        return
    task = world.task(fact)
    if task is None:
        return
    task.updated_at = fact.at
    match payload:
        case TaskEdited():
            _edit(world, task, payload)
        case TaskReadied():
            _ready(world, task, payload)
        case TaskRequeued():
            _requeue(task, payload)
        case TaskCancelled():
            _cancel(world, fact, task, payload)
        case TaskArchived():
            task.archived_at = fact.at
        case TaskRestored():
            task.archived_at = None
        case TaskRemoved():
            _remove(world, task)
        case _:
            assert_never(payload)


def _requeue(task: TaskRow, payload: TaskRequeued) -> None:
    task.state = TaskState(payload.state)
    task.burned = 0
    if task.review is not ReviewState.CHANGES_REQUESTED:
        task.review = ReviewState.NONE
    task.ready_at = task.finished_at = task.archived_at = None


def _submit(world: World, fact: Fact, payload: TaskSubmitted) -> None:
    if fact.task_id is None or fact.project_id is None or fact.task_id in world.tasks:
        world.stray(fact, "submits a task without its place, or one that was submitted before")
        return
    state = TaskState(payload.state)
    task = TaskRow(
        id=fact.task_id,
        project_id=fact.project_id,
        queue_id=ids.decode(ids.QUEUE, payload.queue_id),
        kind=payload.task_kind,
        requires=payload.requires,
        assignee=payload.assignee,
        session_id=_decoded("session_id", payload.session_id),
        parent_id=_decoded("parent_id", payload.parent_id),
        state=state,
        priority=payload.priority,
        position=fact.task_id,
        max_attempts=payload.max_attempts,
        agent_id=payload.assignee or None,
        ready_at=_kept(state, payload.ready_at),
        timeout_us=payload.timeout_us,
        estimate=payload.estimate,
        updated_at=fact.at,
        spec=payload.spec,
        idempotency_key=payload.idempotency_key,
        request_hash=payload.request_hash,
        edges={},
    )
    world.tasks[task.id] = task
    world.link(task, _edges(payload.depends_on, payload.satisfied))


def _edges(depends_on: list[str], satisfied: list[str]) -> dict[int, bool]:
    done = set(satisfied)
    return {ids.decode(ids.TASK, name): name in done for name in depends_on}


def _decoded(name: str, value: str | None) -> int | None:
    return None if value is None else ids.decode(_PREFIXES[name], value)


def _kept(state: TaskState, ready_at: int | None) -> int | None:
    return ready_at if state in (TaskState.BACKOFF, TaskState.BLOCKED) else None


def _edit(world: World, task: TaskRow, payload: TaskEdited) -> None:
    changes = payload.changes
    spec = {name: _spec_value(name, value) for name, value in changes.items() if name in _SPEC_FIELDS}
    task.spec = replace(task.spec, **spec)
    task.max_attempts = task.spec.retry.max_attempts
    for name in _PLAIN:
        if name in changes:
            setattr(task, name, changes[name])
    for name in _PREFIXES:
        if name in changes:
            setattr(task, name, _decoded(name, changes[name]))
    if "requires" in changes:
        task.requires = ",".join(sorted(set(changes["requires"])))
    if "assignee" in changes:
        task.agent_id = task.assignee or None
    if "depends_on" in changes:
        world.link(task, _edges(list(dict.fromkeys(changes["depends_on"])), changes["satisfied"]))
    task.state = TaskState(changes.get("state", task.state))
    task.ready_at = _kept(task.state, changes.get("ready_at", task.ready_at))


def _spec_value(name: str, value: Any) -> Any:
    if name == "retry" and isinstance(value, Mapping):
        return RetryPolicy(**cast(Mapping[str, Any], value))
    return tuple(value) if name in {"tags", "required_files"} else value


def _ready(world: World, task: TaskRow, payload: TaskReadied) -> None:
    task.state = TaskState(payload.state)
    if payload.reason == "backoff_over":
        task.ready_at = None
    if payload.reason == "by_hand":
        world.link(task, dict.fromkeys(task.edges, True))


def _cancel(world: World, fact: Fact, task: TaskRow, payload: TaskCancelled) -> None:
    task.state = TaskState.CANCELLED
    task.finished_at = fact.at
    task.ready_at = None
    world.charge(fact.project_id, reserved=-payload.released)
    if fact.attempt_id is None:
        return
    attempt = world.attempt(fact)
    if attempt is not None:
        attempt.state = "cancelled"
        attempt.finished_at = fact.at
        attempt.error = payload.reason or "cancelled"


def _remove(world: World, task: TaskRow) -> None:
    world.unlink(task)
    world.forget_target(task.id)
    for attempt_id in task.attempt_ids:
        del world.attempts[attempt_id]
        world.runs.pop(attempt_id, None)
    for ident in task.approval_ids:
        world.approvals.pop(ident, None)
    for ident in task.message_ids:
        world.messages.pop(ident, None)
    for ident in task.review_ids:
        world.reviews.pop(ident, None)
    for ident in task.comment_ids:
        world.review_comments.pop(ident, None)
    del world.tasks[task.id]
