"""One attempt: prepare, run, check, report."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from muster.agents.script import BadPayload, ScriptCommand, ScriptMissing, ScriptPlace, script_command
from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.wire import ClaimedTask, ClaimRequest, CompleteRequest, FailRequest, FinishAnswer
from muster.sandboxes.sandbox import MB, Driver, Limits, Sandbox, SandboxError, SandboxSpec, WorkdirMissing
from muster.sandboxes.workdir import usable_working_dir
from muster.worker import workspace
from muster.worker.environment import task_environment
from muster.worker.lease import Lease, Stop
from muster.worker.options import WorkerOptions, interpreter_folders
from muster.worker.outcome import Cost, Failed, Outcome, Stopped, Succeeded, explain_exit
from muster.worker.output import Output
from muster.worker.result import (
    MAX_OUTPUT_CHARS,
    Problem,
    ResultFile,
    missing_files,
    read_result_file,
    structured,
)
from muster.worker.workspace import Workspace

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
Following = Callable[[], ClaimRequest | None]
REFUSALS: Final = (BadPayload, ScriptMissing, WorkdirMissing, SandboxError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything an attempt needs to start."""

    claim: ClaimedTask
    place: Workspace
    working_dir: Path
    command: ScriptCommand
    sandbox: Sandbox

    @property
    def env(self) -> Mapping[str, str]:
        """The task's own variables cannot replace those that say which task it is."""
        return {**self.command.env, **task_environment(self.claim, self.place.result_file)}


