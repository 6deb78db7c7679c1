"""Mission Control's ventures, agents and activities."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import Query, Response

from muster.api.compat.mission_shapes import (
    Activity,
    ActivityCreate,
    ActivityQuery,
    Agent,
    AgentCreate,
    AgentPatch,
    Deleted,
    IdBody,
    IdQuery,
    Venture,
    VentureCreate,
    VenturePatch,
    activity_shape,
    venture_shape,
)
from muster.api.compat.mission_tasks import wanted_id
from muster.api.places import find_project
from muster.api.routing import Route
from muster.api.services import ServicesHere
from muster.api.times import iso
from muster.commands.activities import NewActivity, post_activity
from muster.commands.agents import delete_agent, edit_agent, register_agent
from muster.commands.projects import create_project, delete_project, edit_project
from muster.domain import ids
from muster.domain.money import micros
from muster.domain.project import Project
from muster.projections.activities import get_activity, list_activities
from muster.projections.agents import AgentRow, get_agent, list_agents
from muster.projections.page import Key, Page
from muster.projections.projects import ProjectRow, get_project, list_projects

MOST: Final = 10_000
AT_ONCE: Final = 200
Row = TypeVar("Row")


async def _whole(read: Callable[[Key | None], Awaitable[Page[Row]]], response: Response) -> list[Row]:
    """The pages of a list put together; the header says when the bound cut it."""
    rows: list[Row] = []
    after: Key | None = None
    while len(rows) < MOST:
        page = await read(after)
        rows += page.items
        after = page.next
        if after is None:
            return rows
    response.headers["X-Has-More"] = "true"
    return rows


async def list_ventures(services: ServicesHere, response: Response) -> list[Venture]:
    """List ventures, newest first.

    All of them, up to 10,000; the header `X-Has-More: true` says that there are more.
    """

    async def read(after: Key | None) -> Page[ProjectRow]:
        return await list_projects(services.store, after=after, limit=AT_ONCE)

    return [venture_shape(row) for row in await _whole(read, response)]


def _budget(amount: float | None) -> int | None:
    """0 is this dialect's word for: none was set."""
    return micros(amount, "capitalBudget") if amount else None


async def create_venture(services: ServicesHere, body: VentureCreate) -> Venture:
    """Create a venture."""
    project = Project(
        name=body.name,
        icon=body.icon or "",
        status=body.status,
        priority=body.priority,
        description=body.description or "",
        allocated=_budget(body.capitalBudget),
    )
    made = await services.store.execute(create_project(project))
    return venture_shape(await get_project(services.store, made))


async def patch_venture(services: ServicesHere, body: VenturePatch) -> Venture:
    """Change a venture."""
    store = services.store
    project_id = await find_project(store, body.id)
    given = body.model_dump(exclude_unset=True, exclude={"id"})
    changes: dict[str, Any] = {}
    for name, value in given.items():
        if name == "capitalBudget":
            changes["allocated"] = _budget(value)
        else:
            changes[name] = value if value is not None else ""
    if changes:
        await store.execute(edit_project(project_id, changes))
    return venture_shape(await get_project(store, project_id))


async def delete_venture(
    services: ServicesHere, query: Annotated[IdQuery, Query()], body: IdBody | None = None
) -> Deleted:
    """Delete a venture with its queued and completed tasks.

    409 while agents work on tasks of it.
    """
    ident = wanted_id(query, body)
    project_id = await find_project(services.store, ident)
    while await services.store.execute(delete_project(project_id, with_tasks=True)):
        pass
    return Deleted(id=ident)


def agent_shape(row: AgentRow) -> Agent:
    """An agent in this dialect's words."""
    return Agent.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "status": row.status,
            "model": row.model,
            "currentTask": None if row.current_task is None else ids.encode(ids.TASK, row.current_task),
            "tokensUsed": row.tokens_used,
            "maxTokens": row.max_tokens,
            "sessionsCount": row.sessions_count,
            "lastActiveAt": iso(row.last_active_at),
            "createdAt": iso(row.created_at),
            "updatedAt": iso(row.updated_at),
        }
    )


