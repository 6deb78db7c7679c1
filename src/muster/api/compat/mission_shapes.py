"""Shapes of the Mission Control dialect: camelCase, bare arrays, its own words for states."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from pydantic import Field

from muster.api.schemas.shape import (
    Answer,
    Body,
    Dollars,
    EntityName,
    LongText,
    Moment,
    Name,
    Query,
    Text,
    Title,
    absent,
)
from muster.api.times import iso, iso_or_none
from muster.commands.claims import Claimed
from muster.domain import ids
from muster.domain.money import dollars
from muster.domain.task import Priority, TaskState
from muster.projections.activities import ActivityRow
from muster.projections.projects import ProjectRow
from muster.projections.tasks import TaskRow
from muster.store.codec import decode_spec

Status = Literal["queue", "active", "completed"]
Level = Literal["low", "medium", "high"]
VentureStatus = Literal["active", "paused", "completed"]
AgentStatus = Literal["online", "offline", "busy", "error"]
Tags = Annotated[str, Field(max_length=10_000, examples=['["docs", "urgent"]'])]
"""A JSON array of texts, as a text."""

STATUS: Final[dict[TaskState, Status]] = {
    TaskState.BLOCKED: "queue",
    TaskState.BACKOFF: "queue",
    TaskState.READY: "queue",
    TaskState.RUNNING: "active",
    TaskState.SUCCEEDED: "completed",
    TaskState.FAILED: "completed",
    TaskState.CANCELLED: "completed",
}
STATES: Final[dict[str, frozenset[TaskState]]] = {
    name: frozenset(state for state, status in STATUS.items() if status == name)
    for name in set(STATUS.values())
}


class VentureName(Answer):
    """The venture of a task, shortly."""

    id: str
    name: str


class Venture(Answer):
    """A project in Mission Control's words. Money is US dollars; a budget of 0 is none."""

    id: str = Field(examples=["prj_0dq3m8x1c7w00"])
    name: str
    icon: str
    status: VentureStatus
    priority: Level
    capitalSpent: float
    capitalBudget: float
    description: str | None
    createdAt: Moment
    updatedAt: Moment


class VentureCreate(Body):
    """A new venture."""

    name: EntityName = Field(examples=["Website"])
    icon: Annotated[str, Field(max_length=64)] | None = None
    priority: Level = "medium"
    capitalBudget: Dollars | None = None
    description: Text | None = None
    status: VentureStatus = "active"


class VenturePatch(Body):
    """The venture's id and the fields to change."""

    id: Name
    name: EntityName = Field(default_factory=absent)
    icon: Annotated[str, Field(max_length=64)] | None = None
    priority: Level = Field(default_factory=absent)
    capitalBudget: Dollars | None = None
    description: Text | None = None
    status: VentureStatus = Field(default_factory=absent)


class Task(Answer):
    """A task in Mission Control's words."""

    id: str = Field(examples=["tsk_0dq3m8x1c7w00"])
    title: str
    description: str | None
    status: Status
    priority: Level
    estimatedCost: float | None
    actualCost: float | None
    tags: str | None
    output: str | None
    error: str | None
    assignedTo: str | None
    ventureId: str
    venture: VentureName
    createdAt: Moment
    updatedAt: Moment
    completedAt: Moment | None


class TaskCreate(Body):
    """A new task."""

    title: Title = Field(examples=["Write the release notes"])
    ventureId: Name
    description: LongText | None = None
    priority: Level = "medium"
    estimatedCost: Dollars | None = None
    tags: Tags | None = None


class TaskPatch(Body):
    """The task's id and the fields to change.

    `status`: "queue" puts a task back into its queue, "active" claims it for `assignedTo`, "completed"
    completes one that is active.
    """

    id: Name
    title: Title = Field(default_factory=absent)
    description: LongText | None = None
    priority: Level = Field(default_factory=absent)
    estimatedCost: Dollars | None = None
    actualCost: Dollars | None = None
    tags: Tags | None = None
    status: Status | None = None
    assignedTo: Name | None = None
    ventureId: Name = Field(default_factory=absent)
    output: LongText | None = None
    error: LongText | None = None


class Agent(Answer):
    """An agent in Mission Control's words; busy while it holds a task."""

    id: str
    name: str
    status: AgentStatus
    model: str
    currentTask: str | None
    tokensUsed: int
    maxTokens: int
    sessionsCount: int
    lastActiveAt: Moment
    createdAt: Moment
    updatedAt: Moment


Count = Annotated[int, Field(ge=0, le=1_000_000_000_000)]


class AgentCreate(Body):
    """An agent that registers itself; the same id again updates it."""

    id: Name | None = Field(default=None, examples=["agent-main"])
    name: Name = Field(examples=["Main"])
    model: Annotated[str, Field(max_length=200)] | None = None
    status: AgentStatus | None = None
    maxTokens: Count | None = None


class AgentPatch(Body):
    """The agent's id and the fields to change."""

    id: Name
    name: Name | None = None
    model: Annotated[str, Field(max_length=200)] | None = None
    status: AgentStatus | None = None
    currentTask: Name | None = Field(default=None, description="Seen, never set: accepted and ignored.")
    tokensUsed: Count | None = None
    maxTokens: Count | None = None
    sessionsCount: Count | None = None


class Activity(Answer):
    """An entry of the activity feed."""

    id: str
    type: str
    title: str
    description: str | None
    agentId: str | None
    taskId: str | None
    ventureId: str | None
    createdAt: Moment


class ActivityCreate(Body):
    """A new entry."""

    type: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")] = Field(
        examples=["note"]
    )
    title: Title
    description: LongText | None = None
    agentId: Name | None = None
    taskId: Name | None = None
    ventureId: Name | None = None


