"""Swarm's people in the loop: what agents wait for, and talks with them. The same rows as the native approvals."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query

from muster.api.compat.swarm_hitl_shapes import (
    HitlApproval,
    HitlApprovalList,
    HitlApprovalQuery,
    HitlApprove,
    HitlClarify,
    HitlMessage,
    HitlMessageList,
    HitlReject,
    HitlSaid,
    HitlSay,
    HitlSession,
    HitlSessionList,
    hitl_shape,
    session_of,
)
from muster.api.cursors import encode_cursor, integer_cursor
from muster.api.routing import Route
from muster.api.schemas.shape import PageQuery
from muster.api.services import Services, ServicesHere
from muster.api.times import iso
from muster.commands.approvals import AnswerApproval, answer_approval
from muster.commands.messages import post_message
from muster.domain import ids
from muster.domain.approval import CLARIFY_WORDS, ApprovalKind
from muster.domain.errors import Conflict
from muster.domain.transcript import OptionKind
from muster.projections.approvals import all_approvals, get_approval, pending_approvals
from muster.projections.sessions import get_session, list_sessions
from muster.projections.transcripts import Choice, conversation_of
from muster.store.statements import Statement

APPROVED: Final = "Approved."
MOST_MESSAGES: Final = 200
MOST_LOOKED_AT: Final = 5_000
_LATEST: Final = Statement(
    "SELECT r.attempt_id, r.task_id, r.entries FROM tasks t JOIN runs r ON r.task_id = t.id WHERE t.session_id = ?1 "
    "ORDER BY r.attempt_id DESC LIMIT 1"
)
_RUNNING: Final = Statement(
    "SELECT id FROM tasks WHERE session_id = ?1 AND state = 40 AND state < 60 ORDER BY id DESC LIMIT 1"
)


async def list_hitl_approvals(
    services: ServicesHere, query: Annotated[HitlApprovalQuery, Query()]
) -> HitlApprovalList:
    """What agents wait for, the oldest first; or all there was, newest first."""
    store = services.store
    number = integer_cursor(query.cursor)
    after = None if number is None else (number,)
    task = None if query.ticket_id is None else ids.decode(ids.TASK, query.ticket_id)
    if query.status == "pending" and task is None:
        page = await pending_approvals(store, after, query.limit)
    else:
        page = await all_approvals(store, task, after, query.limit)
    rows = [row for row in page.items if query.status == "all" or row.state == "pending"]
    return HitlApprovalList(
        approvals=[hitl_shape(row) for row in rows],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


async def get_hitl_approval(services: ServicesHere, approval_id: str) -> HitlApproval:
    """One request."""
    return hitl_shape(await get_approval(services.store, ids.decode(ids.APPROVAL, approval_id)))


async def approve_hitl(services: ServicesHere, approval_id: str, body: HitlApprove) -> HitlApproval:
    """Say yes, or answer a question.

    It is decided once: a second decision is 409 and says who made the first.
    """
    number = ids.decode(ids.APPROVAL, approval_id)
    answer = AnswerApproval(approval_id=number, option=body.option, by=body.by or "", seen=body.seen)
    answer.text = body.comment
    if body.option is None:
        asks = (await get_approval(services.store, number)).kind == ApprovalKind.QUESTION
        answer.verdict = None if asks else OptionKind.ALLOW_ONCE
        answer.text = body.comment or (APPROVED if asks else "")
    return await _decided(services, answer)


async def reject_hitl(services: ServicesHere, approval_id: str, body: HitlReject) -> HitlApproval:
    """Say no; the agent is told the reason."""
    number = ids.decode(ids.APPROVAL, approval_id)
    return await _decided(
        services,
        AnswerApproval(
            approval_id=number,
            verdict=OptionKind.REJECT_ONCE,
            text=body.reason,
            by=body.by or "",
            seen=body.seen,
        ),
    )


async def clarify_hitl(services: ServicesHere, approval_id: str, body: HitlClarify) -> HitlApproval:
    """Ask the agent back, or answer its question.

    Leave is not given: the agent is told what people want to know, and may ask again.
    """
    number = ids.decode(ids.APPROVAL, approval_id)
    asks = (await get_approval(services.store, number)).kind == ApprovalKind.QUESTION
    return await _decided(
        services,
        AnswerApproval(
            approval_id=number,
            verdict=None if asks else OptionKind.REJECT_ONCE,
            text=body.message if asks else f"{CLARIFY_WORDS}{body.message}",
            by=body.by or "",
            seen=body.seen,
        ),
    )


async def _decided(services: Services, answer: AnswerApproval) -> HitlApproval:
    await services.store.execute(answer_approval(answer))
    return hitl_shape(await get_approval(services.store, answer.approval_id))


async def list_hitl_sessions(services: ServicesHere, query: Annotated[PageQuery, Query()]) -> HitlSessionList:
    """Sessions in which agents are talked with, newest first."""
    number = integer_cursor(query.cursor)
    page = await list_sessions(services.store, after=None if number is None else (number,), limit=query.limit)
    return HitlSessionList(
        sessions=[session_of(row) for row in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


async def get_hitl_session(services: ServicesHere, session_id: str) -> HitlSession:
    """One session."""
    return session_of(await get_session(services.store, ids.decode(ids.SESSION, session_id)))


async def list_hitl_messages(services: ServicesHere, session_id: str) -> HitlMessageList:
    """What people and the agent said in the session's latest run."""
    store = services.store
    number = (await get_session(store, ids.decode(ids.SESSION, session_id))).id
    rows = await store.rows(_LATEST, number)
    if not rows:
        return HitlMessageList(messages=[])
    attempt, task, entries = rows[0]
    first = max(entries - MOST_LOOKED_AT, 0)
    said = await conversation_of(
        store, attempt, Choice(frozenset({"message"})), after=first, limit=MOST_LOOKED_AT
    )
    return HitlMessageList(
        messages=[
            HitlMessage(
                role=_role(entry.document),
                content=str(entry.document["text"]),
                ticket_id=ids.encode(ids.TASK, task),
                created_at=iso(entry.at),
            )
            for entry in said.entries[-MOST_MESSAGES:]
        ]
    )


