"""Mission Control's claim and complete. It has no lease token: the holder is known by task and agent."""

from __future__ import annotations

from typing import Any

from muster.api.claiming import ClaimDesk
from muster.api.compat.holding import FAILED_BY_AGENT, held_by
from muster.api.compat.mission_shapes import ClaimCall, CompleteCall, HotTask, claimed_shape, hot_task
from muster.api.hot import HotRoute
from muster.api.longpoll import Caller
from muster.api.services import Services
from muster.commands.attempts import EndAttempt
from muster.commands.claims import ClaimTasks
from muster.domain import ids
from muster.domain.admission import ClaimFilter
from muster.domain.errors import NothingReady
from muster.domain.money import micros
from muster.projections.tasks import get_task


class MissionCalls:
    """The two hot calls of the dialect."""

    def __init__(self, services: Services, desk: ClaimDesk) -> None:
        self._store = services.store
        self._desk = desk

    async def claim(self, _: str, call: ClaimCall, caller: Caller) -> HotTask:
        """The next task of an external queue, or of the agent's own."""
        request = ClaimTasks(ClaimFilter(call.agentId), agent_name=call.agentName)
        answer = await self._desk.claim(request, 0, caller)
        if not answer.claims:
            raise NothingReady(reason=answer.reason.message if answer.reason else "the queue is empty")
        return claimed_shape(answer.claims[0])

    async def complete(self, _: str, call: CompleteCall, caller: Caller) -> HotTask:
        """End what the agent holds. A failure costs nothing in this dialect."""
        task_id = ids.decode(ids.TASK, call.taskId)
        failed = bool(call.error)
        held = await held_by(self._store, task_id, call.agentId, failing=failed)
        end = EndAttempt(
            held.attempt_id,
            held.token,
            output=call.output,
            cost=0 if failed else micros(call.actualCost or 0, "actualCost"),
            code=FAILED_BY_AGENT if failed else None,
            message=call.error or "",
        )
        await self._desk.end(end, unassign=failed and held.assigned)
        return hot_task((await get_task(self._store, task_id, self._store.now())).row)


def hot_calls(services: Services, desk: ClaimDesk) -> list[HotRoute[Any, Any]]:
    """The dialect's part of the hot table."""
    calls = MissionCalls(services, desk)
    return [
        HotRoute(
            path="/api/tasks/claim",
            operation_id="mission_claim",
            tag="mission control",
            summary="Claim the next task",
            description="404 `nothing_ready` says why there is none.",
            request=ClaimCall,
            answer=HotTask,
            handler=calls.claim,
            example={"agentId": "agent-main", "agentName": "Main"},
            errors=(404,),
            undeclared=True,
        ),
        HotRoute(
            path="/api/tasks/complete",
            operation_id="mission_complete",
            tag="mission control",
            summary="Complete a task, or with `error` fail it",
            description="The same call sent twice is one completion. 409: this agent does not hold the task.",
            request=CompleteCall,
            answer=HotTask,
            handler=calls.complete,
            example={
                "taskId": "tsk_0dq3m8x1c7w00",
                "agentId": "agent-main",
                "output": "done",
                "actualCost": 0.4,
            },
            errors=(404, 409),
            undeclared=True,
        ),
    ]
