"""Asking people and waiting for them: the request is a row of the server, so that nothing is lost while nobody is connected."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from muster.agents.adapter import Answer
from muster.agents.claude_asking import Requests
from muster.agents.work_door import Attempt
from muster.client.errors import ApiError, Unreachable
from muster.client.wire import HeartbeatRequest
from muster.client.wire_approvals import AskAnswer, AskRequest, GivenAnswer
from muster.domain.errors import InvalidInput
from muster.domain.transcript import OptionKind, PermissionRequest, Question
from muster.domain.transcript_json import document_of
from muster.mcp.arguments import AskArguments, PermissionArguments
from muster.mcp.seat import LONGEST_WAIT, Seat

ROUND_SECONDS: Final = 20.0
"""One look at the request; after each the lease is renewed and the client told that it still waits."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 3.0
TITLE: Final = 500
PENDING: Final = "pending"
ALLOW: Final = "allow"
Tick = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Asked:
    """How a request stands."""

    approval_id: str
    state: str
    answer: GivenAnswer | None
    stop: Literal["", "cancelled", "stopping"] = ""


async def ask_human(seat: Seat, arguments: AskArguments, tick: Tick) -> dict[str, Any]:
    """Ask a question and wait for its answer; asked again under the same key it is the same question."""
    attempt = seat.attempt(arguments.claim)
    options = [{"id": text, "label": text, "kind": OptionKind.CHOICE.value} for text in arguments.options]
    if len(set(arguments.options)) != len(options):
        raise InvalidInput(field="options", problem="must differ from each other")
    words = f"{arguments.question}\n\n{arguments.details}" if arguments.details else arguments.question
    key = arguments.key or f"ask-{_digest([words, arguments.options])}"
    request = AskRequest(
        token=attempt.token,
        key=key,
        kind="question",
        title=arguments.question[:TITLE],
        document={"text": words, "options": options},
        expires_in_seconds=arguments.expires_in_seconds,
    )
    wait = seat.wait_seconds if arguments.wait_seconds is None else arguments.wait_seconds
    return {"key": key, **_told(await asked(seat, attempt, request, wait, tick))}


def _told(how: Asked) -> dict[str, Any]:
    answer = how.answer
    shown: dict[str, Any] = {"state": how.state, "approval": how.approval_id}
    if how.stop == "cancelled":
        return shown | {"note": "The task was cancelled: stop working on it."}
    if how.state == PENDING:
        return shown | {
            "note": "Nobody has answered yet. Ask again with the same key to go on waiting; nothing is lost."
        }
    if how.state == "answered" and answer is not None:
        chosen = {} if answer.option is None else {"option": answer.option}
        refused = answer.kind in (OptionKind.REJECT_ONCE, OptionKind.REJECT_ALWAYS)
        return (
            shown
            | {"answer": answer.text or answer.option or answer.kind}
            | chosen
            | ({"refused": True} if refused else {})
        )
    return shown | {
        "note": answer.text if answer is not None and answer.text else f"The question is {how.state}."
    }


async def permission_prompt(seat: Seat, arguments: PermissionArguments, tick: Tick) -> dict[str, Any]:
    """Leave to use a tool: `{"behavior": "allow", "updatedInput"}` or `{"behavior": "deny", "message"}`. Waits until it is
    settled."""
    attempt = seat.attempt(arguments.claim)
    own = arguments.tool_use_id or f"use-{_digest([arguments.tool_name, arguments.input])}"
    requests = Requests()
    taken = requests.take(
        own,
        {
            "subtype": "can_use_tool",
            "tool_name": arguments.tool_name,
            "input": arguments.input,
            "tool_use_id": arguments.tool_use_id or "",
        },
    )
    response: dict[str, Any] = {"behavior": "deny", "message": "This cannot be asked."}
    for entry in [] if isinstance(taken, str) else taken.entries:
        assert isinstance(entry, (PermissionRequest, Question))
        how = await asked(seat, attempt, _permission(attempt, entry), LONGEST_WAIT, tick)
        answer = how.answer or GivenAnswer(kind=OptionKind.REJECT_ONCE, text=_why(how))
        given = Answer(kind=OptionKind(answer.kind), option=answer.option, text=answer.text)
        told = requests.answer(entry.id, given)
        if told is not None:
            return told[1]
    return response


def _permission(attempt: Attempt, entry: PermissionRequest | Question) -> AskRequest:
    document: dict[str, Any] = document_of(entry)
    kind = document.pop("kind")
    document.pop("id")
    title = entry.title if isinstance(entry, PermissionRequest) else entry.text
    return AskRequest(
        token=attempt.token,
        key=entry.id,
        kind=kind,
        title=title.replace("\0", "")[:TITLE] or "a request",
        document=document,
    )


def _why(how: Asked) -> str:
    match how.stop:
        case "cancelled":
            return "The task was cancelled."
        case "stopping":
            return "The server stops before anybody answered; try again in a moment."
        case _:
            return f"The request is {how.state}; nobody allowed it."


async def asked(seat: Seat, attempt: Attempt, request: AskRequest, wait: float, tick: Tick) -> Asked:
    """Make the request or find it again, and wait for its end. A server that is away for a while is waited for too."""
    listener = seat.listener
    if listener is not None:
        listener.waiting()
    try:
        return await _until_settled(seat, attempt, request, wait, tick)
    finally:
        if listener is not None:
            listener.resumed()


async def _until_settled(seat: Seat, attempt: Attempt, request: AskRequest, wait: float, tick: Tick) -> Asked:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    pause = FIRST_PAUSE
    while True:
        try:
            made = await seat.client.ask(attempt.attempt_id, request)
            cancelled = await _keep_alive(seat, attempt, made)
            left = deadline - loop.time()
            if made.state != PENDING or cancelled or left <= 0 or seat.stopping():
                stop = "cancelled" if cancelled else "stopping" if seat.stopping() else ""
                return Asked(made.approval_id, made.state, made.answer, stop)
            await tick(wait - left)
            await _look(seat, made.approval_id, min(left, ROUND_SECONDS))
            pause = FIRST_PAUSE
        except (Unreachable, ApiError) as error:
            if isinstance(error, ApiError) and error.status < 500:
                raise
            if loop.time() + pause > deadline or seat.stopping():
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


async def _look(seat: Seat, approval_id: str, seconds: float) -> None:
    """Until the request is settled, or the time is over. A server that answers too soon is not asked in a hurry."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    shown = await seat.client.get(f"/approvals/{approval_id}", timeout=seconds + 15, wait_seconds=seconds)
    if shown["state"] == PENDING and loop.time() - begun < min(seconds, 1) / 2:
        await asyncio.sleep(FIRST_PAUSE)


async def _keep_alive(seat: Seat, attempt: Attempt, made: AskAnswer) -> bool:
    """Renew the lease of whoever has no worker to do it, and say that the answer has arrived; whether the task was cancelled."""
    if seat.listener is not None:
        return False
    delivered = [] if made.answer is None else [made.approval_id]
    beat = await seat.client.heartbeat(
        attempt.attempt_id, HeartbeatRequest(token=attempt.token, delivered=delivered)
    )
    return any(word.kind in ("cancel", "lost") for word in beat.directives)


def _digest(value: Sequence[Any] | Mapping[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:24]
