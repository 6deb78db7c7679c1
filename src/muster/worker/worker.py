"""The worker: claims as many tasks as it has room for, runs them, keeps their leases, and ends in order."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Final

from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.wire import ClaimAnswer, ClaimedTask, ClaimRequest
from muster.worker.console import Consoles
from muster.worker.copy import bases_of
from muster.worker.heartbeat import Heartbeat, Words
from muster.worker.host_facts import Host
from muster.worker.isolation import Isolation
from muster.worker.janitor import prune_bases, sweep, sweep_forever
from muster.worker.lease import Lease, Leases, Stop
from muster.worker.options import WorkerOptions
from muster.worker.roster import Roster
from muster.worker.runner import Execution, Runner

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
FAREWELL_SECONDS: Final = 5.0


class Worker:
    """`run` returns when it has been drained. The drivers stay their owner's to close."""

    def __init__(
        self,
        client: Client,
        isolation: Isolation,
        options: WorkerOptions,
        agents: Execution | None = None,
        host: Host | None = None,
    ) -> None:
        self._client = client
        self._isolation = isolation
        self._options = options
        self._leases = Leases()
        self._roster = Roster()
        self._runner = Runner(client, isolation, options, self._roster, agents)
        words = Words(options, self._leases, isolation.usual.level, self._roster, host or Host())
        self._consoles = Consoles(client, self._roster.find)
        self._roster.on_closing(self._consoles.closing)
        self._heartbeat = Heartbeat(client, words, self._leases, self.drain, self._consoles.open)
        self._room = asyncio.Semaphore(options.capacity)
        self._places: set[asyncio.Task[None]] = set()
        self._draining = asyncio.Event()
        self._hurrying = asyncio.Event()

    @property
    def running(self) -> int:
        """Attempts in its hands."""
        return len(self._leases.all())

    def drain(self) -> None:
        """Claim no more; `run` returns when what runs has ended, at the latest after `drain_seconds`."""
        self._draining.set()

    def stop(self) -> None:
        """Claim no more and give back at once what runs."""
        self._draining.set()
        self._hurrying.set()

    async def run(self) -> None:
        """Work until drained. ApiError when the server refuses the worker or its claims for what they are.

        A server that is not there yet is waited for. Cancelling it ends all programs; their leases run out.
        """
        await sweep(self._runner.folder, self._isolation)
        if not await self._enter():
            return
        async with asyncio.TaskGroup() as background:
            pruning = asyncio.to_thread(prune_bases, self._runner.folder, bases_of(self._options))
            background.create_task(pruning)
            sampling = background.create_task(self._roster.run())
            sweeping = background.create_task(sweep_forever(self._runner.folder, self._isolation))
            consoles = background.create_task(self._consoles.run())
            heartbeat = background.create_task(self._heartbeat.run())
            async with asyncio.TaskGroup() as attempts:
                refusal = await self._claim_until_draining(attempts)
                hurry = background.create_task(self._give_back_late())
            hurry.cancel()
            heartbeat.cancel()
            consoles.cancel()
            sampling.cancel()
            sweeping.cancel()
        await self._heartbeat.leave()
        if refusal is not None:
            raise refusal

    async def _enter(self) -> bool:
        """Make itself known; False when it is to end before the server answered."""
        try:
            async with asyncio.TaskGroup() as group:
                entering = group.create_task(self._heartbeat.enter())
                draining = group.create_task(self._draining.wait())
                await asyncio.wait({entering, draining}, return_when=asyncio.FIRST_COMPLETED)
                entering.cancel()
                draining.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return not entering.cancelled()

    async def _claim_until_draining(self, attempts: asyncio.TaskGroup) -> ApiError | None:
        """Fill free places with tasks, until draining or refused."""
        async with asyncio.TaskGroup() as group:
            claiming = group.create_task(self._claim_forever(attempts))
            draining = group.create_task(self._draining.wait())
            await asyncio.wait({claiming, draining}, return_when=asyncio.FIRST_COMPLETED)
            self._draining.set()
            claiming.cancel()
        return None if claiming.cancelled() else claiming.result()

    async def _claim_forever(self, attempts: asyncio.TaskGroup) -> ApiError:
        pause = FIRST_PAUSE
        while True:
            await self._room.acquire()
            places = 1
            while not self._room.locked():
                await self._room.acquire()
                places += 1
            claims: list[ClaimedTask] = []
            try:
                answer = await self._client.claim(self._request(places, self._options.claim_wait_seconds))
                claims = answer.claims
                pause = FIRST_PAUSE
            except (Unreachable, BadAnswer, ApiError) as error:
                if isinstance(error, ApiError) and error.status < 500 and error.status != 429:
                    return error
                log.debug("no tasks: %s", error.message)
                await self._rest(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            finally:
                for _ in range(places - len(claims)):
                    self._room.release()
            for claim in claims:
                lease = self._leases.hold(claim)
                if self._draining.is_set():
                    lease.stop(Stop.RELEASE)
                task = attempts.create_task(self._occupy(lease))
                self._places.add(task)
                task.add_done_callback(self._places.discard)

    async def _rest(self, seconds: float) -> None:
        await asyncio.sleep(seconds * (0.5 + random.random() / 2))

    async def _occupy(self, lease: Lease) -> None:
        """Run one task after another in one place, as long as each end brings the next."""
        try:
            following: Lease | None = lease
            while following is not None:
                following = await self._run_one(following)
        finally:
            self._room.release()

    async def _run_one(self, lease: Lease) -> Lease | None:
        try:
            answer = await self._runner.run(lease, self._following)
        finally:
            self._leases.drop(lease)
        claims = (answer.next or ClaimAnswer(claims=[])).claims if answer is not None else []
        return self._leases.hold(claims[0]) if claims else None

    def _following(self) -> ClaimRequest | None:
        return None if self._draining.is_set() else self._request(1, 0)

    async def _give_back_late(self) -> None:
        """When draining takes too long, give back what still runs; do not wait for a server that is gone."""
        try:
            async with asyncio.timeout(self._options.drain_seconds):
                await self._hurrying.wait()
        except TimeoutError:
            log.warning("%d attempts did not end in time and are given back", self.running)
        for lease in self._leases.all():
            lease.stop(Stop.RELEASE)
        await asyncio.sleep(self._options.grace_seconds + FAREWELL_SECONDS)
        for place in list(self._places):
            place.cancel()

    def _request(self, places: int, wait_seconds: float) -> ClaimRequest:
        options = self._options
        return ClaimRequest(
            agent_id=options.agent_id,
            agent_name=options.agent_name,
            worker_id=options.worker_id,
            queues=None if options.queues is None else list(options.queues),
            projects=None if options.projects is None else list(options.projects),
            modes=list(options.modes),
            kinds=list(options.kinds),
            capabilities=list(options.capabilities),
            max_tasks=min(places, 100),
            wait_seconds=wait_seconds,
        )
