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


class Risk(Answer):
    """How risky it is to give leave, worked out by the server from exactly what is asked for."""

    level: Literal["low", "medium", "high"]
    reasons: list[str] = Field(
        description="Why, in words, the worst first.", examples=[["removes files and folders"]]
    )
    target: str = Field(
        description="What is hit: a branch, a host, a path; else the end of the task's id. Whoever allows what is of "
        "high risk is asked to type it."
    )


class ApprovalPlace(Answer):
    """Where it would happen, and by which rule its agent asks."""

    machine: str | None
    directory: str | None = Field(description="The working copy.")
    sandbox: str | None = Field(description="The isolation level that it runs in.")
    network: Literal["none", "hosts", "open"] | None = Field(
        description="none: models only. hosts: those of `allow_hosts`. null: it runs in no sandbox of this installation."
    )
    allow_hosts: list[str]
    permissions: Literal["read", "ask", "edit", "full"] | None = Field(
        description="What the agent may do unasked, by its task or its role; null: whatever its program says."
    )
    rule_from: str | None = Field(description="The role that says so; null: the task itself.")


class Approval(Answer):
    """What an agent asks of people."""

    id: str = Field(examples=["apr_0dq3m8x1c7w00"])
    task_id: str
    task: str = Field(description="The task's title.")
    attempt_id: str
    project_id: str
    project: str = Field(description="The project's name.")
    agent_id: str
    agent: str | None = Field(description="Which program asks.", examples=["claude"])
    key: str = Field(
        description="Its name in the conversation of its attempt: the `id` of the entry that asks."
    )
    kind: KindName
    state: StateName
    title: str
    document: JsonObject = Field(
        description="What is asked exactly: tool, command, diff, input, text, options."
    )
    risk: Risk | None = Field(description="null: a question.")
    place: ApprovalPlace
    digest: str = Field(description="Names exactly what is asked; hand it back as `seen` when you answer.")
    created_at: Moment
    expires_at: Moment | None
    answer: JsonObject | None
    answered_by: str | None
    answer_words: str = Field(
        description="The very answer people gave: the words of the option they chose, and their own. Empty without any.",
        examples=["To the left"],
    )
    finished_at: Moment | None
    delivered_at: Moment | None = Field(
        description="When its agent got the answer, or when the answer became void."
    )
    outcome: Literal["pending", "approved", "rejected", "asked back", "answered", "expired", "withdrawn"] = (
        Field(description="How it stands in a word.")
    )
    latest_expiry: Moment | None = Field(
        description="Until when it can be made to wait at most; null: it never expires."
    )
    voids: str | None = Field(
        description="The earlier request of the same name whose answer does not hold: the agent changed what it asks for."
    )


class ApprovalVoid(Answer):
    """A request that its agent changed."""

    id: str
    title: str
    subject: str = Field(description="The exact command line or input that was asked for.")
    outcome: str
    answered_by: str | None
    finished_at: Moment | None


class ApprovalDetail(Approval):
    """A request with what came before it."""

    reason: str = Field(
        description="The agent's own: what it said before it asked. Empty when it said nothing."
    )
    voided: ApprovalVoid | None = Field(description="What `voids` names.")
    question: str = Field(
        description="What people asked back the last time in this attempt, instead of deciding."
    )
    question_by: str
    subject: str = Field(description="The exact use of the tool that leave beyond once would hold for.")


class ApprovalExtend(Body):
    """More time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seconds": 1800}]})

    seconds: float = Field(default=1800, gt=0, le=604_800)
    by: Name | None = None


class ApprovalAgain(Body):
    """Who wants it asked again."""

    by: Name | None = None


class AskedAgain(Answer):
    """What came of it."""

    id: str
    done: Literal["told", "requeued"] = Field(
        description="told: its agent is at work and was told that it may ask again. requeued: its task is queued again."
    )
    task_id: str


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

    verdict: Literal["allow", "deny", "ask"] | None = Field(
        default=None,
        description="ask: `text` is a question back. The agent is told it and that nothing is decided; it may ask again.",
    )
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
                {"required": ["kind"], "properties": {"kind": {"enum": ["interrupt", "pause", "resume"]}}},
            ],
        }
    )

    kind: Literal["say", "interrupt", "pause", "resume"] = "say"
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
