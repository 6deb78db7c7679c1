"""Projects and their money."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query

from muster.api.cursors import decode_cursor, encode_cursor, integer_cursor
from muster.api.payloads import check_working_dir
from muster.api.places import find_project
from muster.api.routing import Route
from muster.api.schemas import projects as shapes
from muster.api.schemas.shape import Done, PageQuery
from muster.api.services import ServicesHere
from muster.api.task_shapes import public
from muster.api.times import iso
from muster.commands.projects import allocate, create_project, delete_project, edit_project
from muster.domain import ids
from muster.domain.money import dollars, micros
from muster.domain.project import Project
from muster.projections.projects import LedgerEntry, ProjectRow, get_project, ledger
from muster.projections.projects import list_projects as projects_page
from muster.store.database import Store


def project_shape(row: ProjectRow) -> shapes.Project:
    """A project as it is answered."""
    return shapes.Project.model_validate(
        {
            "id": ids.encode(ids.PROJECT, row.id),
            "name": row.name,
            "icon": row.icon,
            "status": row.status,
            "priority": row.priority,
            "description": row.description,
            "allocated_usd": None if row.allocated is None else dollars(row.allocated),
            "reserved_usd": dollars(row.reserved),
            "spent_usd": dollars(row.spent),
            "enforcement": row.enforcement,
            "concurrency": row.concurrency,
            "repo_url": row.repo_url,
            "default_branch": row.default_branch,
            "working_dir": row.working_dir,
            "sandbox": row.sandbox,
            "tasks": {state: getattr(row.counts, state) for state in row.counts.__slots__},
            "created_at": iso(row.created_at),
            "updated_at": iso(row.updated_at),
        }
    )


async def _shown(store: Store, project_id: int) -> shapes.Project:
    return project_shape(await get_project(store, project_id))


async def list_projects(
    services: ServicesHere, query: Annotated[shapes.ProjectQuery, Query()]
) -> shapes.ProjectList:
    """List projects.

    A page filtered by status may be short although more follow: go on while there is a `next_cursor`.
    """
    after = integer_cursor(query.cursor)
    page = await projects_page(
        services.store,
        status=query.status,
        after=None if after is None else (after,),
        limit=query.limit,
    )
    return shapes.ProjectList(
        items=[project_shape(row) for row in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


async def create_one_project(services: ServicesHere, body: shapes.ProjectCreate) -> shapes.Project:
    """Make a project."""
    fields = _fields(body.model_dump())
    fields["icon"] = fields["icon"] or ""
    number = await services.store.execute(create_project(Project(**fields)))
    return await _shown(services.store, number)


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("working_dir") is not None:
        check_working_dir(given["working_dir"])
    if "budget_usd" in given:
        budget = given.pop("budget_usd")
        given["allocated"] = None if budget is None else micros(budget, "budget_usd")
    return given


async def get_one_project(services: ServicesHere, project: str) -> shapes.Project:
    """Show a project, by id or name."""
    return await _shown(services.store, await find_project(services.store, project))


async def patch_project(services: ServicesHere, project: str, body: shapes.ProjectPatch) -> shapes.Project:
    """Change a project.

    A paused project hands out no task; what runs goes on.
    """
    given = body.model_dump(exclude_unset=True)
    number = await find_project(services.store, project)
    await services.store.execute(edit_project(number, _fields(given)))
    return await _shown(services.store, number)


async def remove_project(services: ServicesHere, project: str) -> Done:
    """Remove a project with its waiting and finished tasks.

    409 while one of them runs. Their events stay in the log.
    """
    number = await find_project(services.store, project)
    while await services.store.execute(delete_project(number, with_tasks=True)):
        pass
    return Done(id=ids.encode(ids.PROJECT, number), done="deleted")


async def allocate_capital(services: ServicesHere, project: str, body: shapes.Allocation) -> shapes.Project:
    """Give a project money, or take some back.

    A project without a limit gets one by its first allocation.
    """
    number = await find_project(services.store, project)
    await services.store.execute(allocate(number, micros(body.amount_usd, "amount_usd"), body.note))
    return await _shown(services.store, number)


def _entry(row: LedgerEntry) -> shapes.LedgerEntry:
    return shapes.LedgerEntry.model_validate(
        {
            "seq": row.seq,
            "at": iso(row.at),
            "kind": row.kind,
            "amount_usd": dollars(row.amount),
            "allocated_usd": dollars(row.allocated),
            "reserved_usd": dollars(row.reserved),
            "spent_usd": dollars(row.spent),
            "balance_usd": dollars(row.balance),
            "task_id": public(ids.TASK, row.task_id),
            "attempt_id": public(ids.ATTEMPT, row.attempt_id),
            "agent_id": row.agent_id,
            "note": row.note,
        }
    )


async def list_ledger(
    services: ServicesHere, project: str, query: Annotated[PageQuery, Query()]
) -> shapes.Ledger:
    """What was allocated, reserved, settled and released, newest first."""
    number = await find_project(services.store, project)
    after = None if query.cursor is None else decode_cursor(query.cursor, (int,) * 4)
    page = await ledger(services.store, number, after=after, limit=query.limit)
    return shapes.Ledger(
        items=[_entry(row) for row in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


ROUTES: Final = (
    Route("GET", "/projects", list_projects),
    Route("POST", "/projects", create_one_project, (409,), 201),
    Route("POST", "/projects/{project:name}/allocate", allocate_capital, (404,)),
    Route("GET", "/projects/{project:name}/ledger", list_ledger, (404,)),
    Route("GET", "/projects/{project:name}", get_one_project, (404,)),
    Route("PATCH", "/projects/{project:name}", patch_project, (404, 409)),
    Route("DELETE", "/projects/{project:name}", remove_project, (404, 409)),
)