def _role(document: dict[str, Any]) -> Any:
    return document.get("role") or "agent"


async def say_hitl(services: ServicesHere, session_id: str, body: HitlSay) -> HitlSaid:
    """Tell the agent at work in a session something; 409 when none is.

    A new ticket in the session starts one.
    """
    store = services.store
    number = (await get_session(store, ids.decode(ids.SESSION, session_id))).id
    rows = await store.rows(_RUNNING, number)
    if not rows:
        raise Conflict(
            problem="no agent works in this session now; file a ticket in it first", session_id=session_id
        )
    made = await store.execute(post_message(rows[0][0], "say", body.content, body.by or ""))
    return HitlSaid(id=ids.encode(ids.MESSAGE, made), ticket_id=ids.encode(ids.TASK, rows[0][0]))


def _route(method: str, path: str, endpoint: Any, errors: tuple[int, ...] = (), status: int = 200) -> Route:
    return Route(method, f"/hitl{path}", endpoint, errors, status, prefix="/api")


ROUTES: Final = (
    _route("GET", "/approvals", list_hitl_approvals, (404,)),
    _route("GET", "/approvals/{approval_id}", get_hitl_approval, (404,)),
    _route("POST", "/approvals/{approval_id}/approve", approve_hitl, (404, 409)),
    _route("POST", "/approvals/{approval_id}/reject", reject_hitl, (404, 409)),
    _route("POST", "/approvals/{approval_id}/clarify", clarify_hitl, (404, 409)),
    _route("GET", "/sessions", list_hitl_sessions),
    _route("GET", "/sessions/{session_id}", get_hitl_session, (404,)),
    _route("GET", "/sessions/{session_id}/messages", list_hitl_messages, (404,)),
    _route("POST", "/sessions/{session_id}/messages", say_hitl, (404, 409), 201),
)
