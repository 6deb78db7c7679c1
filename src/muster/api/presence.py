"""The heartbeat of a whole worker: presence, all its leases, and what the server wants of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from muster.api.hot import HotRoute
from muster.api.longpoll import Caller
from muster.api.routes.claims import directives_of, token_of
from muster.api.services import Services
from muster.client import wire
from muster.client.wire_hosts import SandboxReport
from muster.commands.leases import Beat, Heartbeat, disown, heartbeat
from muster.commands.sandboxes import OpenSandbox, record_sandboxes
from muster.commands.workers import Presence, note_departure, record_presence
from muster.domain import ids
from muster.domain.errors import LeaseLost, NotFound


class WorkerCalls:
    """The handler of `POST /workers/{id}/heartbeat`."""

    def __init__(self, services: Services) -> None:
        self._store = services.store
        self._consoles = services.consoles

    async def beat(
        self, worker_id: str, request: wire.WorkerHeartbeatRequest, caller: Caller
    ) -> wire.WorkerHeartbeatAnswer:
        """Renew what the worker holds; answer at once when there is a directive, else when one comes."""
        disowned = await self._note(worker_id, request)
        directives = await self._renew(request.leases)
        if directives or request.wait_seconds <= 0 or request.leaving or request.starting:
            return wire.WorkerHeartbeatAnswer(directives=directives, disowned=disowned)
        return wire.WorkerHeartbeatAnswer(directives=await self._wait(request, caller))

    async def _note(self, worker_id: str, request: wire.WorkerHeartbeatRequest) -> int:
        """Write down what it says; how many attempts it should be running and is not."""
        holding = frozenset(
            number for lease in request.leases if (number := _number(lease.attempt_id)) is not None
        )
        if request.leaving:
            await self._store.execute(note_departure(worker_id))
        else:
            await self._store.execute(record_presence(presence_of(worker_id, request)))
        if request.sandboxes is not None or request.leaving:
            reports = [] if request.leaving else request.sandboxes or []
            await self._store.execute(record_sandboxes(worker_id, [_sandbox(report) for report in reports]))
        return await self._store.execute(
            disown(worker_id, holding, started=request.starting, left=request.leaving)
        )

    async def _renew(self, leases: Sequence[wire.Lease]) -> list[wire.Directive]:
        answers = await asyncio.gather(*(self._renew_one(lease) for lease in leases))
        return [directive for directives in answers for directive in directives]

    async def _renew_one(self, lease: wire.Lease) -> list[wire.Directive]:
        try:
            beat: Beat = await self._store.execute(
                heartbeat(
                    Heartbeat(
                        ids.decode(ids.ATTEMPT, lease.attempt_id),
                        token_of(lease.token, lease.attempt_id),
                        lease.progress,
                        lease.message,
                        lease.delivered,
                    )
                )
            )
        except (LeaseLost, NotFound) as error:
            return [wire.Directive(kind="lost", attempt_id=lease.attempt_id, reason=error.message)]
        self._consoles.heard(lease.attempt_id)
        opened = self._consoles.wanted(lease.attempt_id)
        consoles = [wire.Directive(kind="console", attempt_id=lease.attempt_id, id=ident) for ident in opened]
        return [*directives_of(lease.attempt_id, beat), *consoles]

    async def _wait(self, request: wire.WorkerHeartbeatRequest, caller: Caller) -> list[wire.Directive]:
        signals = self._store.signals
        topics = [f"attempt:{number}" for lease in request.leases if (number := _number(lease.attempt_id))]
        ended = asyncio.Event()
        for topic in topics:
            signals.watch(topic, ended)
        try:
            # Between the renewal and the watch an attempt may have ended unheard.
            directives = await self._renew(request.leases)
            if not directives and await caller.wait(ended, request.wait_seconds):
                directives = await self._renew(request.leases)
            return directives
        finally:
            for topic in topics:
                signals.unwatch(topic, ended)


def presence_of(worker_id: str, request: wire.WorkerHeartbeatRequest) -> Presence:
    """What a worker says of itself."""
    return Presence(
        worker_id=worker_id,
        host=request.host,
        pid=request.pid,
        version=request.version,
        capacity=request.capacity,
        modes=tuple(request.modes),
        queues=None if request.queues is None else tuple(request.queues),
        kinds=None if request.kinds is None else tuple(request.kinds),
        capabilities=tuple(request.capabilities),
        sandbox=request.sandbox,
        facts="{}" if request.facts is None else msgspec.json.encode(request.facts).decode(),
    )


def _sandbox(report: SandboxReport) -> OpenSandbox:
    return OpenSandbox(
        name=report.name,
        attempt_id=_number(report.attempt_id),
        level=report.level,
        state=report.state,
        limits=report.limits,
        samples=[
            (
                sample.at_ms,
                sample.cpu_seconds,
                sample.memory_bytes,
                sample.processes,
                sample.disk_bytes,
                sample.rx_bytes,
                sample.tx_bytes,
            )
            for sample in report.samples
        ],
    )


def _number(attempt_id: str) -> int | None:
    try:
        return ids.decode(ids.ATTEMPT, attempt_id)
    except NotFound:
        return None


def worker_route(services: Services) -> HotRoute[wire.WorkerHeartbeatRequest, wire.WorkerHeartbeatAnswer]:
    """The hot route of workers."""
    return HotRoute(
        path="/api/v1/workers/{worker_id}/heartbeat",
        operation_id="heartbeat_worker",
        tag="workers",
        summary="Presence of a worker and all its leases; waits for directives if asked",
        description="A lease that is gone gets the directive `lost`, one whose task was cancelled `cancel`. "
        "409 `worker_name_taken`: a worker of that name is live on another host.",
        request=wire.WorkerHeartbeatRequest,
        answer=wire.WorkerHeartbeatAnswer,
        handler=WorkerCalls(services).beat,
        errors=(409,),
        example={"host": "builder-1", "pid": 4242, "capacity": 4, "modes": ["auto"], "wait_seconds": 20},
        large=True,
    )
