"""What agents ask of people, and what people tell agents."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, cast

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
    extend_approval,
    request_approval,
    revoke_permission,
)
from muster.commands.asking_again import ask_again
from muster.commands.messages import post_message
from muster.domain import ids
from muster.domain.approval import (
    CLARIFY_WORDS,
    LONGEST_US,
    ApprovalState,
    Scope,
    answer_in_words,
    subject_of,
    word_for,
)
from muster.domain.errors import InvalidInput
from muster.domain.transcript import OptionKind
from muster.domain.transcript_json import fitted
from muster.projections.approval_facts import Facts, background_of, facts_of
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

_VERDICTS: Final = {
    "allow": OptionKind.ALLOW_ONCE,
    "deny": OptionKind.REJECT_ONCE,
    "ask": OptionKind.REJECT_ONCE,
}


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
    facts = await facts_of(services.store, [row.approval_id for row in page.items])
    return shapes.ApprovalList(
        items=[approval_shape(row, facts.get(row.approval_id, Facts())) for row in page.items],
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
) -> shapes.ApprovalDetail:
    """One request, with what came before it.

    With `wait_seconds` it is answered as soon as the request is settled.
    """
    number = ids.decode(ids.APPROVAL, approval_id)
    if query.wait_seconds > 0:
        await _settlement(services, number, Caller(request.receive, services.drain, ""), query.wait_seconds)
    return await _detail(services, number)


async def _detail(services: Services, number: int) -> shapes.ApprovalDetail:
    row = await get_approval(services.store, number)
    facts = await facts_of(services.store, [number])
    before = await background_of(services.store, row)
    return shapes.ApprovalDetail(
        **approval_fields(row, facts.get(number, Facts())),
        reason=before.reason,
        voided=None if before.voids is None else _void(before.voids),
        question=before.question,
        question_by=before.question_by,
        subject=subject_of(row.document),
    )


def _void(row: ApprovalRow) -> shapes.ApprovalVoid:
    return shapes.ApprovalVoid(
        id=ids.encode(ids.APPROVAL, row.approval_id),
        title=row.title,
        subject=subject_of(row.document),
        outcome=word_for(row.state, row.answer),
        answered_by=row.answered_by,
        finished_at=iso_or_none(row.finished_at),
    )


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
    asks = body.verdict == "ask"
    if asks and not body.text.strip():
        raise InvalidInput(field="text", problem="say what you want to know")
    answer = AnswerApproval(
        approval_id=number,
        verdict=None if body.verdict is None else _VERDICTS[body.verdict],
        option=body.option,
        text=f"{CLARIFY_WORDS}{body.text}" if asks else body.text,
        scope=Scope(body.scope),
        by=body.by or "",
        seen=body.seen,
    )
    await services.store.execute(answer_approval(answer))
    return await _one(services, number)


async def _one(services: Services, number: int) -> shapes.Approval:
    facts = await facts_of(services.store, [number])
    return approval_shape(await get_approval(services.store, number), facts.get(number, Facts()))


async def extend_one_approval(
    services: ServicesHere, approval_id: str, body: shapes.ApprovalExtend
) -> shapes.Approval:
    """Give a request more time.

    At most until a week after it was made; 409 beyond that, and for one that never expires.
    """
    number = ids.decode(ids.APPROVAL, approval_id)
    await services.store.execute(extend_approval(number, round(body.seconds * 1_000_000), body.by or ""))
    return await _one(services, number)


async def ask_one_again(
    services: ServicesHere, approval_id: str, body: shapes.ApprovalAgain
) -> shapes.AskedAgain:
    """Let what expired be asked again.

    Its agent is told so while it is at work; a task that failed or was cancelled since is queued again. 409 where
    neither would come to anything.
    """
    number = ids.decode(ids.APPROVAL, approval_id)
    done = await services.store.execute(ask_again(number, body.by or ""))
    row = await get_approval(services.store, number)
    return shapes.AskedAgain(id=approval_id, done=cast(Any, done), task_id=ids.encode(ids.TASK, row.task_id))


def approval_shape(row: ApprovalRow, facts: Facts) -> shapes.Approval:
    """A request as the API shows it."""
    return shapes.Approval(**approval_fields(row, facts))


def approval_fields(row: ApprovalRow, facts: Facts) -> dict[str, Any]:
    """Its fields."""
    latest = None if row.expires_at is None else iso(row.created_at + LONGEST_US)
    return {
        "id": ids.encode(ids.APPROVAL, row.approval_id),
        "task_id": ids.encode(ids.TASK, row.task_id),
        "task": row.task_title,
        "attempt_id": ids.encode(ids.ATTEMPT, row.attempt_id),
        "project_id": ids.encode(ids.PROJECT, row.project_id),
        "agent_id": row.agent_id,
        "agent": row.run_agent,
        "key": row.key,
        "kind": row.kind,
        "state": row.state,
        "title": row.title,
        "document": row.document,
        "digest": row.digest,
        "created_at": iso(row.created_at),
        "expires_at": iso_or_none(row.expires_at),
        "answer": row.answer,
        "answered_by": row.answered_by,
        "answer_words": answer_in_words(row.state, row.document, row.answer),
        "finished_at": iso_or_none(row.finished_at),
        "delivered_at": iso_or_none(row.delivered_at),
        "project": row.project,
        "risk": None
        if row.risk is None
        else shapes.Risk(level=row.risk.level.value, reasons=list(row.risk.reasons), target=row.risk.target),
        "place": _place(facts),
        "outcome": word_for(row.state, row.answer),
        "latest_expiry": latest,
        "voids": None if row.voids is None else ids.encode(ids.APPROVAL, row.voids),
    }


def _place(facts: Facts) -> shapes.ApprovalPlace:
    return shapes.ApprovalPlace(
        machine=facts.machine or None,
        directory=facts.directory or None,
        sandbox=facts.sandbox or None,
        network=facts.network,
        allow_hosts=list(facts.allow_hosts),
        permissions=cast(Any, facts.permissions or None),
        rule_from=facts.rule_from or None,
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
        scope=row.scope,  # pyright: ignore[reportArgumentType] - the column holds these words only
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
    """Tell the agent that works on a task something, or to interrupt its turn, to pause or to go on.

    A paused agent's processes stand still where they are, and its time limit with them.
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
    Route("POST", "/approvals/{approval_id}/extend", extend_one_approval, (404, 409)),
    Route("POST", "/approvals/{approval_id}/ask-again", ask_one_again, (404, 409)),
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
