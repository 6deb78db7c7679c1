"""Shapes of the SparkQ dialect: sessions, queues and tasks of one developer."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from muster.api.schemas.shape import (
    NO_NUL,
    Answer,
    Body,
    EntityName,
    LongText,
    Moment,
    Name,
    Query,
    Text64,
    absent,
)
from muster.api.times import iso, iso_or_none
from muster.domain import ids
from muster.domain.task import TaskState
from muster.projections.counts import StateCounts
from muster.projections.queues import QueueRow
from muster.projections.sessions import SessionRow
from muster.projections.tasks import TaskRow

Status = Literal["queued", "running", "succeeded", "failed"]
STATUS: Final[dict[TaskState, Status]] = {
    TaskState.BLOCKED: "queued",
    TaskState.BACKOFF: "queued",
    TaskState.READY: "queued",
    TaskState.RUNNING: "running",
    TaskState.SUCCEEDED: "succeeded",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "failed",
}
MAX_OFFSET: Final = 10_000
Short = Annotated[str, StringConstraints(max_length=4_000, pattern=NO_NUL)]


class SparkSession(Answer):
    """A named work session."""

    id: str = Field(examples=["ses_0dq3m8x1c7w00"])
    name: str
    description: str
    status: Literal["active", "ended"]
    started_at: Moment
    ended_at: Moment | None
    created_at: Moment
    updated_at: Moment


class SparkSessionCreate(Body):
    """A new session."""

    name: Name = Field(examples=["monday"])
    description: LongText = ""


class SparkSessionPut(Body):
    """Fields to change."""

    name: Name = Field(default_factory=absent)
    description: LongText = Field(default_factory=absent)


class SparkSessionList(Answer):
    """Sessions, newest first."""

    sessions: list[SparkSession]


class SparkStats(Answer):
    """How many tasks there are in each status."""

    total: int
    queued: int
    running: int
    succeeded: int
    failed: int


class SparkQueue(Answer):
    """A queue. `instructions` are handed to whoever executes."""

    id: str = Field(examples=["que_0dq3m8x1c7w00"])
    name: str
    instructions: str
    status: Literal["active", "archived"]
    session_id: str | None
    stats: SparkStats
    created_at: Moment
    updated_at: Moment


class SparkQueueCreate(Body):
    """A new queue; its name is the only one of its kind."""

    name: EntityName = Field(examples=["nightly"])
    instructions: Text64 | None = None
    session_id: Name | None = None


class SparkQueuePut(Body):
    """Fields to change."""

    name: EntityName = Field(default_factory=absent)
    instructions: Text64 = Field(default_factory=absent)


class SparkQueueList(Answer):
    """Queues by name."""

    queues: list[SparkQueue]


class SparkQueueQuery(Query):
    """Which queues: active ones unless said otherwise."""

    status: Literal["active", "archived", "all"] = "active"
    session_id: Name | None = None
    limit: int = Field(default=100, ge=1, le=1_000)


class SparkSessionQuery(Query):
    """Which sessions."""

    status: Literal["active", "ended"] | None = None
    limit: int = Field(default=100, ge=1, le=1_000)


class SparkResult(Answer):
    """What came of a task."""

    summary: str | None
    data: dict[str, Any] | None


class SparkTask(Answer):
    """A task in SparkQ's words. `timeout` is seconds."""

    id: str = Field(examples=["tsk_0dq3m8x1c7w00"])
    queue_id: str
    session_id: str | None
    tool_name: str
    task_class: str
    payload: str
    status: Status
    timeout: float
    attempts: int
    result: SparkResult | None
    error: str | None
    worker_id: str | None
    stale_warned_at: Moment | None
    created_at: Moment
    updated_at: Moment
    claimed_at: Moment | None
    started_at: Moment | None
    finished_at: Moment | None


class SparkTaskCreate(Body):
    """A new task. `tool_name` is the name of a script, whose inputs `payload` then holds as JSON text; any other
    name says how whoever claims the task is to work on `payload`."""

    queue_id: Name
    tool_name: Name = Field(examples=["llm-sonnet"])
    task_class: Name | None = None
    payload: LongText = ""
    timeout: Annotated[float, Field(gt=0, le=604_800)] | None = Field(default=None, description="Seconds.")


class SparkTaskList(Answer):
    """Tasks, the oldest first. Long texts are cut after 2,000 characters."""

    tasks: list[SparkTask]


