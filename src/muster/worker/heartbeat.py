"""Keeps the leases of a worker alive, and hears what the server wants of it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Final

from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.wire import Directive, WorkerHeartbeatAnswer, WorkerHeartbeatRequest
from muster.client.wire import Lease as WireLease
from muster.worker.host_facts import Host
from muster.worker.lease import Lease, Leases, Stop
from muster.worker.options import WorkerOptions
from muster.worker.roster import Roster

log = logging.getLogger(__name__)

COVER_SECONDS: Final = 0.25
"""A lease older than this is in the call under way, so that a cancel of it is heard at once."""
SHORTEST_SECONDS: Final = 0.5
"""Between calls, whatever the server answers."""
BUSY_SECONDS: Final = 5.0
"""Between calls while sandboxes are open, whose use of the host is told."""
MOST_WORDS: Final = 100
STOPS: Final = frozenset(Stop)
OVER: Final = frozenset({Stop.CANCEL, Stop.LOST})
"""The server has ended these: it would say so again at once, and what it has to say next would wait for `SHORTEST_SECONDS`."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0


class Words:
    """What a worker says of itself with each heartbeat."""

    def __init__(
        self, options: WorkerOptions, leases: Leases, level: str, roster: Roster, host: Host
    ) -> None:
        self.options = options
        self._leases = leases
        self._level = level
        self._roster = roster
        self._host = host

    async def request(self, *, starting: bool = False, leaving: bool = False) -> WorkerHeartbeatRequest:
        """The next heartbeat."""
        options = self.options
        facts = None if leaving else await self._host.facts()
        leases = [lease for lease in self._leases.all() if lease.stopped not in OVER]
        shortest = min((lease.claim.lease_seconds for lease in leases), default=options.heartbeat_seconds * 3)
        sandboxes = self._roster.reports()
        wait = min(options.heartbeat_seconds, shortest / 3, BUSY_SECONDS if sandboxes else shortest)
        return WorkerHeartbeatRequest(
            leases=[
                WireLease(
                    attempt_id=lease.claim.attempt_id,
                    token=lease.claim.token,
                    delivered=lease.delivered[:MOST_WORDS],
                )
                for lease in leases
            ],
            host=options.host,
            pid=os.getpid(),
            version=options.version,
            capacity=options.capacity,
            modes=list(options.modes),
            queues=None if options.queues is None else list(options.queues),
            kinds=list(options.kinds),
            capabilities=list(options.capabilities),
            sandbox=self._level,
            wait_seconds=0 if leaving or starting else max(wait, 0.1),
            starting=starting,
            leaving=leaving,
            facts=facts,
            sandboxes=sandboxes,
        )

    def told(self, request: WorkerHeartbeatRequest) -> None:
        """The server has heard this one."""
        self._roster.told(request.sandboxes or [])


class Heartbeat:
    """One long-polled call after another; a new lease that lasts restarts the one under way."""

    def __init__(
        self,
        client: Client,
        words: Words,
        leases: Leases,
        on_drain: Callable[[], None],
        on_console: Callable[[Directive], bool],
    ) -> None:
        """`on_console` opens a console in the sandbox of a lease, and says whether it is a new one."""
        self._client = client
        self._words = words
        self._worker_id = words.options.worker_id
        self._leases = leases
        self._on_drain = on_drain
        self._on_console = on_console
        self._changed = asyncio.Event()
        self._covered: set[str] = set()
        leases.on_held(self._held)

    def _held(self, lease: Lease) -> None:
        asyncio.get_running_loop().call_later(COVER_SECONDS, self._cover, lease.claim.attempt_id)

    def _cover(self, attempt_id: str) -> None:
        if self._leases.get(attempt_id) is not None and attempt_id not in self._covered:
            self._changed.set()

    async def enter(self) -> None:
        """Make the worker known before its first claim; waits for a server that is not there.

        What an earlier life of it was running is over. ApiError when the server does not want it.
        """
        pause, told = FIRST_PAUSE, False
        while True:
            try:
                answer = await self._client.worker_heartbeat(
                    self._worker_id, await self._words.request(starting=True)
                )
                break
            except (Unreachable, BadAnswer, ApiError) as error:
                if isinstance(error, ApiError) and error.status < 500 and error.status != 429:
                    raise
                if not told:
                    log.warning("%s Waiting for it.", error.message)
                told = True
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        if answer.disowned:
            log.warning(
                "%d attempts were running when this worker last ended; their tasks are tried again",
                answer.disowned,
            )

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while True:
            self._changed.clear()
            begun = loop.time()
            try:
                answer = await self._call()
            except (Unreachable, BadAnswer, ApiError) as error:
                log.debug("heartbeat: %s", error.message)
                await self._rest(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            if answer is not None and not self._obey(answer.directives):
                await self._rest(SHORTEST_SECONDS - (loop.time() - begun))

    async def _call(self) -> WorkerHeartbeatAnswer | None:
        """One call; None when a new lease interrupted it."""
        request = await self._words.request()
        self._covered = {lease.attempt_id for lease in request.leases}
        told = {lease.attempt_id: lease.delivered for lease in request.leases}
        try:
            async with asyncio.TaskGroup() as group:
                call = group.create_task(self._client.worker_heartbeat(self._worker_id, request))
                change = group.create_task(self._changed.wait())
                await asyncio.wait({call, change}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
                if not call.done():
                    call.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        if call.cancelled():
            return None
        self._words.told(request)
        for lease in self._leases.all():
            known = told.get(lease.claim.attempt_id, ())
            lease.delivered = [word for word in lease.delivered if word not in known]
        return call.result()

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._changed.wait()
        except TimeoutError:
            return

    def _obey(self, directives: list[Directive]) -> bool:
        """Carry out what the server wants; whether there was anything new."""
        obeyed = False
        for directive in directives:
            lease = self._leases.get(directive.attempt_id)
            if directive.kind == "drain":
                self._on_drain()
            elif lease is not None and directive.kind == "console":
                obeyed = self._on_console(directive) or obeyed
            elif lease is not None and directive.kind not in STOPS:
                obeyed = lease.tell(directive) or obeyed
            elif lease is not None and lease.stopped is None:
                log.debug(
                    "%s: %s (%s)", directive.attempt_id, directive.kind, directive.reason or "no reason given"
                )
                lease.stop(Stop(directive.kind))
                obeyed = True
        return obeyed

    async def leave(self) -> None:
        """Say goodbye; it does no harm when nobody hears it."""
        try:
            await self._client.worker_heartbeat(self._worker_id, await self._words.request(leaving=True))
        except (Unreachable, BadAnswer, ApiError) as error:
            log.debug("goodbye: %s", error.message)
