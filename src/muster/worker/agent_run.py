"""One attempt of an agent: a working copy, a sandbox, a conversation, a judgement, a branch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from muster.agents.adapter import AgentSpec, Answer, Verdict
from muster.client.client import Client
from muster.client.errors import ApiError
from muster.client.wire import ClaimedTask, Directive
from muster.client.wire_runs import RunRequest
from muster.domain.prompt import Prompt, check_failed
from muster.domain.transcript import Entry, Message, SessionStarted, UsageReport
from muster.sandboxes.sandbox import Driver, OnOutput, Sandbox, SandboxSpec
from muster.worker.agent_host import AgentHost
from muster.worker.agent_plan import Plan, make_plan, readable_for
from muster.worker.agent_process import AgentProcess
from muster.worker.clock import Clock
from muster.worker.copy import WorkingCopy, open_copy
from muster.worker.desk import Desk
from muster.worker.environment import task_environment
from muster.worker.keeping import Kept, keep_work, tell_changes
from muster.worker.lease import Lease, Stop
from muster.worker.options import WorkerOptions, interpreter_folders
from muster.worker.outcome import Cost, Failed, Outcome, Stopped, Succeeded, explain_exit
from muster.worker.output import Output
from muster.worker.result import MAX_OUTPUT_CHARS, Problem, ResultFile, missing_files, structured
from muster.worker.script_run import merged_limits
from muster.worker.transcript import Transcript
from muster.worker.workspace import Workspace

log = logging.getLogger(__name__)

GRACE_SECONDS: Final = 0.3
CHECK_OUTPUT: Final = 8_000
KEEP_SECONDS: Final = 120.0


@dataclass(slots=True, kw_only=True)
class Engagement:
    """An attempt under way: what is known of it and what it has come to so far."""

    lease: Lease
    plan: Plan
    place: Workspace
    driver: Driver
    copy: WorkingCopy
    home: Path
    output: Output
    transcript: Transcript
    clock: Clock
    desk: Desk
    ports: tuple[int, int]
    cycles: int = 0
    problem: Problem | None = None
    described: RunRequest | None = None
    process: AgentProcess | None = None
    following: list[str] = field(default_factory=list[str])
    """What people said; the agent is told at its next turn."""
    spoken: asyncio.Event = field(default_factory=asyncio.Event)
    interrupted: bool = False

    @property
    def claim(self) -> ClaimedTask:
        return self.lease.claim


class AgentRun:
    """Runs agents in sandboxes."""

    def __init__(self, client: Client, options: WorkerOptions, host: AgentHost) -> None:
        self._client = client
        self._options = options
        self._host = host
        self._slots: set[int] = set()

    async def run(self, lease: Lease, place: Workspace, driver: Driver, output: Output) -> Outcome:
        """From the claim to the outcome. MusterError when it cannot be run at all."""
        claim = lease.claim
        plan = await make_plan(self._client, claim, self._host)
        copy = await open_copy(plan, place, self._options)
        transcript = Transcript(self._client, claim.attempt_id, claim.token)
        slot = min(set(range(len(self._slots) + 1)) - self._slots)
        self._slots.add(slot)
        clock = Clock(claim.timeout_seconds)
        engagement = Engagement(
            lease=lease,
            plan=plan,
            place=place,
            driver=driver,
            copy=copy,
            home=self._home(plan),
            output=output,
            transcript=transcript,
            clock=clock,
            desk=Desk(
                self._client,
                claim,
                clock,
                plan.task.answer_seconds,
                lambda key, answer: deliver(engagement, key, answer),
            ),
            ports=(self._host.port_base + slot * self._host.ports_each, self._host.ports_each),
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(transcript.send(lambda: lease.stop(Stop.LOST)))
                asking = group.create_task(engagement.desk.run())
                lease.on_word(lambda word: hear(engagement, word))
                try:
                    return await self._work(engagement)
                finally:
                    lease.on_word(None)
                    asking.cancel()
                    transcript.finish()
        finally:
            self._slots.discard(slot)

    def _home(self, plan: Plan) -> Path:
        home = self._host.homes / (plan.task.resume or plan.claim.task_id)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return home.resolve()

    async def _work(self, engagement: Engagement) -> Outcome:
        plan, copy = engagement.plan, engagement.copy
        prompt = plan.prompt(copy.tree)
        await self._describe(
            engagement,
            RunRequest(
                token=plan.claim.token,
                agent=plan.adapter.profile.name,
                model=plan.task.model or "",
                branch=copy.branch,
                base_commit=copy.base_commit,
                workspace=str(copy.tree),
            ),
        )
        engagement.transcript.add(_sent(prompt))
        if plan.task.setup:
            await self._aside(engagement, plan.task.setup, "setup")
        verdict = await self._converse(engagement, prompt)
        if plan.task.cleanup:
            await self._aside(engagement, plan.task.cleanup, "cleanup")
        kept = await self._keep(engagement)
        return self._judge(engagement, verdict, kept)

    async def _keep(self, engagement: Engagement) -> Kept:
        """Nothing an agent did is lost, however its attempt ended."""
        checkout, claim = engagement.copy.checkout, engagement.claim
        if checkout is None:
            return Kept()

        async def run_inside(argv: Sequence[str]) -> None:
            spec = self._sandbox_spec(engagement, network=False)
            sandbox = await engagement.driver.open(replace(spec, name=f"{spec.name}-keep"))
            try:
                await sandbox.exec(argv, env={}, on_output=_ignore, timeout=KEEP_SECONDS)
            finally:
                await sandbox.close()

        kept = await keep_work(
            checkout,
            claim,
            owns=engagement.plan.task.owns,
            scratch=engagement.place.box,
            identity=engagement.copy.identity,
            run_inside=run_inside,
        )
        await self._describe(
            engagement,
            RunRequest(token=claim.token, head_commit=kept.commit or checkout.base_commit),
        )
        if kept.changes:
            await tell_changes(self._client, claim, checkout, kept)
        return kept

    async def _converse(self, engagement: Engagement, prompt: Prompt) -> Verdict:
        """The agent's turns: of one process where it takes follow-ups, else of one process each."""
        plan = engagement.plan
        spec = plan.spec(prompt, engagement.copy.tree, engagement.home, self._options.python, None)
        while True:
            verdict = await self._one_process(engagement, spec)
            if spec_ends(plan, verdict) or engagement.lease.stopped is not None:
                return verdict
            following = await self._after_turn(engagement)
            if following is None:
                return verdict
            spec = replace(spec, prompt=following, session=verdict.session, fork=False)

    async def _one_process(self, engagement: Engagement, spec: AgentSpec) -> Verdict:
        adapter = engagement.plan.adapter
        command = adapter.command(spec)
        for path, text in command.files.items():
            await asyncio.to_thread(_write_private, path, text)
        sandbox = await engagement.driver.open(
            self._sandbox_spec(engagement, network=self._network(engagement))
        )
        process = AgentProcess(
            sandbox,
            command,
            adapter.converse(spec),
            engagement.output,
            engagement.clock,
            lambda entries: self._on_entries(engagement, entries),
            engagement.desk.ask,
        )
        engagement.process = process
        engagement.lease.on_stop(lambda: process.stop("cancelled"))
        try:
            env = {**self._environment(engagement), **spec.env}
            return await process.run(env, lambda: self._after_turn(engagement))
        finally:
            engagement.process = None
            engagement.lease.on_stop(_nothing)
            await sandbox.close()

    def _network(self, engagement: Engagement) -> bool:
        return engagement.claim.network or self._host.network

    def _environment(self, engagement: Engagement) -> Mapping[str, str]:
        first, count = engagement.ports
        return {
            **self._host.environment,
            **task_environment(engagement.claim, engagement.place.result_file),
            "MUSTER_PORT_BASE": str(first),
            "MUSTER_PORT_COUNT": str(count),
        }

    def _sandbox_spec(self, engagement: Engagement, *, network: bool) -> SandboxSpec:
        plan, copy = engagement.plan, engagement.copy
        return SandboxSpec(
            name=engagement.place.tag,
            working_dir=copy.tree,
            scratch=engagement.place.box,
            readable=(
                *interpreter_folders(self._options.python),
                *self._options.readable,
                *readable_for(plan, self._host),
                *copy.readable,
            ),
            writable=(engagement.home,),
            hidden=self._options.hidden,
            network=network,
            limits=merged_limits(self._options.limits, plan.task.limits),
            grace_seconds=GRACE_SECONDS,
        )

    async def _after_turn(self, engagement: Engagement) -> str | None:
        """What to tell the agent next: what people said, or that the check failed, while it may still mend it."""
        if engagement.interrupted and not engagement.following:
            # Whoever stopped it has something to say; the attempt's clock goes on.
            engagement.spoken.clear()
            await engagement.spoken.wait()
        engagement.interrupted = False
        if engagement.following and engagement.lease.stopped is None:
            text = engagement.following.pop(0)
            engagement.transcript.add([Message(text, role="user")])
            return text
        command = engagement.claim.acceptance_command
        if not command or engagement.lease.stopped is not None:
            return None
        status, said = await self._aside(engagement, command, "acceptance")
        if status is None:
            engagement.problem = None
            return None
        engagement.problem = Problem("acceptance_failed", f"the acceptance command failed, {status}")
        if engagement.cycles >= engagement.claim.max_test_fix_cycles:
            return None
        engagement.cycles += 1
        text = check_failed(command, said[-CHECK_OUTPUT:])
        engagement.transcript.add([Message(text, role="user")])
        return text

    async def _aside(self, engagement: Engagement, command: str, what: str) -> tuple[str | None, str]:
        """Run a command of the task's in a sandbox of its own beside the agent's; what went wrong, and what it said."""
        engagement.output.say(f"{what}: {command[:1000]}")
        said = bytearray()

        def hear(stream: Literal["stdout", "stderr"], data: bytes) -> None:
            engagement.output.feed(stream, data)
            said.extend(data)

        spec = self._sandbox_spec(engagement, network=engagement.claim.network)
        sandbox = await engagement.driver.open(replace(spec, name=f"{spec.name}-{what}"))
        try:
            status = await self._exec(sandbox, engagement, command, hear)
        finally:
            await sandbox.close()
        return status, said.decode("utf-8", "replace")

    async def _exec(
        self, sandbox: Sandbox, engagement: Engagement, command: str, hear: OnOutput
    ) -> str | None:
        timeout = engagement.claim.timeout_seconds
        status = await sandbox.exec(
            ["bash", "-c", command],
            env=self._environment(engagement),
            on_output=hear,
            timeout=timeout,
        )
        if status.ok:
            return None
        return explain_exit(status, timeout, engagement.output.stderr.text())[1]

    def _on_entries(self, engagement: Engagement, entries: list[Entry]) -> None:
        engagement.transcript.add(entries)
        for entry in entries:
            if isinstance(entry, (SessionStarted, UsageReport)):
                _note(engagement, entry)

    async def _describe(self, engagement: Engagement, request: RunRequest) -> None:
        try:
            await self._client.describe_run(engagement.claim.attempt_id, request)
        except ApiError as error:
            if error.fenced:
                engagement.lease.stop(Stop.LOST)
            else:
                log.warning("%s: its run was not described: %s", engagement.claim.attempt_id, error.message)

    def _judge(self, engagement: Engagement, verdict: Verdict, kept: Kept) -> Outcome:
        if engagement.lease.stopped is not None:
            return Stopped(why=engagement.lease.stopped)
        cost = Cost(usd=verdict.cost_usd or 0.0)
        text = verdict.text[-MAX_OUTPUT_CHARS:]
        if not verdict.ok:
            return Failed(code=verdict.code, message=verdict.message, output=text, cost=cost)
        problem, result = engagement.problem, None
        if problem is None and engagement.claim.output_schema is not None:
            found = structured(ResultFile(), verdict.text, engagement.claim.output_schema)
            problem = found if isinstance(found, Problem) else None
            result = None if isinstance(found, Problem) else found
        if problem is None and kept.outside:
            problem = Problem("outside_ownership", f"changed without owning: {', '.join(kept.outside[:20])}")
        missing = missing_files(engagement.claim.required_files, engagement.copy.tree)
        if problem is None and missing:
            problem = Problem("missing_files", f"not there afterwards: {', '.join(missing)}")
        if problem is not None:
            return Failed(code=problem.code, message=problem.message, output=text, cost=cost)
        return Succeeded(output=text, result=result, exit_code=0, cost=cost)


