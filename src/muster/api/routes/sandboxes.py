"""Sandboxes that are open now."""

from __future__ import annotations

from typing import Final

from muster.api.routing import Route
from muster.api.schemas.sandboxes import Sandbox, SandboxList, SandboxSample
from muster.api.schemas.shape import Done
from muster.api.services import Services, ServicesHere
from muster.api.times import iso
from muster.commands.lifecycle import cancel_task
from muster.domain import ids
from muster.domain.console import console_problem
from muster.domain.errors import Conflict, NotFound
from muster.domain.traffic import traffic_problem
from muster.projections.sandboxes import SandboxRow, find_sandbox, live_sandboxes

KILLED: Final = "its sandbox was killed"


def sandbox_shape(row: SandboxRow, *, consoles: bool) -> Sandbox:
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
        network=row.network,
        allow_hosts=list(row.allow_hosts),
        no_traffic=traffic_problem(row.network, agent=row.agent is not None),
        no_console=console_problem(row.level, enabled=consoles),
        samples=[_sample(*sample) for sample in row.samples],
    )


def _sample(
    at: float,
    cpu: float,
    memory: float,
    processes: float,
    disk: float,
    received: float | None = None,
    sent: float | None = None,
) -> SandboxSample:
    return SandboxSample(
        at=iso(int(at) * 1_000),
        cpu_seconds=cpu,
        memory_bytes=int(memory),
        processes=int(processes),
        disk_bytes=int(disk),
        rx_bytes=None if received is None else int(received),
        tx_bytes=None if sent is None else int(sent),
    )


async def list_sandboxes(services: ServicesHere) -> SandboxList:
    """The sandboxes that are open on all hosts now, as their workers said within the last 90 seconds."""
    store = services.store
    rows = await live_sandboxes(store, store.now())
    return SandboxList(items=[sandbox_shape(row, consoles=services.consoles.enabled) for row in rows])


async def get_sandbox(services: ServicesHere, sandbox_id: str) -> Sandbox:
    """One open sandbox."""
    return sandbox_shape(await open_sandbox(services, sandbox_id), consoles=services.consoles.enabled)


async def kill_sandbox(services: ServicesHere, sandbox_id: str) -> Done:
    """End a sandbox with all that runs in it, and cancel its task. What was done so far is kept."""
    row = await open_sandbox(services, sandbox_id)
    await services.store.execute(cancel_task(task_of(row), KILLED))
    return Done(id=row.id, done="killed")


async def open_sandbox(services: Services, sandbox_id: str) -> SandboxRow:
    """One that is open now, or NotFound."""
    found = await find_sandbox(services.store, services.store.now(), sandbox_id)
    if found is None:
        raise NotFound(noun="open sandbox", id=sandbox_id[:200])
    return found


def task_of(row: SandboxRow) -> int:
    """The task a sandbox was made for; Conflict where there is none."""
    if row.task_id is None:
        raise Conflict(problem="this sandbox belongs to no task; its worker ends it by itself", id=row.id)
    return row.task_id


ROUTES: Final = (
    Route("GET", "/sandboxes", list_sandboxes),
    Route("GET", "/sandboxes/{sandbox_id}", get_sandbox, (404,)),
    Route("DELETE", "/sandboxes/{sandbox_id}", kill_sandbox, (404, 409)),
)
