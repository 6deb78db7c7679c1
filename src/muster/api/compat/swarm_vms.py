"""Swarm's machines: the sandboxes that are open now. muster makes one for each attempt, so they are made and ended by tickets."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import ConfigDict, Field

from muster.api.compat.holding import held_by
from muster.api.routes.sandboxes import open_sandbox, task_of
from muster.api.routing import Route
from muster.api.schemas.shape import Answer, Body, Done, Moment, Name
from muster.api.services import ServicesHere
from muster.api.times import iso
from muster.commands.attempts import EndAttempt
from muster.commands.lifecycle import cancel_task
from muster.commands.together import end_attempt
from muster.domain import ids
from muster.domain.errors import Conflict
from muster.projections.sandboxes import SandboxRow, live_sandboxes
from muster.projections.tasks import get_task

HEALTHY_US: Final = 45_000_000
"""A worker reports at least every 20 s."""
DELETED: Final = "its sandbox was deleted"
RESTARTED: Final = "its sandbox was restarted"


class MadeByTicket(Conflict):
    """A sandbox is made for a ticket when a worker takes it, and none is open for {what} now. File a ticket and wait for it."""

    code = "made_by_ticket"


class Vm(Answer):
    """A sandbox in Swarm's words, with what it used last."""

    id: str
    status: Literal["running", "paused"]
    isolation: str = Field(description="The level in force; a microVM only where it says firecracker.")
    host: str | None
    worker_id: str
    ticket_id: str | None
    agent: str | None
    cpu_seconds: float
    memory_mb: float
    disk_mb: float
    processes: int
    limits: dict[str, float]
    created_at: Moment
    last_seen_at: Moment


class VmList(Answer):
    """Open sandboxes, by id."""

    vms: list[Vm]


class VmCreate(Body):
    """For which ticket."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ticket_id": "tsk_0dq3m8x1c7w00"}]})

    ticket_id: Name


class VmHealth(Answer):
    """Whether its worker answers for it."""

    id: str
    healthy: bool
    status: Literal["running", "paused"]
    last_seen_at: Moment
    processes: int


def vm_shape(row: SandboxRow) -> Vm:
    """A sandbox in Swarm's words."""
    _, cpu, memory, processes, disk = row.samples[-1] if row.samples else (0, 0.0, 0, 0, 0)
    return Vm(
        id=row.id,
        status="paused" if row.state == "paused" else "running",
        isolation=row.level,
        host=row.host,
        worker_id=row.worker_id,
        ticket_id=None if row.task_id is None else ids.encode(ids.TASK, row.task_id),
        agent=row.agent,
        cpu_seconds=cpu,
        memory_mb=round(memory / 1_048_576, 3),
        disk_mb=round(disk / 1_048_576, 3),
        processes=int(processes),
        limits=row.limits,
        created_at=iso(row.created_at),
        last_seen_at=iso(row.seen_at),
    )


async def list_vms(services: ServicesHere) -> VmList:
    """The sandboxes that are open on all hosts now."""
    store = services.store
    return VmList(vms=[vm_shape(row) for row in await live_sandboxes(store, store.now())])


async def create_vm(services: ServicesHere, body: VmCreate) -> Vm:
    """The sandbox of a ticket.

    A worker makes one when it takes the ticket; 409 while there is none.
    """
    store = services.store
    task = ids.decode(ids.TASK, body.ticket_id)
    await get_task(store, task, store.now())
    for row in await live_sandboxes(store, store.now()):
        if row.task_id == task:
            return vm_shape(row)
    raise MadeByTicket(what=f"ticket {body.ticket_id}")


async def get_vm(services: ServicesHere, vm_id: str) -> Vm:
    """One open sandbox."""
    return vm_shape(await open_sandbox(services, vm_id))


async def get_vm_health(services: ServicesHere, vm_id: str) -> VmHealth:
    """Whether a sandbox is well: its worker was heard of lately and something runs in it."""
    row = await open_sandbox(services, vm_id)
    vm = vm_shape(row)
    fresh = services.store.now() - row.seen_at < HEALTHY_US
    return VmHealth(
        id=vm.id,
        healthy=fresh,
        status=vm.status,
        last_seen_at=vm.last_seen_at,
        processes=vm.processes,
    )


async def restart_vm(services: ServicesHere, vm_id: str) -> Done:
    """End a sandbox, and put its ticket back into the queue: it gets a new one.

    The attempt does not count.
    """
    store = services.store
    task = task_of(await open_sandbox(services, vm_id))
    row = (await get_task(store, task, store.now())).row
    held = await held_by(store, task, row.agent_id or "", failing=False)
    await store.execute(
        end_attempt(EndAttempt(held.attempt_id, held.token, code="released", message=RESTARTED))
    )
    return Done(id=vm_id, done="restarted")


async def delete_vm(services: ServicesHere, vm_id: str) -> Done:
    """End a sandbox with all that runs in it, and cancel its ticket. What its agent did so far is kept."""
    await services.store.execute(cancel_task(task_of(await open_sandbox(services, vm_id)), DELETED))
    return Done(id=vm_id, done="deleted")


def _route(method: str, path: str, endpoint: Any, errors: tuple[int, ...] = (), status: int = 200) -> Route:
    return Route(method, f"/vms{path}", endpoint, errors, status, prefix="/api")


ROUTES: Final = (
    _route("GET", "", list_vms),
    _route("POST", "", create_vm, (404, 409), 201),
    _route("GET", "/{vm_id}", get_vm, (404,)),
    _route("GET", "/{vm_id}/health", get_vm_health, (404,)),
    _route("POST", "/{vm_id}/restart", restart_vm, (404, 409)),
    _route("DELETE", "/{vm_id}", delete_vm, (404, 409)),
)