class Deleted(Answer):
    """It is gone."""

    success: bool = True
    id: str


class IdBody(Body):
    """The id, for clients that send it in the body."""

    id: Name


class IdQuery(Query):
    """The id, for clients that send it in the address."""

    id: Name | None = None


class TaskQuery(Query):
    """Which tasks."""

    status: Status | None = None
    ventureId: Name | None = None
    assignedTo: Name | None = None


class ActivityQuery(Query):
    """How many entries."""

    limit: int = Field(default=50, ge=1, le=1_000)


# The hot calls, decoded before the router.

_Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
_Long = Annotated[str, Meta(max_length=262_144)]


class ClaimCall(Struct, forbid_unknown_fields=True, kw_only=True):
    """Claim the next task."""

    agentId: _Name
    agentName: _Name | None = None


class CompleteCall(Struct, forbid_unknown_fields=True, kw_only=True):
    """The task is done; or, with `error`, it is not."""

    taskId: _Name
    agentId: _Name
    output: _Long | None = None
    actualCost: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    error: _Long | None = None


class HotVenture(Struct, kw_only=True):
    """The venture of a task, shortly."""

    id: str
    name: str


class HotTask(Struct, kw_only=True):
    """A task in Mission Control's words."""

    id: str
    title: str
    description: str | None
    status: Status
    priority: Level
    estimatedCost: float | None
    actualCost: float | None
    tags: str | None
    output: str | None
    error: str | None
    assignedTo: str | None
    ventureId: str
    venture: HotVenture
    createdAt: str
    updatedAt: str
    completedAt: str | None


def level_of(priority: Priority) -> Level:
    """Mission Control knows nothing above high."""
    match priority:
        case Priority.URGENT | Priority.HIGH:
            return "high"
        case Priority.MEDIUM:
            return "medium"
        case Priority.LOW:
            return "low"


def tags_text(tags: Sequence[str]) -> str | None:
    """Tags as the JSON text of an array."""
    return json.dumps(list(tags), ensure_ascii=False) if tags else None


def task_fields(row: TaskRow) -> dict[str, Any]:
    """The fields of a task but its venture."""
    attempt = row.attempt
    error = attempt.error if attempt is not None and row.state is not TaskState.RUNNING else None
    if row.state is TaskState.CANCELLED and not error:
        error = "cancelled"
    if row.state is TaskState.SUCCEEDED:
        error = None
    holds = row.state is TaskState.RUNNING or row.state.finished
    return {
        "id": ids.encode(ids.TASK, row.id),
        "title": row.title,
        "description": row.description or None,
        "status": STATUS[row.state],
        "priority": level_of(row.priority),
        "estimatedCost": dollars(row.estimate) if row.estimate else None,
        "actualCost": dollars(row.cost) if row.state is TaskState.SUCCEEDED else None,
        "tags": tags_text(row.tags),
        "output": attempt.output if attempt is not None and row.state.finished else None,
        "error": error,
        "assignedTo": row.agent_id if holds else row.assigned_to,
        "ventureId": ids.encode(ids.PROJECT, row.project_id),
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.updated_at),
        "completedAt": iso_or_none(row.finished_at),
    }


def task_shape(row: TaskRow) -> Task:
    """A task of a list or by itself."""
    return Task(
        **task_fields(row), venture=VentureName(id=ids.encode(ids.PROJECT, row.project_id), name=row.project)
    )


def hot_task(row: TaskRow) -> HotTask:
    """A task as the hot calls answer it."""
    venture = HotVenture(id=ids.encode(ids.PROJECT, row.project_id), name=row.project)
    return HotTask(**task_fields(row), venture=venture)


def claimed_shape(claimed: Claimed) -> HotTask:
    """A task that was just claimed."""
    spec, lane = decode_spec(claimed.spec), claimed.lane
    venture = ids.encode(ids.PROJECT, lane.project_id)
    return HotTask(
        id=ids.encode(ids.TASK, claimed.task_id),
        title=spec.title,
        description=spec.description or None,
        status="active",
        priority=level_of(Priority(claimed.priority)),
        estimatedCost=dollars(claimed.estimate) if claimed.estimate else None,
        actualCost=None,
        tags=tags_text(spec.tags),
        output=None,
        error=claimed.earlier[-1][5] if claimed.earlier else None,
        assignedTo=claimed.agent_id,
        ventureId=venture,
        venture=HotVenture(id=venture, name=lane.project),
        createdAt=iso(ids.created_at(claimed.task_id)),
        updatedAt=iso(claimed.claimed_at),
        completedAt=None,
    )


def venture_shape(row: ProjectRow) -> Venture:
    """A project as a venture."""
    return Venture.model_validate(
        {
            "id": ids.encode(ids.PROJECT, row.id),
            "name": row.name,
            "icon": row.icon,
            "status": row.status,
            "priority": row.priority,
            "capitalSpent": dollars(row.spent),
            "capitalBudget": dollars(row.allocated or 0),
            "description": row.description or None,
            "createdAt": iso(row.created_at),
            "updatedAt": iso(row.updated_at),
        }
    )


def activity_shape(row: ActivityRow) -> Activity:
    """An entry of the feed."""
    return Activity(
        id=row.id,
        type=row.type,
        title=row.title,
        description=row.description,
        agentId=row.agent_id,
        taskId=None if row.task_id is None else ids.encode(ids.TASK, row.task_id),
        ventureId=None if row.project_id is None else ids.encode(ids.PROJECT, row.project_id),
        createdAt=iso(row.at),
    )
