"""One attempt of a script or command: prepare, run, check."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from muster.agents.script import ScriptCommand, ScriptMissing, ScriptPlace, script_command
from muster.client.wire import ClaimedTask
from muster.sandboxes.sandbox import MB, Driver, Limits, Sandbox, SandboxSpec, WorkdirMissing
from muster.sandboxes.workdir import usable_working_dir
from muster.worker.doors import Egress, behind, readable
from muster.worker.environment import task_environment
from muster.worker.lease import Lease
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

PROXY_PORT: Final = 3128
"""Of the way to allowed hosts. The sandbox has a loopback of its own then, so the port is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything an attempt needs to start."""

    claim: ClaimedTask
    place: Workspace
    working_dir: Path
    command: ScriptCommand
    egress: Egress

    @property
    def env(self) -> Mapping[str, str]:
        """The task's own variables cannot replace those that say which task it is and how it reaches hosts."""
        own = task_environment(self.claim, self.place.result_file)
        return {**self.command.env, **self.egress.environment, **own}


class ScriptRun:
    """Runs scripts and commands in sandboxes."""

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self._readable = (*interpreter_folders(options.python), *options.readable, *options.script_dirs)

    async def run(self, lease: Lease, place: Workspace, driver: Driver, output: Output) -> Outcome:
        """From the claim to the outcome. MusterError when it cannot be run at all."""
        prepared = await self._prepare(lease.claim, place)
        async with AsyncExitStack() as stack:
            egress = prepared.egress
            if egress.hosts:
                await stack.enter_async_context(
                    egress.listening(lambda words: output.say(f"network: {words}"))
                )
            sandbox = await driver.open(self._spec(prepared))
            stack.push_async_callback(sandbox.close)
            lease.on_stop(sandbox.kill)
            return await self._execute(lease, prepared, sandbox, output)

    async def _prepare(self, claim: ClaimedTask, place: Workspace) -> Prepared:
        working_dir = chosen_working_dir(claim, place, self._options)
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
        egress = Egress(command.allow_hosts, PROXY_PORT, place.root / "doors" / "egress.sock")
        return Prepared(claim=claim, place=place, working_dir=working_dir, command=command, egress=egress)

    def _spec(self, prepared: Prepared) -> SandboxSpec:
        egress = prepared.egress
        return SandboxSpec(
            name=prepared.place.tag,
            working_dir=prepared.working_dir,
            scratch=prepared.place.box,
            readable=(*self._readable, *readable(egress.doors)),
            hidden=self._options.hidden,
            network=prepared.claim.network and not egress.hosts,
            traffic=egress.moved if egress.hosts else None,
            limits=merged_limits(self._options.limits, prepared.command.limits),
            grace_seconds=self._options.grace_seconds,
        )

    async def _execute(self, lease: Lease, prepared: Prepared, sandbox: Sandbox, output: Output) -> Outcome:
        """Run the program, then see whether what it left is what was asked for."""
        timeout = prepared.claim.timeout_seconds
        status = await sandbox.exec(
            self._behind(prepared, prepared.command.argv),
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
        problem, result = check_result(prepared, file, stdout)
        problem = problem or await self._accept(prepared, sandbox, output)
        if lease.stopped is not None:
            return Stopped(why=lease.stopped)
        if problem is not None:
            return replace(failed, code=problem.code, message=problem.message)
        return Succeeded(output=text, result=result, exit_code=status.code, cost=cost)

    def _behind(self, prepared: Prepared, argv: Sequence[str]) -> Sequence[str]:
        return behind(prepared.egress.doors, argv, self._options.python)

    async def _accept(self, prepared: Prepared, sandbox: Sandbox, output: Output) -> Problem | None:
        """Run the acceptance command, if there is one, in the same sandbox."""
        command = prepared.claim.acceptance_command
        if not command:
            return None
        output.say(f"acceptance: {command[:1000]}")
        timeout = prepared.claim.timeout_seconds
        status = await sandbox.exec(
            self._behind(prepared, ["bash", "-c", command]),
            env=prepared.env,
            on_output=output.feed,
            timeout=timeout,
        )
        if status.ok:
            return None
        _, message = explain_exit(status, timeout, output.stderr.text())
        return Problem("acceptance_failed", f"the acceptance command failed, {message}")


def chosen_working_dir(claim: ClaimedTask, place: Workspace, options: WorkerOptions) -> Path:
    """The task's working directory, or an empty one of its own. WorkdirMissing when it cannot be used."""
    if not claim.working_dir:
        return usable_working_dir(place.work)
    working_dir = usable_working_dir(Path(claim.working_dir))
    if any(working_dir.is_relative_to(hidden.resolve()) for hidden in options.hidden):
        raise WorkdirMissing(path=claim.working_dir, problem="holds the data of muster itself")
    return working_dir


def check_result(
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


def merged_limits(usual: Limits, wanted: Mapping[str, int]) -> Limits:
    """The worker's limits with those the task names in their place."""
    changes: dict[str, int] = {}
    for name, value in wanted.items():
        if name.endswith("_mb"):
            changes[name.removesuffix("_mb") + "_bytes"] = value * MB
        else:
            changes[name] = value
    return replace(usual, **changes)
