"""Claiming, keeping and ending tasks."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from muster.agents.work_door import Attempt
from muster.client.wire import (
    ClaimRequest,
    CompleteRequest,
    FailRequest,
    FinishAnswer,
    HeartbeatRequest,
    Usage,
)
from muster.domain.failure import FAILURES
from muster.mcp.arguments import ClaimArguments, CompleteArguments, FailArguments, HeartbeatArguments
from muster.mcp.asking import Tick
from muster.mcp.seat import Seat, TaskInHand, claim_text

NOTED: Final = "Noted. End your turn now; muster checks the work and ends the task."


async def claim(seat: Seat, arguments: ClaimArguments, _: Tick) -> dict[str, Any]:
    """Take a task in hand."""
    if seat.held is not None:
        raise TaskInHand(task=seat.held.task_id)
    request = ClaimRequest(
        agent_id=arguments.agent or seat.agent,
        queues=None if arguments.queue is None else [arguments.queue],
        projects=None if arguments.project is None else [arguments.project],
        capabilities=arguments.capabilities,
        wait_seconds=arguments.wait_seconds,
    )
    if arguments.task is None:
        answer = await seat.client.claim(request)
    else:
        answer = await seat.client.claim_task(arguments.task, request)
    if not answer.claims:
        return {"claim": None, "reason": answer.reason}
    (claimed,) = answer.claims
    attempt = Attempt(attempt_id=claimed.attempt_id, token=claimed.token, task_id=claimed.task_id)
    seat.hold(attempt)
    task: dict[str, Any] = msgspec.to_builtins(claimed)
    del task["token"]
    return {"claim": claim_text(attempt), "task": task}


async def complete(seat: Seat, arguments: CompleteArguments, _: Tick) -> dict[str, Any]:
    """The task is done."""
    attempt = seat.attempt(arguments.claim)
    if seat.listener is not None:
        seat.listener.done(arguments.output, arguments.result)
        return {"task": attempt.task_id, "note": NOTED}
    request = CompleteRequest(
        token=attempt.token,
        output=arguments.output,
        result=arguments.result,
        cost_usd=arguments.cost_usd,
        usage=Usage(input_tokens=arguments.input_tokens, output_tokens=arguments.output_tokens),
    )
    return _ended(seat, attempt, await seat.client.complete(attempt.attempt_id, request))


async def fail(seat: Seat, arguments: FailArguments, _: Tick) -> dict[str, Any]:
    """The task cannot be done."""
    attempt = seat.attempt(arguments.claim)
    if seat.listener is not None:
        seat.listener.failed(_counted(arguments.code), arguments.message)
        return {"task": attempt.task_id, "note": NOTED}
    request = FailRequest(token=attempt.token, code=arguments.code, message=arguments.message)
    return _ended(seat, attempt, await seat.client.fail(attempt.attempt_id, request))


def _counted(code: str) -> str:
    """A code by which an attempt counts: an agent at work cannot have itself tried again without end."""
    known = FAILURES.get(code)
    return code if known is not None and known.counts else "agent_error"


def _ended(seat: Seat, attempt: Attempt, answer: FinishAnswer) -> dict[str, Any]:
    if seat.held == attempt:
        seat.hold(None)
    again = {} if answer.ready_at is None else {"tried_again_at": answer.ready_at}
    return {"task": answer.task_id, "state": answer.state, **again}


async def heartbeat(seat: Seat, arguments: HeartbeatArguments, _: Tick) -> dict[str, Any]:
    """Keep the claim, and hear what people say."""
    attempt = seat.attempt(arguments.claim)
    run_by_muster = seat.listener is not None
    request = HeartbeatRequest(
        token=attempt.token,
        progress=arguments.progress,
        message=arguments.message,
        delivered=[] if run_by_muster else arguments.delivered,
    )
    beat = await seat.client.heartbeat(attempt.attempt_id, request)
    shown: dict[str, Any] = {"lease_expires_at": beat.lease_expires_at}
    if any(word.kind in ("cancel", "lost") for word in beat.directives):
        return shown | {"stop": True, "note": "The task was cancelled: stop working on it."}
    if run_by_muster or not beat.directives:
        # Who runs the agent hands it people's words by itself.
        return shown
    words = [
        {"id": word.id, "kind": word.kind, "text": word.text or word.option or "", "key": word.key}
        for word in beat.directives
    ]
    return shown | {"words": words, "note": "Name the ids as `delivered` in your next heartbeat."}