def deliver(engagement: Engagement, key: str, answer: Answer) -> None:
    """Hand an answer to the agent, if it is still there."""
    if engagement.process is not None:
        engagement.process.answer(key, answer)


def hear(engagement: Engagement, word: Directive) -> bool:
    """Take a person's word; whether it reached the agent, or will at its next turn."""
    process = engagement.process
    match word.kind:
        case "answer":
            engagement.desk.hear(word)
        case "say":
            engagement.following.append(word.text)
            engagement.spoken.set()
        case "interrupt" if process is not None:
            engagement.interrupted = True
            process.interrupt()
        case _:
            return False
    return True


def spec_ends(plan: Plan, verdict: Verdict) -> bool:
    """Whether there is no next process: the agent takes its follow-ups while it runs, or it cannot go on, or it failed."""
    profile = plan.adapter.profile
    return profile.follow_ups or not profile.resumes or not verdict.ok or verdict.session is None


def _ignore(_stream: str, _data: bytes) -> None:
    """Nobody needs to know what it says."""


def _nothing() -> None:
    """Nothing runs that could be stopped."""


def _sent(prompt: Prompt) -> list[Entry]:
    system: list[Entry] = [Message(prompt.system, role="system")] if prompt.system else []
    return [*system, Message(prompt.user, role="user")]


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def _note(engagement: Engagement, entry: SessionStarted | UsageReport) -> None:
    """Keep what the run is described by: it is sent with the next description."""
    known = engagement.described or RunRequest(token=engagement.claim.token)
    match entry:
        case SessionStarted():
            known.session, known.model = entry.session, entry.model or known.model
        case UsageReport():
            known.context_used = entry.context_used or known.context_used
            known.context_window = entry.context_window or known.context_window
    engagement.described = known
