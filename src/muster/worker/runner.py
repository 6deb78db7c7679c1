"""One attempt: prepare, run, check, report."""

from __future__ import annotations

import asyncio
import errno
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, cast

from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.wire import ClaimedTask, ClaimRequest, CompleteRequest, FailRequest, FinishAnswer
from muster.domain.agent_task import is_agent_task
from muster.domain.errors import MusterError
from muster.sandboxes.sandbox import Driver, SandboxUnavailable
from muster.worker import workspace
from muster.worker.isolation import Isolation
from muster.worker.janitor import clear
from muster.worker.lease import Lease, Stop
from muster.worker.options import WorkerOptions
from muster.worker.outcome import Failed, Outcome, Stopped, Succeeded
from muster.worker.output import Output
from muster.worker.roster import Roster
from muster.worker.script_run import ScriptRun
from muster.worker.workspace import Workspace

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
LONGEST_WAIT: Final = 2_678_400.0
Following = Callable[[], ClaimRequest | None]


class Execution(Protocol):
    """How tasks of one sort are run."""

    async def run(self, lease: Lease, place: Workspace, driver: Driver, output: Output) -> Outcome:
        """From the claim to the outcome. MusterError when it cannot be run at all."""
        ...


class Runner:
    """Runs attempts in sandboxes: scripts by itself, agents by `agents`, where there are some."""

    def __init__(
        self,
        client: Client,
        isolation: Isolation,
        options: WorkerOptions,
        roster: Roster,
        agents: Execution | None = None,
    ) -> None:
        self._client = client
        self._isolation = isolation
        self._roster = roster
        self._options = options
        self._scripts: Execution = ScriptRun(options)
        self._agents = agents

    @property
    def folder(self) -> Path:
        """Where the attempts' folders are."""
        return self._options.state_dir / "attempts"

    async def run(self, lease: Lease, following: Following) -> FinishAnswer | None:
        """Run a claimed task to its end and report it. The answer is None when there was nothing to report.

        `following` is asked at the end which claim to make in the same call.
        """
        claim = lease.claim
        output = Output(self._client, claim.attempt_id, claim.token, self._options.output_limit_bytes)
        async with asyncio.TaskGroup() as group:
            group.create_task(output.send(lambda: lease.stop(Stop.LOST)))
            try:
                outcome = await self._attempt(lease, output)
            finally:
                output.finish()
        if lease.stopped is Stop.LOST:
            outcome = Stopped(why=Stop.LOST)
        return await self._report(lease, outcome, following)

    async def _attempt(self, lease: Lease, output: Output) -> Outcome:
        place = None
        if lease.stopped is not None:
            return Stopped(why=lease.stopped)
        try:
            driver = self._roster.watched(
                self._isolation.driver_for(lease.claim.requires), lease.claim.attempt_id
            )
            place = await asyncio.to_thread(workspace.create, self.folder, lease.claim.attempt_id)
            return await self._execution(lease.claim).run(lease, place, driver, output)
        except MusterError as refusal:
            if lease.stopped is not None:
                return Stopped(why=lease.stopped)
            return Failed(code=refusal.code, message=refusal.message)
        except Exception as error:
            log.exception("%s: the worker could not go on with it", lease.claim.attempt_id)
            if lease.stopped is not None:
                return Stopped(why=lease.stopped)
            return _fault(error)
        finally:
            if place is not None:
                await clear(place)

    def _execution(self, claim: ClaimedTask) -> Execution:
        if is_agent_task(claim.kind, claim.payload) and self._agents is not None:
            return self._agents
        return self._scripts

    async def _report(self, lease: Lease, outcome: Outcome, following: Following) -> FinishAnswer | None:
        """Tell the server; a lost connection is waited out, a refusal means that the attempt is not ours any more."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await self._send(lease.claim, outcome, following())
            except ApiError as error:
                if error.status < 500 and error.status != 429:
                    log.warning("%s: its end was refused: %s", lease.claim.attempt_id, error.message)
                    return None
            except (Unreachable, BadAnswer) as error:
                log.debug("%s: its end waits: %s", lease.claim.attempt_id, error.message)
            await asyncio.sleep(pause * (0.5 + random.random() / 2))
            if lease.stopped is Stop.LOST or lease.stopped is Stop.CANCEL:
                return None
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _send(
        self, claim: ClaimedTask, outcome: Outcome, following: ClaimRequest | None
    ) -> FinishAnswer | None:
        told: dict[str, Any] = {"token": claim.token, "sandbox": self._level(claim), "next": following}
        match outcome:
            case Succeeded(output=output, result=result, exit_code=exit_code, cost=cost):
                told |= {"output": output, "result": result, "exit_code": exit_code}
                request = CompleteRequest(**told, cost_usd=cost.usd, usage=cost.usage)
                return await self._client.complete(claim.attempt_id, request)
            case Failed(code=code, message=message, output=output, exit_code=exit_code, cost=cost):
                if outcome.resets_at is not None:
                    told["retry_after_seconds"] = _until(outcome.resets_at)
                told |= {"code": code, "message": message, "output": output, "exit_code": exit_code}
                request = FailRequest(**told, cost_usd=cost.usd, usage=cost.usage)
                return await self._client.fail(claim.attempt_id, request)
            case Stopped(why=Stop.RELEASE):
                message = "the worker shuts down"
                request = FailRequest(
                    token=claim.token, code="released", message=message, sandbox=self._level(claim)
                )
                return await self._client.fail(claim.attempt_id, request)
            case Stopped():
                return None

    def _level(self, claim: ClaimedTask) -> str | None:
        """The isolation level in force; None when the one demanded is not there and nothing ran."""
        try:
            return self._isolation.driver_for(claim.requires).level
        except SandboxUnavailable:
            return None


def _fault(error: Exception) -> Failed:
    """What went wrong first, without the groups it came in."""
    cause: BaseException = error
    while isinstance(cause, BaseExceptionGroup):
        cause = cast("BaseExceptionGroup[BaseException]", cause).exceptions[0]
    if isinstance(cause, MusterError):
        return Failed(code=cause.code, message=cause.message)
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failed(code="disk_full", message=str(cause))
    return Failed(code="worker_error", message=f"{type(cause).__name__}: {cause}"[:2_000])


def _until(moment: float) -> float:
    """Seconds from now, at most a month."""
    return min(max(moment - datetime.now(UTC).timestamp(), 0.0), LONGEST_WAIT)  # noqa: TID251 - the provider's word is wall-clock time
