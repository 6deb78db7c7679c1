"""Queues."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query

from muster.api.cursors import decode_cursor, encode_cursor
from muster.api.places import find_project, find_queue
from muster.api.routing import Route
from muster.api.schemas import queues as shapes
from muster.api.schemas.shape import Done
from muster.api.services import ServicesHere
from muster.api.task_shapes import public
from muster.api.times import iso
from muster.commands.queues import (
    archive_queue,
    create_queue,
    delete_queue,
    edit_queue,
    pause_queue,
    resume_queue,
    unarchive_queue,
)
from muster.domain import ids
from muster.domain.queue import Queue
from muster.projections.queues import QueueRow, get_queue
from muster.projections.queues import list_queues as queues_page
from muster.store.database import Store


def queue_shape(row: QueueRow) -> shapes.Queue:
    """A queue as it is answered."""
    return shapes.Queue.model_validate(
        {
            "id": ids.encode(ids.QUEUE, row.id),
            "name": row.name,
            "instructions": row.instructions,
            "mode": row.mode,
            "status": row.status,
            "paused": row.paused,
            "concurrency": row.concurrency,
            "project_id": public(ids.PROJECT, row.project_id),
            "session_id": public(ids.SESSION, row.session_id),
            "agent_id": row.agent_id,
            "sandbox": row.sandbox,
            "approval": row.approval,
            "stats": {state: getattr(row.counts, state) for state in row.counts.__slots__},
            "created_at": iso(row.created_at),
            "updated_at": iso(row.updated_at),
        }
    )


async def _shown(store: Store, queue_id: int) -> shapes.Queue:
    return queue_shape(await get_queue(store, queue_id))


async def _number(store: Store, queue: str) -> int:
    return (await find_queue(store, queue)).queue_id


async def _fields(store: Store, given: dict[str, Any]) -> dict[str, Any]:
    if given.get("project_id") is not None:
        given["project_id"] = await find_project(store, given["project_id"])
    if given.get("session_id") is not None:
        given["session_id"] = ids.decode(ids.SESSION, given["session_id"])
    return given


async def list_queues(
    services: ServicesHere, query: Annotated[shapes.QueueQuery, Query()]
) -> shapes.QueueList:
    """List queues with what is in them."""
    after = None if query.cursor is None else decode_cursor(query.cursor, (str,))
    page = await queues_page(services.store, archived=query.archived, after=after, limit=query.limit)
    return shapes.QueueList(
        items=[queue_shape(row) for row in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


async def create_one_queue(services: ServicesHere, body: shapes.QueueCreate) -> shapes.Queue:
    """Make a queue."""
    store = services.store
    number = await store.execute(create_queue(Queue(**await _fields(store, body.model_dump()))))
    return await _shown(store, number)


async def get_one_queue(services: ServicesHere, queue: str) -> shapes.Queue:
    """Show a queue, by id or name."""
    return await _shown(services.store, await _number(services.store, queue))


async def patch_queue(services: ServicesHere, queue: str, body: shapes.QueuePatch) -> shapes.Queue:
    """Change a queue."""
    store = services.store
    given = body.model_dump(exclude_unset=True)
    number = await _number(store, queue)
    await store.execute(edit_queue(number, await _fields(store, given)))
    return await _shown(store, number)


async def remove_queue(services: ServicesHere, queue: str) -> Done:
    """Remove an empty queue."""
    number = await _number(services.store, queue)
    await services.store.execute(delete_queue(number))
    return Done(id=ids.encode(ids.QUEUE, number), done="deleted")


async def pause_one_queue(services: ServicesHere, queue: str) -> shapes.Queue:
    """Hand out nothing more of a queue.

    What runs goes on.
    """
    number = await _number(services.store, queue)
    await services.store.execute(pause_queue(number))
    return await _shown(services.store, number)


async def resume_one_queue(services: ServicesHere, queue: str) -> shapes.Queue:
    """Hand out work of a queue again."""
    number = await _number(services.store, queue)
    await services.store.execute(resume_queue(number))
    return await _shown(services.store, number)


async def archive_one_queue(services: ServicesHere, queue: str) -> shapes.Queue:
    """Put a queue out of sight.

    It takes and hands out nothing.
    """
    number = await _number(services.store, queue)
    await services.store.execute(archive_queue(number))
    return await _shown(services.store, number)


async def unarchive_one_queue(services: ServicesHere, queue: str) -> shapes.Queue:
    """Bring an archived queue back."""
    number = await _number(services.store, queue)
    await services.store.execute(unarchive_queue(number))
    return await _shown(services.store, number)


ROUTES: Final = (
    Route("GET", "/queues", list_queues),
    Route("POST", "/queues", create_one_queue, (404, 409), 201),
    Route("POST", "/queues/{queue:name}/pause", pause_one_queue, (404,)),
    Route("POST", "/queues/{queue:name}/resume", resume_one_queue, (404,)),
    Route("POST", "/queues/{queue:name}/archive", archive_one_queue, (404,)),
    Route("POST", "/queues/{queue:name}/unarchive", unarchive_one_queue, (404,)),
    Route("GET", "/queues/{queue:name}", get_one_queue, (404,)),
    Route("PATCH", "/queues/{queue:name}", patch_queue, (404, 409)),
    Route("DELETE", "/queues/{queue:name}", remove_queue, (404, 409)),
)
