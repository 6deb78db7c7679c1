"""Shapes of what waits for people, and of talks with agents, in Swarm's words."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import ConfigDict, Field

from muster.api.schemas.shape import Answer, Body, JsonObject, Moment, Name, PageQuery, Text64
from muster.api.times import iso, iso_or_none
from muster.domain import ids
from muster.domain.approval import ALLOWING, CLARIFY_WORDS, ApprovalState
from muster.domain.transcript import OptionKind
from muster.projections.approvals import ApprovalRow
from muster.projections.sessions import SessionRow

HitlStatus = Literal["pending", "approved", "rejected", "clarify", "answered", "expired", "withdrawn"]
_REFUSING: Final = frozenset({OptionKind.REJECT_ONCE, OptionKind.REJECT_ALWAYS})


class HitlApproval(Answer):
    """Something an agent waits for, or waited for."""

    id: str = Field(examples=["apr_0dq3m8x1c7w00"])
    type: Literal["permission", "question"]
    status: HitlStatus = Field(
        description="clarify: people asked back; answered: a question was answered; expired: nobody answered in time."
    )
    title: str
    request: JsonObject = Field(
        description="What is asked exactly: tool, command, diff, input, text, options."
    )
    digest: str = Field(description="Names exactly what is asked; hand it back as `seen` when you decide.")
    ticket_id: str
    ticket: str = Field(description="The ticket's title.")
    project_id: str
    agent_id: str
    response: str | None = Field(description="People's words.")
    resolved_by: str | None
    created_at: Moment
    expires_at: Moment | None
    resolved_at: Moment | None


class HitlApprovalList(Answer):
    """A page of them."""

    approvals: list[HitlApproval]
    next_cursor: str | None


class HitlApprovalQuery(PageQuery):
    """Which ones: those that wait, the oldest first; or all, newest first."""

    status: Literal["pending", "all"] = "pending"
    ticket_id: Name | None = None


class HitlApprove(Body):
    """Yes. To a question: one of its options, or the answer in words."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"by": "ann"}]})

    by: Name | None = Field(default=None, description="Who decides.")
    comment: Text64 = Field(default="", description="Words for the agent; the answer to a question.")
    option: Name | None = Field(default=None, description="The id of one of the request's options.")
    seen: Name | None = Field(default=None, description="`digest` of the request as it was shown.")


class HitlReject(Body):
    """No."""

    by: Name | None = None
    reason: Text64 = ""
    seen: Name | None = None


class HitlClarify(Body):
    """Not yet: ask the agent back, or answer its question."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message": "Which environment is that for?"}]})

    message: Text64 = Field(min_length=1)
    by: Name | None = None
    seen: Name | None = None


class HitlSession(Answer):
    """A talk: a work session whose tickets' agents are talked with."""

    id: str = Field(examples=["ses_0dq3m8x1c7w00"])
    title: str
    description: str
    status: Literal["active", "ended"]
    project_id: str | None
    created_at: Moment
    updated_at: Moment


class HitlSessionList(Answer):
    """A page of them, newest first."""

    sessions: list[HitlSession]
    next_cursor: str | None


class HitlMessage(Answer):
    """Something that was said."""

    role: Literal["agent", "user", "system"]
    content: str
    ticket_id: str
    created_at: Moment


class HitlMessageList(Answer):
    """What was said in the session's latest run of an agent, oldest first; the last 200 messages."""

    messages: list[HitlMessage]


class HitlSay(Body):
    """Words for the agent that works on the session's ticket."""

    content: Text64 = Field(min_length=1, examples=["Use the existing parser."])
    by: Name | None = None


class HitlSaid(Answer):
    """They are kept, and reach the agent at its next turn."""

    id: str
    ticket_id: str


def status_of(row: ApprovalRow) -> HitlStatus:
    """Where a request stands, in Swarm's words."""
    if row.state != ApprovalState.ANSWERED:
        return row.state  # pyright: ignore[reportReturnType] - the column holds these words only
    answer: dict[str, Any] = row.answer or {}
    kind = str(answer.get("kind"))
    if kind in ALLOWING:
        return "approved"
    if kind in _REFUSING:
        return "clarify" if str(answer.get("text")).startswith(CLARIFY_WORDS) else "rejected"
    return "answered"


def hitl_shape(row: ApprovalRow) -> HitlApproval:
    """A request in Swarm's words."""
    answer: dict[str, Any] = row.answer or {}
    return HitlApproval(
        id=ids.encode(ids.APPROVAL, row.approval_id),
        type=row.kind,  # pyright: ignore[reportArgumentType] - the column holds these words only
        status=status_of(row),
        title=row.title,
        request=row.document,
        digest=row.digest,
        ticket_id=ids.encode(ids.TASK, row.task_id),
        ticket=row.task_title,
        project_id=ids.encode(ids.PROJECT, row.project_id),
        agent_id=row.agent_id,
        response=answer.get("text") or None,
        resolved_by=row.answered_by,
        created_at=iso(row.created_at),
        expires_at=iso_or_none(row.expires_at),
        resolved_at=iso_or_none(row.finished_at),
    )


def session_of(row: SessionRow) -> HitlSession:
    """A session in Swarm's words."""
    return HitlSession(
        id=ids.encode(ids.SESSION, row.id),
        title=row.name,
        description=row.context,
        status="active" if row.ended_at is None else "ended",
        project_id=None if row.project_id is None else ids.encode(ids.PROJECT, row.project_id),
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
    )