async def list_mission_agents(services: ServicesHere, response: Response) -> list[Agent]:
    """List agents by id.

    All of them, up to 10,000; the header `X-Has-More: true` says that there are more.
    """

    async def read(after: Key | None) -> Page[AgentRow]:
        return await list_agents(services.store, after=after, limit=AT_ONCE)

    return [agent_shape(row) for row in await _whole(read, response)]


_NAMES: Final = {
    "name": "name",
    "model": "model",
    "status": "status",
    "tokensUsed": "tokens_used",
    "maxTokens": "max_tokens",
    "sessionsCount": "sessions_count",
}


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    fields = {_NAMES[name]: value for name, value in given.items() if name in _NAMES and value is not None}
    if fields.get("status") == "busy":
        # Seen, never said: an agent is busy while it holds a task.
        fields["status"] = "online"
    return fields


async def register_mission_agent(services: ServicesHere, body: AgentCreate, response: Response) -> Agent:
    """Register an agent; the same id again updates it."""
    store = services.store
    ident = body.id or f"agent-{secrets.token_hex(6)}"
    new = await store.execute(
        register_agent(ident, _fields(body.model_dump(exclude_unset=True, exclude={"id"})))
    )
    response.status_code = 201 if new else 200
    return agent_shape(await get_agent(store, ident))


async def patch_mission_agent(services: ServicesHere, body: AgentPatch) -> Agent:
    """Change an agent."""
    changes = _fields(body.model_dump(exclude_unset=True, exclude={"id"}))
    if changes:
        await services.store.execute(edit_agent(body.id, changes))
    return agent_shape(await get_agent(services.store, body.id))


async def delete_mission_agent(
    services: ServicesHere, query: Annotated[IdQuery, Query()], body: IdBody | None = None
) -> Deleted:
    """Delete an agent; 409 while it holds a task."""
    ident = wanted_id(query, body)
    await services.store.execute(delete_agent(ident))
    return Deleted(id=ident)


async def list_mission_activities(
    services: ServicesHere, query: Annotated[ActivityQuery, Query()]
) -> list[Activity]:
    """List what happened, newest first."""
    page = await list_activities(services.store, limit=query.limit)
    return [activity_shape(row) for row in page.items]


async def post_mission_activity(services: ServicesHere, body: ActivityCreate) -> Activity:
    """Write an entry into the feed."""
    store = services.store
    ident = await store.execute(
        post_activity(
            NewActivity(
                type=body.type,
                title=body.title,
                description=body.description,
                agent_id=body.agentId,
                task_id=None if body.taskId is None else ids.decode(ids.TASK, body.taskId),
                project_id=None if body.ventureId is None else await find_project(store, body.ventureId),
            )
        )
    )
    return activity_shape(await get_activity(store, ident, store.feed.head))


def _route(method: str, path: str, endpoint: Any, errors: tuple[int, ...] = (), status: int = 200) -> Route:
    return Route(method, path, endpoint, errors, status, prefix="/api")


ROUTES: Final = (
    _route("GET", "/ventures", list_ventures),
    _route("POST", "/ventures", create_venture, (409,), 201),
    _route("PATCH", "/ventures", patch_venture, (404, 409)),
    _route("DELETE", "/ventures", delete_venture, (404, 409)),
    _route("GET", "/agents", list_mission_agents),
    Route("POST", "/agents", register_mission_agent, (), 201, "/api", other=((200, Agent),)),
    _route("PATCH", "/agents", patch_mission_agent, (404,)),
    _route("DELETE", "/agents", delete_mission_agent, (404, 409)),
    _route("GET", "/activities", list_mission_activities),
    _route("POST", "/activities", post_mission_activity, (404,), 201),
)
