"""Agents: who does the work."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

from fastapi import Query, Response

from muster.api.cursors import decode_cursor, encode_cursor
from muster.api.routes.queues import queue_shape
from muster.api.routing import Route
from muster.api.run_shapes import tokens_shape
from muster.api.schemas import agents as shapes
from muster.api.schemas.queues import Queue
from muster.api.schemas.shape import Done
from muster.api.services import Services, ServicesHere
from muster.api.task_shapes import public
from muster.api.times import iso
from muster.commands.agents import delete_agent, edit_agent, register_agent
from muster.commands.queues import ensure_agent_queue
from muster.domain import ids
from muster.domain.money import dollars
from muster.projections.agent_records import AgentRecord, Used, records_of, usage_of
from muster.projections.agent_tasks import bring_forward
from muster.projections.agents import AgentRow, get_agent
from muster.projections.agents import list_agents as agents_page
from muster.projections.queues import get_queue


def record_shape(record: AgentRecord | None) -> shapes.AgentRecord | None:
    """How an agent does; None when that was not asked for."""
    if record is None:
        return None
    return shapes.AgentRecord(
        tasks=record.tasks,
        looked_at=record.looked_at,
        succeeded=record.succeeded,
        failed=record.failed,
        cancelled=record.cancelled,
        cost_usd=dollars(record.cost),
        median_cost_usd=None if record.median_cost is None else dollars(record.median_cost),
        median_seconds=None if record.median_us is None else record.median_us / 1_000_000,
    )


def agent_shape(row: AgentRow, record: AgentRecord | None) -> shapes.Agent:
    """An agent as it is answered."""
    return shapes.Agent.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "status": row.status,
            "model": row.model,
            "max_tokens": row.max_tokens,
            "tokens_used": row.tokens_used,
            "sessions_count": row.sessions_count,
            "memory_bytes": row.memory_bytes,
            "current_task_id": public(ids.TASK, row.current_task),
            "last_active_at": iso(row.last_active_at),
            "created_at": iso(row.created_at),
            "updated_at": iso(row.updated_at),
            "record": record_shape(record),
        }
    )


async def list_agents(
    services: ServicesHere, query: Annotated[shapes.AgentQuery, Query()]
) -> shapes.AgentList:
    """List agents."""
    after = None if query.cursor is None else decode_cursor(query.cursor, (str,))
    page = await agents_page(services.store, status=query.status, after=after, limit=query.limit)
    records: dict[str, AgentRecord] = {}
    if query.record:
        await bring_forward(services.store)
        records = await records_of(services.store, [row.id for row in page.items])
    return shapes.AgentList(
        items=[agent_shape(row, records.get(row.id)) for row in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


async def register_one_agent(
    services: ServicesHere, body: shapes.AgentRegister, response: Response
) -> shapes.Agent:
    """Register an agent, or update it.

    201: it is new. The first claim registers an agent as well.
    """
    given = body.model_dump(exclude={"id"}, exclude_none=True)
    agent_id = body.id or body.name
    new = await services.store.execute(register_agent(agent_id, given))
    response.status_code = 201 if new else 200
    return await _shown(services, agent_id)


async def _shown(services: Services, agent_id: str) -> shapes.Agent:
    row = await get_agent(services.store, agent_id)
    await bring_forward(services.store)
    return agent_shape(row, (await records_of(services.store, [agent_id]))[agent_id])


async def get_one_agent(services: ServicesHere, agent_id: str) -> shapes.Agent:
    """Show an agent."""
    return await _shown(services, agent_id)


async def get_agent_usage(
    services: ServicesHere, agent_id: str, query: Annotated[shapes.AgentUsageQuery, Query()]
) -> shapes.AgentUsage:
    """What an agent used for its newest tasks, by model and by task."""
    await get_agent(services.store, agent_id)
    await bring_forward(services.store)
    found = await usage_of(services.store, agent_id, query.limit)
    return shapes.AgentUsage(
        looked_at=found.looked_at,
        more=found.more,
        unmetered_cost_usd=dollars(found.unmetered),
        models=[
            shapes.ModelUse(provider=use.provider, model=use.model, **_used(use)) for use in found.models
        ],
        tasks=[
            shapes.TaskUse(
                task_id=ids.encode(ids.TASK, use.task_id),
                title=use.title,
                state=cast(Any, use.state.label),
                claimed_at=iso(use.claimed_at),
                **_used(use),
            )
            for use in found.tasks
        ],
    )


def _used(use: Used) -> dict[str, Any]:
    return {
        "tokens": tokens_shape(use.tokens),
        "cost_usd": dollars(use.cost),
        "calls": use.calls,
        "unpriced_calls": use.unpriced,
    }


async def get_agent_queue(services: ServicesHere, agent_id: str) -> Queue:
    """The queue in which work for one agent waits.

    Made when there is none.
    """
    agent = await get_agent(services.store, agent_id)
    number = await services.store.execute(ensure_agent_queue(agent.id))
    return queue_shape(await get_queue(services.store, number))


async def patch_agent(services: ServicesHere, agent_id: str, body: shapes.AgentPatch) -> shapes.Agent:
    """Change an agent."""
    given = body.model_dump(exclude_unset=True)
    await services.store.execute(edit_agent(agent_id, given))
    return await _shown(services, agent_id)


async def remove_agent(services: ServicesHere, agent_id: str) -> Done:
    """Take an agent off the list.

    409 while it holds a task. Its next call registers it anew.
    """
    await services.store.execute(delete_agent(agent_id))
    return Done(id=agent_id, done="deleted")


ROUTES: Final = (
    Route("GET", "/agents", list_agents),
    Route("POST", "/agents", register_one_agent, (), 201, other=((200, shapes.Agent),)),
    Route("GET", "/agents/{agent_id:name}/queue", get_agent_queue, (404, 409)),
    Route("GET", "/agents/{agent_id:name}/usage", get_agent_usage, (404,)),
    Route("GET", "/agents/{agent_id:name}", get_one_agent, (404,)),
    Route("PATCH", "/agents/{agent_id:name}", patch_agent, (404,)),
    Route("DELETE", "/agents/{agent_id:name}", remove_agent, (404, 409)),
)