class SparkTaskQuery(Query):
    """Which tasks."""

    queue_id: Name | None = None
    status: Status | None = None
    limit: int = Field(default=100, ge=1, le=1_000)
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET)


class SparkClaim(Body):
    """Who takes the task."""

    worker_id: Name


class SparkComplete(Body):
    """What came of it."""

    result_summary: LongText
    result_data: dict[str, Any] | None = None


class SparkFail(Body):
    """Why it failed."""

    error_message: LongText
    error_type: Name | None = None


class SparkClass(Answer):
    """A task class. `timeout` is seconds."""

    name: str
    timeout: float
    description: str


class SparkClassList(Answer):
    """Task classes."""

    task_classes: list[SparkClass]


class SparkTool(Answer):
    """Something a task can name as its tool."""

    name: str
    description: str
    task_class: str | None


class SparkToolList(Answer):
    """The scripts, by name."""

    tools: list[SparkTool]


class SparkScript(Answer):
    """A script. `timeout` is seconds."""

    name: str
    path: str
    description: str
    kind: str
    inputs: list[str]
    tags: list[str]
    task_class: str | None
    timeout: float | None


class SparkScriptList(Answer):
    """Scripts, by name."""

    scripts: list[SparkScript]


class SparkPrompts(Answer):
    """Prompts kept for reuse."""

    prompts: list[str]


class SparkConfig(Answer):
    """The rules in force. Multipliers are of a task's timeout."""

    version: str
    stale_warn_multiplier: float
    stale_fail_multiplier: float
    purge_after_days: float


class SparkTotals(Answer):
    """The installation at a glance."""

    tasks: SparkStats


def stats_of(counts: StateCounts) -> SparkStats:
    """Counts in SparkQ's words."""
    return SparkStats(
        total=counts.total,
        queued=counts.waiting,
        running=counts.running,
        succeeded=counts.succeeded,
        failed=counts.failed + counts.cancelled,
    )


def session_of(row: SessionRow) -> SparkSession:
    """A session in SparkQ's words."""
    return SparkSession.model_validate(
        {
            "id": ids.encode(ids.SESSION, row.id),
            "name": row.name,
            "description": row.context,
            "status": row.status,
            "started_at": iso(row.created_at),
            "ended_at": iso_or_none(row.ended_at),
            "created_at": iso(row.created_at),
            "updated_at": iso(row.updated_at),
        }
    )


def queue_of(row: QueueRow) -> SparkQueue:
    """A queue in SparkQ's words."""
    return SparkQueue.model_validate(
        {
            "id": ids.encode(ids.QUEUE, row.id),
            "name": row.name,
            "instructions": row.instructions,
            "status": row.status,
            "session_id": None if row.session_id is None else ids.encode(ids.SESSION, row.session_id),
            "stats": stats_of(row.counts),
            "created_at": iso(row.created_at),
            "updated_at": iso(row.updated_at),
        }
    )


def task_of(row: TaskRow) -> SparkTask:
    """A task in SparkQ's words."""
    attempt = row.attempt
    ended = attempt is not None and not row.state.waiting and row.state is not TaskState.RUNNING
    error = attempt.error if attempt is not None and STATUS[row.state] == "failed" else None
    if row.state is TaskState.CANCELLED:
        error = error or "cancelled"
    return SparkTask(
        id=ids.encode(ids.TASK, row.id),
        queue_id=ids.encode(ids.QUEUE, row.queue_id),
        session_id=None if row.session_id is None else ids.encode(ids.SESSION, row.session_id),
        tool_name=str(row.extra.get("tool_name", row.kind)),
        task_class=row.task_class,
        payload=str(row.extra.get("payload", row.description)),
        status=STATUS[row.state],
        timeout=row.timeout_us / 1_000_000,
        attempts=row.attempts,
        result=SparkResult(summary=attempt.output, data=attempt.result)
        if ended and attempt is not None and (attempt.output is not None or attempt.result is not None)
        else None,
        error=error,
        worker_id=None if row.state.waiting else row.agent_id,
        stale_warned_at=iso_or_none(attempt.warned_at) if attempt is not None else None,
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
        claimed_at=iso(attempt.claimed_at) if attempt is not None and not row.state.waiting else None,
        started_at=None if row.state.waiting else iso_or_none(row.started_at),
        finished_at=iso_or_none(row.finished_at),
    )
