"""Swarm's tickets and projects, for people's tools."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query

from muster.api.compat.swarm_shapes import (
    STATES,
    SwarmProject,
    SwarmProjectCreate,
    SwarmProjectList,
    SwarmProjectPatch,
    Ticket,
    TicketCancel,
    TicketCreate,
    TicketEventList,
    TicketList,
    TicketPatch,
    TicketQuery,
    event_of,
    project_of,
    ticket_fields,
)
from muster.api.cursors import encode_cursor, integer_cursor
from muster.api.places import find_project, find_queue
from muster.api.routing import Route
from muster.api.schemas.shape import Done, PageQuery
from muster.api.services import ServicesHere
from muster.api.submission import Submitter
from muster.commands.edits import edit_task
from muster.commands.lifecycle import cancel_task, requeue_task
from muster.commands.projects import create_project, delete_project, edit_project
from muster.commands.tasks import NewTask, submit_tasks
from muster.domain import ids
from muster.domain.money import micros
from muster.domain.project import Project
from muster.domain.task import PRIORITIES, TaskKind, TaskSpec
from muster.projections.agent_tasks import bring_forward
from muster.projections.log import events_of
from muster.projections.page import Key
from muster.projections.projects import get_project, list_projects
from muster.projections.task_lists import TaskFilter, list_tasks
from muster.projections.tasks import get_task
from muster.store.database import Store

QUEUE: Final = "inbox"
TIMEOUT_CLASS: Final = "LLM_HEAVY"
DEFAULT_PROJECT: Final = "default"
_EXTRA: Final = ("acceptance_criteria", "estimated_scope", "files_hint")


async def _shown(store: Store, task_id: int) -> Ticket:
    return Ticket(**ticket_fields((await get_task(store, task_id, store.now())).row))


def _after(cursor: str | None) -> Key | None:
    number = integer_cursor(cursor)
    return None if number is None else (number,)


def _next(key: Key | None) -> str | None:
    return None if key is None else encode_cursor(key)


async def list_tickets(services: ServicesHere, query: Annotated[TicketQuery, Query()]) -> TicketList:
    """List tickets, newest first."""
    store = services.store
    states = None if query.state is None else STATES.get(query.state, frozenset())
    project = None if query.project_id is None else await find_project(store, query.project_id)
    after = _after(query.cursor)
    if states is not None and not states:
        return TicketList(tickets=[], next_cursor=None)
    wanted = TaskFilter(states=states, project_id=project, agent_id=query.assignee_id)
    if query.assignee_id is not None:
        await bring_forward(store)
    page = await list_tasks(store, wanted, store.now(), after=after, limit=query.limit)
    tickets = [Ticket(**ticket_fields(row)) for row in page.items]
    fitting = [
        ticket
        for ticket in tickets
        if query.state in (None, ticket.state) and query.assignee_id in (None, ticket.assignee_id)
    ]
    return TicketList(tickets=fitting, next_cursor=_next(page.next))


async def create_ticket(services: ServicesHere, body: TicketCreate) -> Ticket:
    """File a ticket.

    It is handed out once what it depends on is done.
    """
    store = services.store
    extra = {name: value for name in _EXTRA if (value := getattr(body, name))}
    new = NewTask(
        spec=TaskSpec(title=body.title, description=body.description, task_class=TIMEOUT_CLASS, extra=extra),
        kind=TaskKind.PROMPT,
        project_id=await find_project(store, body.project_id or DEFAULT_PROJECT),
        queue_id=(await find_queue(store, QUEUE)).queue_id,
        priority=PRIORITIES[body.priority],
        timeout_us=await Submitter(store).timeout_us(TIMEOUT_CLASS, None),
        assignee=body.assignee_id or "",
        depends_on=tuple(body.depends_on),
    )
    (made,) = await store.execute(submit_tasks([new]))
    return await _shown(store, made.task_id)


async def get_ticket(services: ServicesHere, ticket_id: str) -> Ticket:
    """Show a ticket."""
    return await _shown(services.store, ids.decode(ids.TASK, ticket_id))


async def patch_ticket(services: ServicesHere, ticket_id: str, body: TicketPatch) -> Ticket:
    """Change a ticket.

    A dependency that would close a cycle is refused, and the cycle named.
    """
    store = services.store
    task_id = ids.decode(ids.TASK, ticket_id)
    detail = await get_task(store, task_id, store.now())
    given = body.model_dump(exclude_unset=True)
    changes: dict[str, Any] = {name: given[name] for name in ("title", "description") if name in given}
    if "priority" in given:
        changes["priority"] = PRIORITIES[given["priority"]]
    if "project_id" in given:
        changes["project_id"] = await find_project(store, given["project_id"])
    if "depends_on" in given:
        changes["depends_on"] = tuple(given["depends_on"])
    if "assignee_id" in given:
        changes["assignee"] = given["assignee_id"] or ""
    kept = {name: given[name] for name in _EXTRA if name in given}
    if kept:
        changes["extra"] = detail.spec.extra | kept
    if changes:
        await store.execute(edit_task(task_id, changes))
    return await _shown(store, task_id)


async def cancel_ticket(services: ServicesHere, ticket_id: str, body: TicketCancel | None = None) -> Ticket:
    """Cancel a ticket.

    Who works on it hears of it by its next heartbeat.
    """
    task_id = ids.decode(ids.TASK, ticket_id)
    await services.store.execute(cancel_task(task_id, "" if body is None else body.reason))
    return await _shown(services.store, task_id)


async def retry_ticket(services: ServicesHere, ticket_id: str) -> Ticket:
    """Put a finished ticket back, its attempts counted anew."""
    task_id = ids.decode(ids.TASK, ticket_id)
    await services.store.execute(requeue_task(task_id, "retried"))
    return await _shown(services.store, task_id)


async def list_ticket_events(
    services: ServicesHere, ticket_id: str, query: Annotated[PageQuery, Query()]
) -> TicketEventList:
    """The history of a ticket, oldest first."""
    after = integer_cursor(query.cursor) or 0
    page = await events_of(services.store, ids.decode(ids.TASK, ticket_id), after=after, limit=query.limit)
    return TicketEventList(events=[event_of(event) for event in page.items], next_cursor=_next(page.next))


async def _project(store: Store, project_id: int) -> SwarmProject:
    return project_of(await get_project(store, project_id))


async def list_swarm_projects(
    services: ServicesHere, query: Annotated[PageQuery, Query()]
) -> SwarmProjectList:
    """List projects, newest first."""
    page = await list_projects(services.store, after=_after(query.cursor), limit=query.limit)
    return SwarmProjectList(projects=[project_of(row) for row in page.items], next_cursor=_next(page.next))


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    if "budget_usd" in given:
        budget = given.pop("budget_usd")
        given["allocated"] = None if budget is None else micros(budget, "budget_usd")
    return given


async def create_swarm_project(services: ServicesHere, body: SwarmProjectCreate) -> SwarmProject:
    """Make a project."""
    made = await services.store.execute(create_project(Project(**_fields(body.model_dump()))))
    return await _project(services.store, made)


async def get_swarm_project(services: ServicesHere, project_id: str) -> SwarmProject:
    """Show a project, by id or name."""
    return await _project(services.store, await find_project(services.store, project_id))


async def patch_swarm_project(
    services: ServicesHere, project_id: str, body: SwarmProjectPatch
) -> SwarmProject:
    """Change a project."""
    number = await find_project(services.store, project_id)
    changes = _fields(body.model_dump(exclude_unset=True))
    if changes:
        await services.store.execute(edit_project(number, changes))
    return await _project(services.store, number)


async def delete_swarm_project(services: ServicesHere, project_id: str) -> Done:
    """Delete a project that has no tickets; 409 otherwise."""
    number = await find_project(services.store, project_id)
    await services.store.execute(delete_project(number))
    return Done(id=ids.encode(ids.PROJECT, number), done="deleted")


def _route(method: str, path: str, endpoint: Any, errors: tuple[int, ...] = (), status: int = 200) -> Route:
    return Route(method, path, endpoint, errors, status, prefix="/api")


ROUTES: Final = (
    _route("GET", "/tickets", list_tickets, (404,)),
    _route("POST", "/tickets", create_ticket, (404, 409), 201),
    _route("GET", "/tickets/{ticket_id}", get_ticket, (404,)),
    _route("PATCH", "/tickets/{ticket_id}", patch_ticket, (404, 409)),
    _route("POST", "/tickets/{ticket_id}/cancel", cancel_ticket, (404, 409)),
    _route("POST", "/tickets/{ticket_id}/retry", retry_ticket, (404, 409)),
    _route("GET", "/tickets/{ticket_id}/events", list_ticket_events, (404,)),
    _route("GET", "/projects", list_swarm_projects),
    _route("POST", "/projects", create_swarm_project, (409,), 201),
    _route("GET", "/projects/{project_id}", get_swarm_project, (404,)),
    _route("PATCH", "/projects/{project_id}", patch_swarm_project, (404, 409)),
    _route("DELETE", "/projects/{project_id}", delete_swarm_project, (404, 409)),
)
