"""The fleet and the overview: what the first page of the web interface shows."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

from fastapi import Query

from muster.api.routing import Route
from muster.api.schemas import fleet as shapes
from muster.api.schemas.runs import Tokens
from muster.api.services import ServicesHere
from muster.api.task_shapes import public
from muster.api.times import iso, microseconds
from muster.domain import ids
from muster.domain.errors import InvalidInput
from muster.domain.money import dollars
from muster.projections.fleet import FleetRow, Machine, fleet_of
from muster.projections.log import head_of_log
from muster.projections.overview import LONGEST_US, Day, overview_of

DAY_US: Final = 86_400_000_000


async def get_fleet(services: ServicesHere) -> shapes.Fleet:
    """Every agent with what it does now, and the machines."""
    store = services.store
    position = await head_of_log(store)
    found = await fleet_of(store, store.now())
    return shapes.Fleet(
        rows=[_row(row) for row in found.rows],
        machines=[_machine(machine) for machine in found.machines],
        more=found.more,
        event_position=position,
    )


def _row(row: FleetRow) -> shapes.FleetRow:
    return shapes.FleetRow(
        agent_id=row.agent_id,
        name=row.name,
        state=cast(Any, row.state),
        program=row.program,
        role=row.role,
        model=row.model,
        now=None if row.now is None else shapes.AgentNow(verb=row.now.verb, subject=row.now.subject),
        task_id=public(ids.TASK, row.task_id),
        task=row.title,
        attempt_id=public(ids.ATTEMPT, row.attempt_id),
        attempt=row.number,
        approval_id=public(ids.APPROVAL, row.approval_id),
        context_used=row.context_used,
        context_window=row.context_window,
        tokens=row.tokens,
        cost_usd=dollars(row.cost),
        unpriced_calls=row.unpriced,
        since=iso(row.since),
        machine=row.host,
    )


def _machine(row: Machine) -> shapes.Machine:
    return shapes.Machine(
        host=row.host,
        capacity=row.capacity,
        running=row.running,
        last_seen_at=iso(row.seen_at),
        quiet=row.quiet,
        sandbox=row.sandbox,
        load=row.load,
        gpu=row.gpu,
        gpu_memory=row.gpu_memory,
    )


async def get_overview(
    services: ServicesHere, query: Annotated[shapes.OverviewQuery, Query()]
) -> shapes.Overview:
    """What waits for people, what is open, and what the day came to."""
    store = services.store
    now = store.now()
    since = now - DAY_US if query.since is None else microseconds(query.since, "since")
    if not now - LONGEST_US <= since <= now:
        raise InvalidInput(field="since", problem="must be within the last 7 days")
    position = await head_of_log(store)
    found = await overview_of(store, since, now)
    return shapes.Overview(
        waiting=found.waiting,
        reviews=found.reviews,
        unseen=found.unseen,
        problems=found.problems,
        stuck=found.stuck,
        open=found.open,
        tasks={state: getattr(found.counts, state) for state in found.counts.__slots__},
        budget_usd=None if found.budget is None else dollars(found.budget),
        budget_used_usd=dollars(found.budget_used),
        day=_day(found.day),
        event_position=position,
        version=services.settings.version,
    )


def _day(day: Day) -> shapes.Day:
    return shapes.Day(
        since=iso(day.since),
        cost_usd=dollars(day.cost),
        unpriced_calls=day.unpriced,
        tokens=Tokens(
            input_tokens=day.input,
            output_tokens=day.output,
            cache_read_tokens=day.cache_read,
            cache_write_tokens=day.cache_write,
            reasoning_tokens=0,
        ),
        hours=[
            shapes.HourEnded(succeeded=hour.succeeded, failed=hour.failed, cancelled=hour.cancelled)
            for hour in day.hours
        ],
        median_seconds=None if day.median_us is None else day.median_us / 1_000_000,
    )


ROUTES: Final = (Route("GET", "/fleet", get_fleet), Route("GET", "/overview", get_overview))
