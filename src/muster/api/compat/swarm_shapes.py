"""Shapes of the Swarm dialect: snake_case, tickets for tasks."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from pydantic import Field, StringConstraints

from muster.api.schemas.shape import (
    NO_NUL,
    Answer,
    Body,
    Dollars,
    EntityName,
    LongText,
    Moment,
    Name,
    Note,
    PageQuery,
    Text,
    Title,
    absent,
)
from muster.api.times import iso
from muster.client import wire
from muster.domain import ids
from muster.domain.money import dollars
from muster.domain.task import TaskState
from muster.projections.projects import ProjectRow
from muster.projections.tasks import TaskRow
from muster.store.codec import Event, from_json

TicketState = Literal[
    "draft",
    "ready",
    "assigned",
    "in_progress",
    "in_review",
    "needs_review",
    "done",
    "failed",
    "cancelled",
]
Level = Literal["urgent", "high", "medium", "low"]
STATES: Final[dict[str, frozenset[TaskState]]] = {
    "ready": frozenset({TaskState.BLOCKED, TaskState.BACKOFF, TaskState.READY}),
    "assigned": frozenset({TaskState.BLOCKED, TaskState.BACKOFF, TaskState.READY}),
    "in_progress": frozenset({TaskState.RUNNING}),
    "done": frozenset({TaskState.SUCCEEDED}),
    "failed": frozenset({TaskState.FAILED}),
    "cancelled": frozenset({TaskState.CANCELLED}),
}
"""The task states of a ticket state; those that are missing here are not made yet."""
_ENDS: Final[dict[TaskState, TicketState]] = {
    TaskState.RUNNING: "in_progress",
    TaskState.SUCCEEDED: "done",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "cancelled",
}
Line = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=NO_NUL)]
Lines = Annotated[list[Line], Field(max_length=100)]
Blockers = Annotated[list[Name], Field(max_length=1_000)]


class Ticket(Answer):
    """A task in Swarm's words."""

    id: str = Field(examples=["tsk_0dq3m8x1c7w00"])
    project_id: str
    title: str
    description: str
    state: TicketState
    priority: Level
    depends_on: list[str]
    acceptance_criteria: list[str]
    estimated_scope: str | None
    files_hint: list[str]
    assignee_id: str | None
    branch: str | None
    commit: str | None
    pr_url: str | None
    attempts: int
    waiting_reason: str | None = Field(description="Why it waits, in words.")
    output: str | None
    error: str | None
    cost_usd: float
    created_at: Moment
    updated_at: Moment


class TicketCreate(Body):
    """A new ticket."""

    title: Title = Field(examples=["Add a login page"])
    project_id: Name | None = Field(default=None, description="Id or name; without it the default project.")
    description: LongText = ""
    priority: Level = "medium"
    depends_on: Blockers = Field(default_factory=list[str])
    acceptance_criteria: Lines = Field(default_factory=list[str])
    estimated_scope: Note | None = None
    files_hint: Lines = Field(default_factory=list[str])
    assignee_id: Name | None = None


class TicketPatch(Body):
    """Fields to change. Null takes `estimated_scope` and `assignee_id` away."""

    title: Title = Field(default_factory=absent)
    project_id: Name = Field(default_factory=absent)
    description: LongText = Field(default_factory=absent)
    priority: Level = Field(default_factory=absent)
    depends_on: Blockers = Field(default_factory=absent)
    acceptance_criteria: Lines = Field(default_factory=absent)
    estimated_scope: Note | None = None
    files_hint: Lines = Field(default_factory=absent)
    assignee_id: Name | None = None


class TicketCancel(Body):
    """Why it is cancelled."""

    reason: Note = ""


class TicketQuery(PageQuery):
    """Which tickets. A page of some may be short although more follow: go on while there is a `next_cursor`."""

    project_id: Name | None = None
    state: TicketState | None = None
    assignee_id: Name | None = None


class TicketList(Answer):
    """A page of tickets, newest first. Texts are cut after 2,000 characters."""

    tickets: list[Ticket]
    next_cursor: str | None


class TicketEvent(Answer):
    """Something that happened to a ticket."""

    seq: int
    type: str = Field(examples=["attempt.started"])
    ticket_id: str
    agent_id: str | None
    data: dict[str, Any]
    created_at: Moment


class TicketEventList(Answer):
    """A page of a ticket's history, oldest first."""

    events: list[TicketEvent]
    next_cursor: str | None


class SwarmProject(Answer):
    """A project in Swarm's words. Money is US dollars; without a budget there is no limit."""

    id: str = Field(examples=["prj_0dq3m8x1c7w00"])
    name: str
    description: str
    status: Literal["active", "paused", "completed"]
    repo_url: str | None
    default_branch: str | None
    budget_usd: float | None
    spent_usd: float
    reserved_usd: float
    created_at: Moment
    updated_at: Moment


class SwarmProjectCreate(Body):
    """A new project."""

    name: EntityName = Field(examples=["website"])
    description: Text = ""
    status: Literal["active", "paused", "completed"] = "active"
    repo_url: Note | None = None
    default_branch: Name | None = None
    budget_usd: Dollars | None = None


