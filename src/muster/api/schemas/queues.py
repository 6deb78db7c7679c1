"""Shapes of queues and sessions."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from muster.api.schemas.shape import (
    Answer,
    Body,
    EntityName,
    Level,
    LongText,
    Moment,
    Name,
    PageQuery,
    Text64,
    Word,
    absent,
)

Mode = Literal["auto", "manual", "external"]
Approval = Literal["relaxed", "strict"]


class QueueCreate(Body):
    """A queue: first in, first out within a priority."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "nightly", "mode": "auto", "concurrency": 2}]}
    )

    name: EntityName
    instructions: Text64 = Field(default="", description="Context for whoever does the work.")
    mode: Mode = Field(
        default="auto", description="Who works it: our workers, a person, or agents over the API."
    )
    concurrency: int | None = Field(default=None, ge=1, le=10_000, description="Tasks at once, at most.")
    project_id: Name | None = None
    session_id: Name | None = None
    sandbox: Level | None = Field(
        default=None, description="The isolation level its tasks demand unless they say otherwise."
    )
    approval: Approval = Field(
        default="relaxed",
        description="strict: every result needs a person's verdict before anything follows.",
    )


class QueuePatch(Body):
    """Fields to change. Null takes `concurrency`, `project_id`, `session_id`, `sandbox` away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"concurrency": 4}]})

    name: EntityName = Field(default_factory=absent)
    instructions: Text64 = Field(default_factory=absent)
    mode: Mode = Field(default_factory=absent)
    concurrency: int | None = Field(default=None, ge=1, le=10_000)
    project_id: Name | None = None
    session_id: Name | None = None
    sandbox: Level | None = None
    approval: Approval = Field(default_factory=absent)


class Queue(Answer):
    """A queue and its tasks by state."""

    id: str = Field(examples=["que_0dq3m8x1c7w00"])
    name: str
    instructions: str
    mode: Mode
    status: Literal["active", "archived"]
    paused: bool
    concurrency: int | None
    project_id: str | None
    session_id: str | None
    agent_id: str | None = Field(description="The agent whose own queue it is.")
    sandbox: str | None
    approval: Approval = Field(description="strict: every result needs a person's verdict.")
    stats: dict[str, int] = Field(description="How many tasks there are in each state.")
    created_at: Moment
    updated_at: Moment


class QueueList(Answer):
    """Queues by name."""

    items: list[Queue]
    next_cursor: str | None


class SessionCreate(Body):
    """A named work session."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "refactor the parser"}]})

    name: EntityName
    context: LongText = ""
    project_id: Name | None = None


class SessionPatch(Body):
    """Fields to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "parser, second try"}]})

    name: EntityName = Field(default_factory=absent)
    context: LongText = Field(default_factory=absent)


class Session(Answer):
    """A work session."""

    id: str = Field(examples=["ses_0dq3m8x1c7w00"])
    name: str
    context: str
    status: Literal["active", "ended"]
    project_id: str | None
    created_at: Moment
    updated_at: Moment
    ended_at: Moment | None


class SessionList(Answer):
    """Sessions, newest first."""

    items: list[Session]
    next_cursor: str | None


class QueueQuery(PageQuery):
    """Which queues."""

    archived: bool = Field(default=False, description="true: only archived ones; they are hidden else.")


class SessionQuery(PageQuery):
    """Which sessions."""

    status: Literal["active", "ended"] | None = None
    project: Word | None = Field(default=None, description="Id or name.")
