"""What is known of a task before it is queued."""

from __future__ import annotations

from typing import Final

from muster.api.agent_submission import agent_task_of
from muster.api.routing import Route
from muster.api.schemas.estimates import Hold, Range, TaskEstimate
from muster.api.schemas.tasks import TaskCreate
from muster.api.services import Services, ServicesHere
from muster.api.submission import AGENTS_QUEUE, DEFAULT_QUEUES, Submitter
from muster.domain import estimate as domain
from muster.domain.money import MICROS
from muster.domain.task import LaneKey, TaskKind
from muster.projections.estimates import Asked, Forecast, forecast_of


async def estimate_task(services: ServicesHere, body: TaskCreate) -> TaskEstimate:
    """What a task would cost, how long it would take and when it would begin. Nothing is queued.

    From the tasks of its type that ended last, those that have the most in common with it. The body is that of a
    task to queue.
    """
    asked = await _asked(services, body)
    return _shape(await forecast_of(services.store, asked, services.store.now()))


async def _asked(services: Services, body: TaskCreate) -> Asked:
    if body.queue is None and body.assigned_to is not None:
        # The agent's own queue is made when something is queued, not when it is asked about.
        agent = await agent_task_of(services.store, body.kind, body.payload)
        usual = AGENTS_QUEUE if agent is not None else DEFAULT_QUEUES[TaskKind(body.kind)]
        body = body.model_copy(update={"queue": usual})
    (task,) = await Submitter(services.store).new_tasks([body])
    return Asked(
        lane=LaneKey(
            project_id=task.project_id,
            queue_id=task.queue_id,
            kind=task.kind,
            requires=",".join(sorted(set(task.requires))),
            assignee=task.assignee,
        ),
        type=task.spec.type,
        directory=task.spec.working_dir or "",
        priority=task.priority,
        cost=task.estimate,
    )


def _shape(found: Forecast) -> TaskEstimate:
    estimate, hold = found.estimate, found.hold
    return TaskEstimate(
        similar=estimate.alike,
        same=list(estimate.same),
        rough=estimate.rough,
        succeeded=estimate.succeeded,
        cost_usd=_range(estimate.cost, MICROS),
        seconds=_range(estimate.took, MICROS),
        tokens=_range(estimate.tokens, 1),
        position=found.position,
        waits_for=None if hold is None else Hold(code=hold.code, message=hold.message, details=hold.details),
        starts_in_seconds=_range(found.starts_in, MICROS),
        workers=found.workers,
        free_places=found.free,
    )


def _range(found: domain.Range | None, unit: int) -> Range | None:
    if found is None:
        return None
    return Range(low=found.low / unit, typical=found.typical / unit, high=found.high / unit)


ROUTES: Final = (Route("POST", "/tasks/estimate", estimate_task, (404,)),)
