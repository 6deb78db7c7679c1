"""What the server does now."""

from __future__ import annotations

from typing import Final

from muster.api.routes.workers import worker_shape
from muster.api.routing import Route
from muster.api.schemas.reference import Status, WaitingCount
from muster.api.services import ServicesHere
from muster.api.task_shapes import public
from muster.domain import ids
from muster.domain.money import dollars
from muster.projections.status import status_of


async def get_status(services: ServicesHere) -> Status:
    """Tasks by state and by what they wait for, workers, agents, money."""
    store = services.store
    now = store.now()
    found = await status_of(store, now)
    return Status(
        version=services.settings.version,
        uptime_seconds=max(now - services.started_at, 0) / 1_000_000,
        database=store.name,
        tasks={state: getattr(found.counts, state) for state in found.counts.__slots__},
        reviews=found.reviews,
        unseen=found.unseen,
        waiting=[
            WaitingCount(
                code=group.code,
                message=group.hold.message,
                count=group.count,
                exact=group.exact,
                example=public(ids.TASK, group.example),
            )
            for group in found.waiting
        ],
        workers=[worker_shape(row) for row in found.workers],
        agents=found.agents,
        busy_agents=found.busy_agents,
        event_position=found.position,
        allocated_usd=dollars(found.money.allocated),
        reserved_usd=dollars(found.money.reserved),
        spent_usd=dollars(found.money.spent),
    )


ROUTES: Final = (Route("GET", "/status", get_status),)
