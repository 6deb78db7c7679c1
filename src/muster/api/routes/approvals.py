"""What agents ask of people, and what people tell agents."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import Query, Request

from muster.api.cursors import decode_cursor, encode_cursor
from muster.api.hot import HotRoute
from muster.api.longpoll import Caller
from muster.api.routes.claims import token_of
from muster.api.routing import Route
from muster.api.schemas import approvals as shapes
from muster.api.schemas.shape import Done, PageQuery
from muster.api.services import Services, ServicesHere
from muster.api.times import iso, iso_or_none
from muster.client import wire_approvals as wire
from muster.commands.approvals import (
    PENDING,
    AnswerApproval,
    RequestApproval,
    answer_approval,
    request_approval,
    revoke_permission,
)
from muster.commands.messages import post_message
from muster.domain import ids
from muster.domain.approval import ApprovalState, Scope
from muster.domain.transcript import OptionKind
from muster.domain.transcript_json import fitted
from muster.projections.approvals import (
    ApprovalRow,
    PermissionRow,
    all_approvals,
    get_approval,
    list_permissions,
    messages_of,
    pending_approvals,
)
from muster.projections.page import Page

_VERDICTS: Final = {"allow": OptionKind.ALLOW_ONCE, "deny": OptionKind.REJECT_ONCE}


async def list_approvals(
    services: ServicesHere, query: Annotated[shapes.ApprovalQuery, Query()], request: Request
) -> shapes.ApprovalList:
    """What waits for people, the oldest first; or all there was, newest first.

    With `wait_seconds` it is answered as soon as something is asked or settled.
    """
    page = await _page(services, query)
    if not page.items and query.wait_seconds > 0 and query.state == "pending":
        await _change(services, Caller(request.receive, services.drain, ""), query)
        page = await _page(services, query)
    return shapes.ApprovalList(
        items=[approval_shape(row) for row in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


async def _page(services: Services, query: shapes.ApprovalQuery) -> Page[ApprovalRow]:
    after = None if query.cursor is None else decode_cursor(query.cursor, (int,))
    task = None if query.task is None else ids.decode(ids.TASK, query.task)
    if query.state == "pending" and task is None:
        return await pending_approvals(services.store, after, query.limit)
    page = await all_approvals(services.store, task, after, query.limit)
    if query.state == "pending":
        return Page([row for row in page.items if row.state == "pending"], page.next)
    return page


async def _change(services: Services, caller: Caller, query: shapes.ApprovalQuery) -> None:
    signals = services.store.signals
    changed = asyncio.Event()
    signals.watch(PENDING, changed)
    try:
        # Between the look and the watch one may have come unheard.
        if not (await _page(services, query)).items:
            await caller.wait(changed, query.wait_seconds)
    finally:
        signals.unwatch(PENDING, changed)


async def get_one_approval(
    services: ServicesHere,
    approval_id: str,
    query: Annotated[shapes.ApprovalWait, Query()],
    request: Request,
) -> shapes.Approval:
    """One request.

    With `wait_seconds` it is answered as soon as the request is settled.
    """
    number = ids.decode(ids.APPROVAL, approval_id)
    if query.wait_seconds > 0:
        await _settlement(services, number, Caller(request.receive, services.drain, ""), query.wait_seconds)
    return approval_shape(await get_approval(services.store, number))


async def _settlement(services: Services, number: int, caller: Caller, seconds: float) -> None:
    """Until the request is not pending any more, at most `seconds`."""
    signals, loop = services.store.signals, asyncio.get_running_loop()
    deadline = loop.time() + seconds
    changed = signals.watch(PENDING)
    try:
        while (await get_approval(services.store, number)).state == ApprovalState.PENDING:
            if not await caller.wait(changed, deadline - loop.time()):
                return
            changed.clear()
    finally:
        signals.unwatch(PENDING, changed)


async def answer_one_approval(
    services: ServicesHere, approval_id: str, body: shapes.ApprovalAnswer
) -> shapes.Approval:
    """Answer a request.

    It is answered once: a second answer is 409 and says who gave the first. With `seen` it is 409 too when the request
    is another than the one that was shown. The answer is kept before this call returns, and reaches the agent even
    when server, worker or connection restart in between.
    """
    number = ids.decode(ids.APPROVAL, approval_id)
    answer = AnswerApproval(
        approval_id=number,
        verdict=None if body.verdict is None else _VERDICTS[body.verdict],
        option=body.option,
        text=body.text,
        scope=Scope(body.scope),
        by=body.by or "",
        seen=body.seen,
    )
    await services.store.execute(answer_approval(answer))
    return approval_shape(await get_approval(services.store, number))


def approval_shape(row: ApprovalRow) -> shapes.Approval:
    """A request as the API shows it."""
    return shapes.Approval(
        id=ids.encode(ids.APPROVAL, row.approval_id),
        task_id=ids.encode(ids.TASK, row.task_id),
        task=row.task_title,
        attempt_id=ids.encode(ids.ATTEMPT, row.attempt_id),
        project_id=ids.encode(ids.PROJECT, row.project_id),
        agent_id=row.agent_id,
        agent=row.run_agent,
        kind=row.kind,  # pyright: ignore[reportArgumentType] - the column holds these words only
        state=row.state,  # pyright: ignore[reportArgumentType]
        title=row.title,
        document=row.document,
        digest=row.digest,
        created_at=iso(row.created_at),
        expires_at=iso_or_none(row.expires_at),
        answer=row.answer,
        answered_by=row.answered_by,
        finished_at=iso_or_none(row.finished_at),
        delivered_at=iso_or_none(row.delivered_at),
    )


async def list_standing_permissions(
    services: ServicesHere, query: Annotated[PageQuery, Query()]
) -> shapes.PermissionList:
    """What is allowed without asking: exact uses of tools, each with its scope."""
    after = None if query.cursor is None else decode_cursor(query.cursor, (int,))
    page = await list_permissions(services.store, after, query.limit)
    return shapes.PermissionList(
        items=[_permission(row) for row in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


def _permission(row: PermissionRow) -> shapes.Permission:
    prefix = {"task": ids.TASK, "project": ids.PROJECT}.get(row.scope)
    return shapes.Permission(
        id=ids.encode(ids.PERMISSION, row.permission_id),
        scope=row.scope,  # pyright: ignore[reportArgumentType]
        place_id=None if prefix is None else ids.encode(prefix, row.scope_id),
        tool=row.tool,
        subject=row.subject,
        created_by=row.created_by,
        created_at=iso(row.created_at),
    )


async def remove_permission(services: ServicesHere, permission_id: str) -> Done:
    """Take a standing permission back.

    From now on the same has to be asked for again.
    """
    await services.store.execute(revoke_permission(ids.decode(ids.PERMISSION, permission_id)))
    return Done(id=permission_id, done="deleted")


async def post_one_message(
    services: ServicesHere, task_id: str, body: shapes.MessageCreate
) -> shapes.MessageMade:
    """Tell the agent that works on a task something, or to interrupt its turn.

    It is kept until the agent has it. 409 when nothing runs.
    """
    text = body.text if "text" in body.model_fields_set else ""
    number = await services.store.execute(
        post_message(ids.decode(ids.TASK, task_id), body.kind, text, body.by or "")
    )
    return shapes.MessageMade(id=ids.encode(ids.MESSAGE, number))


async def list_messages(
    services: ServicesHere, task_id: str, query: Annotated[PageQuery, Query()]
) -> shapes.MessageList:
    """What a task's agents were told, newest first."""
    after = None if query.cursor is None else decode_cursor(query.cursor, (int,))
    page = await messages_of(services.store, ids.decode(ids.TASK, task_id), after, query.limit)
    return shapes.MessageList(
        items=[
            shapes.Message(
                id=ids.encode(ids.MESSAGE, row.message_id),
                kind=row.kind,
                text=row.text,
                created_by=row.created_by,
                created_at=iso(row.created_at),
                delivered_at=iso_or_none(row.delivered_at),
            )
            for row in page.items
        ],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


ROUTES: Final = (
    Route("GET", "/approvals", list_approvals, (404,)),
    Route("GET", "/approvals/{approval_id}", get_one_approval, (404,)),
    Route("POST", "/approvals/{approval_id}/answer", answer_one_approval, (404, 409)),
    Route("GET", "/permissions", list_standing_permissions),
    Route("DELETE", "/permissions/{permission_id}", remove_permission, (404,)),
    Route("POST", "/tasks/{task_id}/messages", post_one_message, (404, 409), 201),
    Route("GET", "/tasks/{task_id}/messages", list_messages, (404,)),
)


class AskCalls:
    """The handler of what agents ask."""

    def __init__(self, services: Services) -> None:
        self._store = services.store

    async def ask(self, ident: str, request: wire.AskRequest, _: Caller) -> wire.AskAnswer:
        """Make a request or find it again."""
        seconds = request.expires_in_seconds
        made = await self._store.execute(
            request_approval(
                RequestApproval(
                    attempt_id=ids.decode(ids.ATTEMPT, ident),
                    token=token_of(request.token, ident),
                    key=request.key,
                    kind=request.kind,
                    title=request.title,
                    document=fitted(request.document),
                    expires_in_us=None if seconds is None else max(round(seconds * 1_000_000), 1),
                )
            )
        )
        answer = None if made.answer is None else wire.GivenAnswer(**made.answer)
        return wire.AskAnswer(
            approval_id=ids.encode(ids.APPROVAL, made.approval_id), state=made.state, answer=answer
        )


def ask_route(services: Services) -> HotRoute[Any, Any]:
    """The hot route by which an attempt asks."""
    return HotRoute(
        path="/api/v1/attempts/{attempt_id}/approvals",
        operation_id="ask_people",
        tag="approvals",
        summary="Ask people for leave or for an answer",
        description="The answer comes as a directive on the heartbeat, and again until it is acknowledged there. "
        "409 `lease_lost`: the attempt ended, was taken back, or the token is another one's.",
        request=wire.AskRequest,
        answer=wire.AskAnswer,
        handler=AskCalls(services).ask,
        example={
            "token": "5f2a90c1d3e4b687",
            "key": "toolu_1",
            "kind": "permission",
            "title": "rm -rf build",
            "document": {"tool": "Bash", "command": "rm -rf build"},
        },
        errors=(404, 409),
        free_form=True,
    )
