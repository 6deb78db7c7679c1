"""From what the read side gives to the shapes of tasks, attempts, events and output."""

from __future__ import annotations

from typing import Any, cast

from muster.api.run_shapes import run_shape
from muster.api.schemas import tasks as shapes
from muster.api.times import iso, iso_or_none
from muster.domain import ids
from muster.domain.money import dollars
from muster.projections.attempts import AttemptRow, Output
from muster.projections.tasks import TaskDetail, TaskRow
from muster.store.codec import Event, from_json


def public(prefix: str, number: int | None) -> str | None:
    """A public id; None stays None."""
    return None if number is None else ids.encode(prefix, number)


def _fields(row: TaskRow) -> dict[str, Any]:
    attempt, hold = row.attempt, row.waiting
    return {
        "id": ids.encode(ids.TASK, row.id),
        "title": row.title,
        "kind": row.kind,
        "type": row.type,
        "task_class": row.task_class,
        "timeout_seconds": row.timeout_us / 1_000_000,
        "state": row.state.label,
        "paused": row.paused,
        "review": row.review.label,
        "priority": row.priority.label,
        "project_id": ids.encode(ids.PROJECT, row.project_id),
        "project": row.project,
        "queue_id": ids.encode(ids.QUEUE, row.queue_id),
        "queue": row.queue,
        "session_id": public(ids.SESSION, row.session_id),
        "parent_id": public(ids.TASK, row.parent_id),
        "depends_on": [ids.encode(ids.TASK, one.task_id) for one in row.dependencies],
        "blocks": row.waiters,
        "tags": list(row.tags),
        "requires": list(row.requires),
        "network": row.network,
        "working_dir": row.working_dir,
        "assigned_to": row.assigned_to,
        "agent_id": row.agent_id,
        "attempts": row.attempts,
        "max_attempts": row.max_attempts,
        "estimated_cost_usd": dollars(row.estimate),
        "actual_cost_usd": dollars(row.cost),
        "idempotency_key": row.idempotency_key,
        "waiting": None
        if hold is None
        else shapes.Waiting(code=hold.code, message=hold.message, details=hold.details),
        "output": None if attempt is None else attempt.output,
        "error": None if attempt is None else attempt.error,
        "stale": row.stale,
        **_moments(row),
    }


def _moments(row: TaskRow) -> dict[str, str | None]:
    return {
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "started_at": iso_or_none(row.started_at),
        "finished_at": iso_or_none(row.finished_at),
        "ready_at": iso_or_none(row.ready_at),
        "archived_at": iso_or_none(row.archived_at),
    }


def task_row(row: TaskRow) -> shapes.TaskRow:
    """A task in a list."""
    return shapes.TaskRow.model_construct(**_fields(row))


def task_detail(detail: TaskDetail) -> shapes.Task:
    """A task in detail."""
    spec, retry = detail.spec, detail.spec.retry
    return shapes.Task(
        **_fields(detail.row),
        description=spec.description,
        instructions=detail.instructions,
        payload=spec.payload,
        output_schema=spec.output_schema,
        required_files=list(spec.required_files),
        acceptance_command=spec.acceptance_command,
        max_test_fix_cycles=spec.max_test_fix_cycles,
        retry=shapes.RetryPolicy(
            max_attempts=retry.max_attempts,
            base_seconds=retry.base_seconds,
            factor=retry.factor,
            max_seconds=retry.max_seconds,
            jitter=retry.jitter,
        ),
        attempt=None if detail.row.attempt is None else attempt_shape(detail.row.attempt),
    )


def attempt_shape(row: AttemptRow) -> shapes.Attempt:
    """An attempt."""
    return shapes.Attempt(
        id=ids.encode(ids.ATTEMPT, row.id),
        number=row.number,
        state=cast(Any, row.state),
        agent_id=row.agent_id,
        worker_id=row.worker_id,
        sandbox=row.sandbox,
        claimed_at=iso(row.claimed_at),
        heartbeat_at=iso(row.heartbeat_at),
        finished_at=iso_or_none(row.finished_at),
        code=row.code,
        error=row.error,
        output=row.output,
        result=row.result,
        exit_code=row.exit_code,
        cost_usd=dollars(row.cost),
        input_tokens=row.tokens[0],
        output_tokens=row.tokens[1],
        cache_read_tokens=row.tokens[2],
        cache_write_tokens=row.tokens[3],
        progress=row.progress,
        message=row.message,
        lines=row.lines,
        paused=row.paused,
        run=run_shape(row.run),
    )


def event_shape(event: Event) -> shapes.Event:
    """An event of the log."""
    return shapes.Event(
        seq=event.seq,
        at=iso(event.at),
        kind=event.kind,
        task_id=public(ids.TASK, event.task_id),
        attempt_id=public(ids.ATTEMPT, event.attempt_id),
        agent_id=event.agent_id,
        project_id=public(ids.PROJECT, event.project_id),
        amount_usd=None if event.amount is None else dollars(event.amount),
        data=from_json(event.data),
    )


def log_page(number: int, output: Output) -> shapes.LogPage:
    """Lines of an attempt's output."""
    return shapes.LogPage(
        attempt=number,
        items=[
            shapes.LogLine(
                position=line.position, stream=cast(Any, line.stream), text=line.text, at=iso(line.at)
            )
            for line in output.lines
        ],
        next_after=output.next,
        total=output.total,
        finished=output.ended,
    )