class Runner:
    """Runs attempts in sandboxes of one driver."""

    def __init__(self, client: Client, driver: Driver, options: WorkerOptions) -> None:
        self._client = client
        self._driver = driver
        self._options = options
        self._readable = (*interpreter_folders(options.python), *options.readable, *options.script_dirs)

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
        try:
            place = await asyncio.to_thread(workspace.create, self.folder, lease.claim.attempt_id)
            prepared = await self._prepare(lease.claim, place)
            try:
                lease.on_stop(prepared.sandbox.kill)
                return await self._execute(lease, prepared, output)
            finally:
                await prepared.sandbox.close()
        except REFUSALS as refusal:
            if lease.stopped is not None:
                return Stopped(why=lease.stopped)
            return Failed(code=refusal.code, message=refusal.message)
        finally:
            if place is not None:
                await self._clear(place)

    async def _prepare(self, claim: ClaimedTask, place: Workspace) -> Prepared:
        working_dir = self._working_dir(claim, place)
        where = ScriptPlace(
            working_dir=working_dir,
            folder=place.box,
            script_dirs=[path.resolve() for path in self._options.script_dirs],
            python=self._options.python,
        )
        command = script_command(claim.kind, claim.payload, where)
        if command.script is not None and not command.script.is_file():
            raise ScriptMissing(path=command.script, problem="is not there or is not a file")
        await asyncio.to_thread(place.write, command.write)
        sandbox = await self._driver.open(
            SandboxSpec(
                name=place.tag,
                working_dir=working_dir,
                scratch=place.box,
                readable=self._readable,
                hidden=self._options.hidden,
                network=claim.network,
                limits=_limits(self._options.limits, command.limits),
                grace_seconds=self._options.grace_seconds,
            )
        )
        return Prepared(claim=claim, place=place, working_dir=working_dir, command=command, sandbox=sandbox)

    def _working_dir(self, claim: ClaimedTask, place: Workspace) -> Path:
        if not claim.working_dir:
            return usable_working_dir(place.work)
        working_dir = usable_working_dir(Path(claim.working_dir))
        if any(working_dir.is_relative_to(hidden.resolve()) for hidden in self._options.hidden):
            raise WorkdirMissing(path=claim.working_dir, problem="holds the data of muster itself")
        return working_dir

    async def _execute(self, lease: Lease, prepared: Prepared, output: Output) -> Outcome:
        """Run the program, then see whether what it left is what was asked for."""
        timeout = prepared.claim.timeout_seconds
        status = await prepared.sandbox.exec(
            prepared.command.argv,
            env=prepared.env,
            on_output=output.feed,
            stdin=prepared.command.stdin,
            timeout=timeout,
        )
        file = read_result_file(prepared.place.result_file)
        stdout = output.stdout.text()
        text = file.output if isinstance(file, ResultFile) and file.output is not None else stdout
        text = text[-MAX_OUTPUT_CHARS:]
        cost = Cost(usd=file.cost_usd, usage=file.tokens) if isinstance(file, ResultFile) else Cost()
        failed = Failed(code="", message="", output=text, exit_code=status.code, cost=cost)
        if lease.stopped is not None:
            return Stopped(why=lease.stopped)
        if not status.ok:
            code, message = explain_exit(status, timeout, output.stderr.text())
            return replace(failed, code=code, message=message)
        problem, result = _check(prepared, file, stdout)
        problem = problem or await self._accept(prepared, output)
        if lease.stopped is not None:
            return Stopped(why=lease.stopped)
        if problem is not None:
            return replace(failed, code=problem.code, message=problem.message)
        return Succeeded(output=text, result=result, exit_code=status.code, cost=cost)

    async def _accept(self, prepared: Prepared, output: Output) -> Problem | None:
        """Run the acceptance command, if there is one, in the same sandbox."""
        command = prepared.claim.acceptance_command
        if not command:
            return None
        output.say(f"acceptance: {command[:1000]}")
        timeout = prepared.claim.timeout_seconds
        status = await prepared.sandbox.exec(
            ["bash", "-c", command], env=prepared.env, on_output=output.feed, timeout=timeout
        )
        if status.ok:
            return None
        _, message = explain_exit(status, timeout, output.stderr.text())
        return Problem("acceptance_failed", f"the acceptance command failed, {message}")

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
        told: dict[str, Any] = {"token": claim.token, "sandbox": self._driver.level, "next": following}
        match outcome:
            case Succeeded(output=output, result=result, exit_code=exit_code, cost=cost):
                told |= {"output": output, "result": result, "exit_code": exit_code}
                request = CompleteRequest(**told, cost_usd=cost.usd, usage=cost.usage)
                return await self._client.complete(claim.attempt_id, request)
            case Failed(code=code, message=message, output=output, exit_code=exit_code, cost=cost):
                told |= {"code": code, "message": message, "output": output, "exit_code": exit_code}
                request = FailRequest(**told, cost_usd=cost.usd, usage=cost.usage)
                return await self._client.fail(claim.attempt_id, request)
            case Stopped(why=Stop.RELEASE):
                message = "the worker shuts down"
                request = FailRequest(
                    token=claim.token, code="released", message=message, sandbox=self._driver.level
                )
                return await self._client.fail(claim.attempt_id, request)
            case Stopped():
                return None

    async def _clear(self, place: Workspace) -> None:
        try:
            await asyncio.to_thread(place.remove)
        except OSError as error:
            log.warning("%s: its folder stays until the next start: %s", place.name, error)


def _check(
    prepared: Prepared, file: ResultFile | Problem, stdout: str
) -> tuple[Problem | None, dict[str, Any] | None]:
    """The result against the schema, and the files that must be there."""
    if isinstance(file, Problem):
        return file, None
    result = file.result
    if prepared.claim.output_schema is not None:
        found = structured(file, stdout, prepared.claim.output_schema)
        if isinstance(found, Problem):
            return found, None
        result = found
    missing = missing_files(prepared.claim.required_files, prepared.working_dir)
    if missing:
        return Problem("missing_files", f"not there afterwards: {', '.join(missing)}"), result
    return None, result


def _limits(usual: Limits, wanted: Mapping[str, int]) -> Limits:
    """The worker's limits with those the task names in their place."""
    changes: dict[str, int] = {}
    for name, value in wanted.items():
        if name.endswith("_mb"):
            changes[name.removesuffix("_mb") + "_bytes"] = value * MB
        else:
            changes[name] = value
    return replace(usual, **changes)
