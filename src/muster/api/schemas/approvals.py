"""Shapes of requests of agents, of standing permissions and of messages to agents."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from muster.api.schemas.shape import (
    Answer,
    Body,
    JsonObject,
    Moment,
    Name,
    PageQuery,
    Query,
    Text64,
    absent,
)

KindName = Literal["permission", "question"]
StateName = Literal["pending", "answered", "expired", "withdrawn"]
ScopeName = Literal["once", "task", "project", "everywhere"]


class Approval(Answer):
    """What an agent asks of people."""

    id: str = Field(examples=["apr_0dq3m8x1c7w00"])
    task_id: str
    task: str = Field(description="The task's title.")
    attempt_id: str
    project_id: str
    agent_id: str
    agent: str | None = Field(description="Which program asks.", examples=["claude"])
    kind: KindName
    state: StateName
    title: str
    document: JsonObject = Field(
        description="What is asked exactly: tool, command, diff, input, text, options."
    )
    digest: str = Field(description="Names exactly what is asked; hand it back as `seen` when you answer.")
    created_at: Moment
    expires_at: Moment | None
    answer: JsonObject | None
    answered_by: str | None
    finished_at: Moment | None
    delivered_at: Moment | None = Field(description="When its agent got the answer.")


class ApprovalList(Answer):
    """A page of requests."""

    items: list[Approval]
    next_cursor: str | None


class ApprovalQuery(PageQuery):
    """Which requests."""

    state: Literal["pending", "all"] = "pending"
    task: Name | None = None
    wait_seconds: float = Field(
        default=0,
        ge=0,
        le=60,
        description="Wait this long for one to be made or settled, when none is pending.",
    )


class ApprovalWait(Query):
    """Whether to wait for its end."""

    wait_seconds: float = Field(
        default=0, ge=0, le=60, description="Wait this long for it to be settled, while it is pending."
    )


class ApprovalAnswer(Body):
    """An answer: a verdict, one of the request's options, or words."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"verdict": "allow"}]})

    verdict: Literal["allow", "deny"] | None = None
    option: Name | None = Field(default=None, description="The id of one of the request's options.")
    text: Text64 = Field(default="", description="Words for the agent; the answer to a question.")
    scope: ScopeName = Field(
        default="once",
        description="Beyond once: exactly the same use of the same tool is allowed from now on.",
    )
    by: Name | None = Field(default=None, description="Who answers.")
    seen: Name | None = Field(default=None, description="`digest` of the request as it was shown.")


class Permission(Answer):
    """What is allowed beyond once."""

    id: str = Field(examples=["per_0dq3m8x1c7w00"])
    scope: ScopeName
    place_id: str | None = Field(description="The task or project it holds for.")
    tool: str
    subject: str = Field(description="The exact command line or input.")
    created_by: str | None
    created_at: Moment


class PermissionList(Answer):
    """A page of standing permissions."""

    items: list[Permission]
    next_cursor: str | None


class MessageCreate(Body):
    """Something for the agent that works on a task."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "say", "text": "Use tabs, please."}],
            "anyOf": [
                {"required": ["text"], "properties": {"text": {"minLength": 1}}},
                {"required": ["kind"], "properties": {"kind": {"const": "interrupt"}}},
            ],
        }
    )

    kind: Literal["say", "interrupt"] = "say"
    text: Text64 = Field(default_factory=absent)
    by: Name | None = None


class Message(Answer):
    """Something a person told an agent."""

    id: str = Field(examples=["msg_0dq3m8x1c7w00"])
    kind: str
    text: str
    created_by: str | None
    created_at: Moment
    delivered_at: Moment | None


class MessageMade(Answer):
    """The message was kept; it reaches the agent as soon as its worker can be reached."""

    id: str


class MessageList(Answer):
    """A page of messages."""

    items: list[Message]
    next_cursor: str | None
