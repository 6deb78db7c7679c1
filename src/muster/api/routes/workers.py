"""Workers: processes that claim and run."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query

from muster.api.cursors import decode_cursor, encode_cursor
from muster.api.routing import Route
from muster.api.schemas.agents import Worker, WorkerHost, WorkerList, WorkerQuery
from muster.api.services import ServicesHere
from muster.api.times import iso, iso_or_none
from muster.projections.workers import WorkerRow, live_workers
from muster.projections.workers import get_worker as load_worker
from muster.projections.workers import list_workers as workers_page


def worker_shape(row: WorkerRow) -> Worker:
    """A worker as it is answered."""
    return Worker(
        id=row.id,
        host=row.host,
        pid=row.pid,
        version=row.version,
        capacity=row.capacity,
        running=row.running,
        modes=row.modes,
        queues=row.queues,
        kinds=row.kinds,
        capabilities=row.capabilities,
        sandbox=row.sandbox,
        facts=WorkerHost.model_validate(row.about),
        live=row.live,
        last_seen_at=iso(row.seen_at),
        started_at=iso(row.started_at),
        left_at=iso_or_none(row.left_at),
    )


async def list_workers(services: ServicesHere, query: Annotated[WorkerQuery, Query()]) -> WorkerList:
    """The workers that are there."""
    store = services.store
    if not query.all and query.cursor is None:
        return WorkerList(
            items=[worker_shape(row) for row in await live_workers(store, store.now())], next_cursor=None
        )
    after = None if query.cursor is None else decode_cursor(query.cursor, (str,))
    page = await workers_page(store, store.now(), after=after, limit=query.limit)
    return WorkerList(
        items=[worker_shape(row) for row in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


async def get_worker(services: ServicesHere, worker_id: str) -> Worker:
    """One worker, with its host."""
    return worker_shape(await load_worker(services.store, services.store.now(), worker_id))


ROUTES: Final = (
    Route("GET", "/workers", list_workers),
    Route("GET", "/workers/{worker_id}", get_worker),
)