class SwarmProjectPatch(Body):
    """Fields to change. Null takes `repo_url`, `default_branch`, `budget_usd` away."""

    name: EntityName = Field(default_factory=absent)
    description: Text = Field(default_factory=absent)
    status: Literal["active", "paused", "completed"] = Field(default_factory=absent)
    repo_url: Note | None = None
    default_branch: Name | None = None
    budget_usd: Dollars | None = None


class SwarmProjectList(Answer):
    """A page of projects, newest first."""

    projects: list[SwarmProject]
    next_cursor: str | None


# The workers' calls, decoded before the router.


class SwarmClaim(Struct, forbid_unknown_fields=True, kw_only=True):
    """Claim the next ticket."""

    agent_id: wire.Name
    vm_id: wire.Name | None = None
    project_id: wire.Name | None = None
    capabilities: Annotated[list[wire.Name], Meta(max_length=50)] = []


class SwarmHeartbeat(Struct, forbid_unknown_fields=True, kw_only=True):
    """The holder is alive."""

    agent_id: wire.Name
    ticket_id: wire.Name
    lease_token: wire.Token
    progress: Annotated[float, Meta(ge=0, le=1)] | None = None
    message: wire.Text | None = None


class TokenCounts(Struct, forbid_unknown_fields=True, kw_only=True):
    """Tokens that were used."""

    input: wire.Count = 0
    output: wire.Count = 0
    cache_read: wire.Count = 0
    cache_write: wire.Count = 0


class SwarmComplete(Struct, forbid_unknown_fields=True, kw_only=True):
    """The ticket is done, or it failed. `tokens` is a number of all tokens, or the counts apart."""

    agent_id: wire.Name
    ticket_id: wire.Name
    status: Literal["done", "failed"]
    lease_token: wire.Token | None = None
    output: wire.LongText | None = None
    error: wire.LongText | None = None
    branch: wire.Name | None = None
    commit: wire.Name | None = None
    pr_url: Annotated[str, Meta(max_length=2_000)] | None = None
    cost_usd: wire.Dollars | None = None
    tokens: wire.Count | TokenCounts | None = None


class HeldTicket(Struct, kw_only=True):
    """A ticket as workers get it; `lease_token` is for its claimer alone."""

    id: str
    project_id: str
    title: str
    description: str
    state: TicketState
    priority: Level
    depends_on: list[str]
    acceptance_criteria: list[str]
    estimated_scope: str | None
    files_hint: list[str]
    assignee_id: str | None
    branch: str | None
    commit: str | None
    pr_url: str | None
    attempts: int
    waiting_reason: str | None
    output: str | None
    error: str | None
    cost_usd: float
    created_at: str
    updated_at: str
    lease_token: str | None = None


class TicketAnswer(Struct, kw_only=True):
    """The ticket."""

    ticket: HeldTicket


class SwarmDirectives(Struct, kw_only=True):
    """What the holder shall do: `cancel` means stop."""

    directives: list[str]


def state_of(row: TaskRow) -> TicketState:
    """A task's state in Swarm's words."""
    if row.state.waiting:
        return "ready" if row.assigned_to is None else "assigned"
    return _ENDS[row.state]


def ticket_fields(row: TaskRow) -> dict[str, Any]:
    """The fields of a ticket but its lease token."""
    attempt, extra = row.attempt, row.extra
    made: dict[str, Any] = (attempt.result if attempt is not None else None) or {}
    ended = attempt is not None and row.state is not TaskState.RUNNING
    return {
        "id": ids.encode(ids.TASK, row.id),
        "project_id": ids.encode(ids.PROJECT, row.project_id),
        "title": row.title,
        "description": row.description,
        "state": state_of(row),
        "priority": row.priority.label,
        "depends_on": [ids.encode(ids.TASK, one.task_id) for one in row.dependencies],
        "acceptance_criteria": _texts(extra.get("acceptance_criteria")),
        "estimated_scope": _text(extra.get("estimated_scope")),
        "files_hint": _texts(extra.get("files_hint")),
        "assignee_id": row.assigned_to if row.state.waiting else row.agent_id,
        "branch": _text(made.get("branch")),
        "commit": _text(made.get("commit")),
        "pr_url": _text(made.get("pr_url")),
        "attempts": row.attempts,
        "waiting_reason": None if row.waiting is None else row.waiting.message,
        "output": attempt.output if ended and attempt is not None else None,
        "error": attempt.error if ended and attempt is not None else None,
        "cost_usd": dollars(row.cost),
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> list[str]:
    # Whoever wrote the task may have kept something else under these names.
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def event_of(event: Event) -> TicketEvent:
    """An event of the log as a ticket's."""
    return TicketEvent(
        seq=event.seq,
        type=event.kind,
        ticket_id=ids.encode(ids.TASK, event.task_id or 0),
        agent_id=event.agent_id,
        data=from_json(event.data),
        created_at=iso(event.at),
    )


def project_of(row: ProjectRow) -> SwarmProject:
    """A project in Swarm's words."""
    return SwarmProject.model_validate(
        {
            "id": ids.encode(ids.PROJECT, row.id),
            "name": row.name,
            "description": row.description,
            "status": row.status,
            "repo_url": row.repo_url,
            "default_branch": row.default_branch,
            "budget_usd": None if row.allocated is None else dollars(row.allocated),
            "spent_usd": dollars(row.spent),
            "reserved_usd": dollars(row.reserved),
            "created_at": iso(row.created_at),
            "updated_at": iso(row.updated_at),
        }
    )
