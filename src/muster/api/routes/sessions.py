"""Work sessions."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query

from muster.api.cursors import encode_cursor, integer_cursor
from muster.api.places import find_project
from muster.api.routing import Route
from muster.api.schemas import queues as shapes
from muster.api.services import ServicesHere
from muster.api.task_shapes import public
from muster.api.times import iso, iso_or_none
from muster.commands.sessions import create_session, edit_session, end_session
from muster.domain import ids
from muster.domain.session import Session
from muster.projections.sessions import SessionRow, get_session
from muster.projections.sessions import list_sessions as sessions_page
from muster.store.database import Store


def session_shape(row: SessionRow) -> shapes.Session:
    """A session as it is answered."""
    return shapes.Session.model_validate(
        {
            "id": ids.encode(ids.SESSION, row.id),
            "name": row.name,
            "context": row.context,
            "status": row.status,
            "project_id": public(ids.PROJECT, row.project_id),
            "created_at": iso(row.created_at),
            "updated_at": iso(row.updated_at),
            "ended_at": iso_or_none(row.ended_at),
        }
    )


async def _shown(store: Store, session_id: int) -> shapes.Session:
    return session_shape(await get_session(store, session_id))


async def list_sessions(
    services: ServicesHere, query: Annotated[shapes.SessionQuery, Query()]
) -> shapes.SessionList:
    """List sessions, newest first."""
    after = integer_cursor(query.cursor)
    page = await sessions_page(
        services.store,
        status=query.status,
        project_id=None if query.project is None else await find_project(services.store, query.project),
        after=None if after is None else (after,),
        limit=query.limit,
    )
    return shapes.SessionList(
        items=[session_shape(row) for row in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


async def create_one_session(services: ServicesHere, body: shapes.SessionCreate) -> shapes.Session:
    """Begin a session."""
    store = services.store
    project = None if body.project_id is None else await find_project(store, body.project_id)
    number = await store.execute(
        create_session(Session(name=body.name, context=body.context, project_id=project))
    )
    return await _shown(store, number)


async def get_one_session(services: ServicesHere, session_id: str) -> shapes.Session:
    """Show a session."""
    return await _shown(services.store, ids.decode(ids.SESSION, session_id))


async def patch_session(services: ServicesHere, session_id: str, body: shapes.SessionPatch) -> shapes.Session:
    """Change a session that has not ended."""
    given = body.model_dump(exclude_unset=True)
    number = ids.decode(ids.SESSION, session_id)
    await services.store.execute(edit_session(number, given))
    return await _shown(services.store, number)


async def end_one_session(services: ServicesHere, session_id: str) -> shapes.Session:
    """End a session.

    It takes no more tasks; those it has go on.
    """
    number = ids.decode(ids.SESSION, session_id)
    await services.store.execute(end_session(number))
    return await _shown(services.store, number)


ROUTES: Final = (
    Route("GET", "/sessions", list_sessions, (404,)),
    Route("POST", "/sessions", create_one_session, (404,), 201),
    Route("GET", "/sessions/{session_id}", get_one_session, (404,)),
    Route("PATCH", "/sessions/{session_id}", patch_session, (404, 409)),
    Route("POST", "/sessions/{session_id}/end", end_one_session, (404,)),
)
