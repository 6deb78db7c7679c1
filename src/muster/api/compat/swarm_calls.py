"""What Swarm's workers call: claim, heartbeat, complete."""

from __future__ import annotations

from typing import Any, Final

from muster.api.claiming import ClaimDesk
from muster.api.compat.holding import FAILED_BY_AGENT, held_by, token_number
from muster.api.compat.swarm_shapes import (
    HeldTicket,
    SwarmClaim,
    SwarmComplete,
    SwarmDirectives,
    SwarmHeartbeat,
    TicketAnswer,
    TokenCounts,
    ticket_fields,
)
from muster.api.hot import HotRoute
from muster.api.longpoll import Caller
from muster.api.places import find_project
from muster.api.services import Services
from muster.commands.attempts import NO_TOKENS, EndAttempt
from muster.commands.claims import ClaimTasks
from muster.commands.leases import Heartbeat, heartbeat
from muster.domain import ids
from muster.domain.admission import ClaimFilter
from muster.domain.money import micros
from muster.projections.tasks import get_task


class SwarmCalls:
    """The three hot calls of the dialect."""

    def __init__(self, services: Services, desk: ClaimDesk) -> None:
        self._store = services.store
        self._desk = desk

    async def claim(self, _: str, call: SwarmClaim, caller: Caller) -> TicketAnswer | None:
        """The next ticket of an external queue, or of the agent's own."""
        projects = None
        if call.project_id is not None:
            number = await find_project(self._store, call.project_id)
            projects = frozenset({ids.encode(ids.PROJECT, number)})
        wants = ClaimFilter(call.agent_id, projects=projects, capabilities=frozenset(call.capabilities))
        answer = await self._desk.claim(ClaimTasks(wants), 0, caller)
        if not answer.claims:
            return None
        (claimed,) = answer.claims
        return await self._ticket(claimed.task_id, f"{claimed.token:x}")

    async def heartbeat(self, _: str, call: SwarmHeartbeat, caller: Caller) -> SwarmDirectives:
        """Keep the lease alive."""
        held = await held_by(
            self._store,
            ids.decode(ids.TASK, call.ticket_id),
            call.agent_id,
            failing=False,
            token=token_number(call.lease_token, call.ticket_id),
        )
        beat = await self._store.execute(
            heartbeat(Heartbeat(held.attempt_id, held.token, call.progress, call.message))
        )
        return SwarmDirectives(directives=["cancel"] if beat.cancelled else [])

    async def complete(self, _: str, call: SwarmComplete, caller: Caller) -> TicketAnswer:
        """End what the agent holds."""
        task_id = ids.decode(ids.TASK, call.ticket_id)
        failed = call.status == "failed"
        token = None if call.lease_token is None else token_number(call.lease_token, call.ticket_id)
        held = await held_by(self._store, task_id, call.agent_id, failing=failed, token=token)
        made = {"branch": call.branch, "commit": call.commit, "pr_url": call.pr_url}
        await self._desk.end(
            EndAttempt(
                held.attempt_id,
                held.token,
                output=call.output,
                result={name: value for name, value in made.items() if value is not None} or None,
                cost=micros(call.cost_usd or 0, "cost_usd"),
                tokens=_tokens(call.tokens),
                code=FAILED_BY_AGENT if failed else None,
                message=call.error or "",
            )
        )
        return await self._ticket(task_id)

    async def _ticket(self, task_id: int, token: str | None = None) -> TicketAnswer:
        row = (await get_task(self._store, task_id, self._store.now())).row
        return TicketAnswer(ticket=HeldTicket(**ticket_fields(row), lease_token=token))


def _tokens(given: int | TokenCounts | None) -> tuple[int, int, int, int]:
    if given is None:
        return NO_TOKENS
    if isinstance(given, int):
        return (given, 0, 0, 0)
    return (given.input, given.output, given.cache_read, given.cache_write)


_HELD: Final = {"agent_id": "agent-main", "ticket_id": "tsk_0dq3m8x1c7w00"}


def hot_calls(services: Services, desk: ClaimDesk) -> list[HotRoute[Any, Any]]:
    """The dialect's part of the hot table."""
    calls = SwarmCalls(services, desk)
    return [
        HotRoute(
            path="/claim",
            operation_id="swarm_claim",
            tag="swarm",
            summary="Claim the next ticket",
            description="204: nothing is ready.",
            request=SwarmClaim,
            answer=TicketAnswer,
            handler=calls.claim,
            example={"agent_id": "agent-main"},
            errors=(404,),
            empty_answer=True,
            undeclared=True,
        ),
        _heartbeat_route(calls),
        _complete_route(calls),
    ]


def _heartbeat_route(calls: SwarmCalls) -> HotRoute[Any, Any]:
    return HotRoute(
        path="/heartbeat",
        operation_id="swarm_heartbeat",
        tag="swarm",
        summary="Keep the lease of a ticket alive",
        description="`cancel` among the directives means stop. 409: the lease is gone.",
        request=SwarmHeartbeat,
        answer=SwarmDirectives,
        handler=calls.heartbeat,
        example=_HELD | {"lease_token": "5f2a90c1d3e4b687", "progress": 0.4},
        errors=(404, 409),
        undeclared=True,
    )


def _complete_route(calls: SwarmCalls) -> HotRoute[Any, Any]:
    return HotRoute(
        path="/complete",
        operation_id="swarm_complete",
        tag="swarm",
        summary="A ticket is done, or it failed",
        description="The same call sent twice is one completion. 409: it is not this agent's.",
        request=SwarmComplete,
        answer=TicketAnswer,
        handler=calls.complete,
        example=_HELD | {"status": "done", "output": "merged", "branch": "login", "cost_usd": 0.4},
        errors=(404, 409),
        undeclared=True,
    )
