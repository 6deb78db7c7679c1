"""Sandboxes that are open now."""

from __future__ import annotations

from typing import Final

from muster.api.routing import Route
from muster.api.schemas.sandboxes import Sandbox, SandboxList, SandboxSample
from muster.api.services import ServicesHere
from muster.api.times import iso
from muster.domain import ids
from muster.domain.errors import NotFound
from muster.projections.sandboxes import SandboxRow, find_sandbox, live_sandboxes


def sandbox_shape(row: SandboxRow) -> Sandbox:
    """A sandbox as it is answered."""
    return Sandbox(
        id=row.id,
        worker_id=row.worker_id,
        host=row.host,
        attempt_id=None if row.attempt_id is None else ids.encode(ids.ATTEMPT, row.attempt_id),
        task_id=None if row.task_id is None else ids.encode(ids.TASK, row.task_id),
        title=row.title,
        agent=row.agent,
        level=row.level,
        state=row.state,
        created_at=iso(row.created_at),
        last_seen_at=iso(row.seen_at),
        limits=row.limits,
        samples=[
            SandboxSample(
                at=iso(int(at) * 1_000),
                cpu_seconds=cpu,
                memory_bytes=int(memory),
                processes=int(processes),
                disk_bytes=int(disk),
            )
            for at, cpu, memory, processes, disk in row.samples
        ],
    )


async def list_sandboxes(services: ServicesHere) -> SandboxList:
    """The sandboxes that are open on all hosts now, as their workers said within the last 90 seconds."""
    store = services.store
    return SandboxList(items=[sandbox_shape(row) for row in await live_sandboxes(store, store.now())])


async def get_sandbox(services: ServicesHere, sandbox_id: str) -> Sandbox:
    """One open sandbox."""
    found = await find_sandbox(services.store, services.store.now(), sandbox_id)
    if found is None:
        raise NotFound(noun="open sandbox", id=sandbox_id[:200])
    return sandbox_shape(found)


ROUTES: Final = (
    Route("GET", "/sandboxes", list_sandboxes),
    Route("GET", "/sandboxes/{sandbox_id}", get_sandbox),
)
