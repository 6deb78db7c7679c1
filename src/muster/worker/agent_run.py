"""One attempt of an agent: a working copy, a sandbox, a conversation, a judgement, a branch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from muster.agents.adapter import AgentSpec, Verdict
from muster.client.client import Client
from muster.domain.errors import MusterError
from muster.domain.prompt import Prompt, check_failed
from muster.domain.transcript import Entry, Message
from muster.sandboxes.sandbox import Driver, OnOutput, Sandbox, SandboxSpec
from muster.vcs.git import GitError
from muster.vcs.rescue import forget_record
from muster.worker.agent_host import AgentHost
from muster.worker.agent_plan import QUOTA, Plan, make_plan, path_for, readable_for
from muster.worker.agent_process import AgentProcess
from muster.worker.copy import bases_of, open_copy
from muster.worker.doors import behind, readable
from muster.worker.engagement import Engagement, reported
from muster.worker.environment import task_environment
from muster.worker.keeping import Kept, compare, keep_work, tell_changes
from muster.worker.lease import Lease
from muster.worker.options import WorkerOptions, interpreter_folders
from muster.worker.outcome import Failed, Outcome, Stopped, Succeeded, explain_exit
from muster.worker.output import Output
from muster.worker.ports import PortRanges
from muster.worker.result import MAX_OUTPUT_CHARS, Problem, ResultFile, missing_files, structured
from muster.worker.script_run import merged_limits
from muster.worker.shipping import Route, find_route, ship
from muster.worker.workspace import Workspace

GRACE_SECONDS: Final = 0.3
CHECK_OUTPUT: Final = 8_000
_WINDOWS: Final = frozenset({QUOTA, "rate_limited"})
KEEP_SECONDS: Final = 120.0
FAREWELL_SECONDS: Final = 30.0
"""So long may the clean-up of an attempt take that was stopped."""


class SetupFailed(MusterError):
    """The set-up command failed, {problem}"""

    code = "setup_failed"


class AgentRun:
    """Runs agents in sandboxes."""

    def __init__(self, client: Client, options: WorkerOptions, host: AgentHost) -> None:
        self._client = client
        self._options = options
        self._host = host
        self._bases = bases_of(options)
        self._ports = PortRanges(host.port_base, host.ports_each)

    async def run(self, lease: Lease, place: Workspace, driver: Driver, output: Output) -> Outcome:
        """From the claim to the outcome. MusterError when it cannot be run at all."""
        plan = await make_plan(self._client, lease.claim, self._host)
        copy = await open_copy(plan, place, self._options, self._bases)
        route = await find_route(plan, copy.checkout, self._host)
        port = self._ports.take()
        engagement = Engagement(
            self._client,
            self._host,
            lease=lease,
            plan=plan,
            place=place,
            driver=driver,
            copy=copy,
            home=self._home(plan),
            output=output,
            port=port,
        )
        if plan.passed_over:
            who = plan.adapter.profile.name
            output.say(
                f"the model provider of {plan.passed_over} is failing; its fallback {who} does this attempt"
            )
        try:
            async with engagement.connected():
                return await self._outcome(engagement, route)
        finally:
            self._ports.give_back(port)

    def _home(self, plan: Plan) -> Path:
        home = self._host.homes / plan.home
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return home.resolve()

    async def _outcome(self, engagement: Engagement, route: Route | None) -> Outcome:
        """How it ends, also when it could not be run to its end: what is said by then still goes to the server."""
        try:
            return await self._shipped(engagement, route, *await self._work(engagement))
        except MusterError as refusal:
            if engagement.lease.stopped is not None:
                return Stopped(why=engagement.lease.stopped)
            return Failed(code=refusal.code, message=refusal.message)

    async def _work(self, engagement: Engagement) -> tuple[Outcome, Kept]:
        plan, copy = engagement.plan, engagement.copy
        prompt = plan.prompt(copy.tree, copy.beginnings)
        await engagement.describe(
            agent=plan.adapter.profile.name,
            model=plan.task.model or "",
            branch=copy.branch,
            base_commit=copy.base_commit,
            base_branch=copy.base_branch,
            workspace=str(copy.tree),
            workspace_kind=copy.kind,
            role=plan.role.name if plan.role and plan.role_version else None,
            role_version=plan.role_version,
        )
        engagement.transcript.add(_sent(prompt))
        verdict = await self._engage(engagement, prompt)
        kept = await self._keep(engagement)
        await engagement.describe(reported=reported(verdict, engagement.metering.told))
        return self._judge(engagement, verdict, kept), kept

    async def _engage(self, engagement: Engagement, prompt: Prompt) -> Verdict:
        """The agent's work between set-up and clean-up; a failed set-up is the end of it. SetupFailed."""
        try:
            await self._set_up(engagement)
            verdict = await self._converse(engagement, prompt)
            await engagement.metering.settle()
        except MusterError:
            await self._clean_up(engagement)
            raise
        await self._clean_up(engagement)
        return verdict

    async def _set_up(self, engagement: Engagement) -> None:
        command = engagement.plan.task.setup
        status, _ = await self._aside(engagement, command, "setup") if command else (None, "")
        if status is not None and engagement.lease.stopped is None:
            raise SetupFailed(problem=status)

    async def _clean_up(self, engagement: Engagement) -> None:
        """Always, also after a cancel; that it fails is said and no more."""
        command = engagement.plan.task.cleanup
        status, _ = await self._aside(engagement, command, "cleanup") if command else (None, "")
        if status is not None:
            engagement.output.say(f"cleanup: failed, {status}")

    async def _converse(self, engagement: Engagement, prompt: Prompt) -> Verdict:
        """The agent's turns: of one process where it takes follow-ups, else of one process each."""
        plan = engagement.plan
        spec = plan.spec(
            prompt,
            tree=engagement.copy.tree,
            home=engagement.home,
            python=self._options.python,
            access=engagement.metering.access,
            tools=engagement.tools.server(patient=plan.adapter.profile.patient),
        )
        while True:
            verdict = await self._one_process(engagement, spec)
            if _is_last(plan, verdict) or engagement.lease.stopped is not None:
                return verdict
            following = await self._after_turn(engagement)
            if following is None:
                return verdict
            spec = replace(spec, prompt=following, session=verdict.session, fork=False)

    async def _one_process(self, engagement: Engagement, spec: AgentSpec) -> Verdict:
        adapter = engagement.plan.adapter
        command = adapter.command(spec)
        command = replace(command, argv=behind(engagement.doors, command.argv, spec.python))
        for path, text in command.files.items():
            await asyncio.to_thread(_write_private, path, text)
        sandbox = await engagement.driver.open(
            self._sandbox_spec(engagement, network=_open_network(engagement))
        )
        process = AgentProcess(
            sandbox,
            command,
            adapter.converse(spec),
            engagement.output,
            engagement.clock,
            engagement.note,
            engagement.desk.ask,
            None if spec.access is None else spec.access.token,
        )
        engagement.process = process
        engagement.stops(None)
        try:
            env = {
                **self._environment(engagement),
                **path_for(spec.program),
                "HOME": str(engagement.home),
                **spec.env,
            }
            return await process.run(env, lambda: self._after_turn(engagement))
        finally:
            engagement.process = None
            engagement.stops(None)
            await sandbox.close()

    def _environment(self, engagement: Engagement) -> Mapping[str, str]:
        first, count = engagement.ports
        return {
            **self._host.environment,
            **engagement.plan.task.env,
            **engagement.egress.environment,
            **task_environment(engagement.claim, engagement.place.result_file),
            **engagement.tools.environment,
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
                *readable(engagement.doors),
            ),
            writable=(engagement.home,),
            former=_gone(plan.former, copy.tree, engagement.place.root.parent),
            hidden=self._options.hidden,
            network=network,
            traffic=None if network else engagement.traffic,
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
        return await self._check(engagement)

    async def _check(self, engagement: Engagement) -> str | None:
        """Run the acceptance command, if there is one; what the agent is told when it fails and may be mended (SQ-9)."""
        command = engagement.claim.acceptance_command
        if not command or engagement.lease.stopped is not None:
            return None
        noticed = nullcontext() if engagement.leftovers is None else engagement.leftovers.noticed()
        async with noticed:
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

        spec = self._sandbox_spec(engagement, network=_open_network(engagement))
        sandbox = await engagement.driver.open(replace(spec, name=f"{spec.name}-{what}"))
        if what != "cleanup":
            engagement.stops(sandbox.kill)
        try:
            status = await self._exec(sandbox, engagement, command, hear)
        finally:
            engagement.stops(None)
            await sandbox.close()
        return status, said.decode("utf-8", "replace")

    async def _exec(
        self, sandbox: Sandbox, engagement: Engagement, command: str, hear: OnOutput
    ) -> str | None:
        timeout = engagement.claim.timeout_seconds
        if engagement.lease.stopped is not None:
            timeout = min(timeout, FAREWELL_SECONDS)
        status = await sandbox.exec(
            behind(engagement.egress.doors, ["bash", "-c", command], self._options.python),
            env=self._environment(engagement),
            on_output=hear,
            timeout=timeout,
        )
        if status.ok:
            return None
        return explain_exit(status, timeout, engagement.output.stderr.text())[1]

    async def _keep(self, engagement: Engagement) -> Kept:
        """Nothing an agent did is lost, however its attempt ended."""
        checkout, claim = engagement.copy.checkout, engagement.claim
        if checkout is None:
            return await self._compared(engagement)

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
            as_branch=engagement.plan.task.commit,
            without=[] if engagement.leftovers is None else await engagement.leftovers.names(),
        )
        forget_record(engagement.place.root)
        await engagement.describe(head_commit=kept.commit or checkout.since)
        if kept.changes:
            await tell_changes(self._client, claim, kept)
        return kept

    async def _compared(self, engagement: Engagement) -> Kept:
        """What changed in a folder that nothing is committed from."""
        snapshot = engagement.copy.snapshot
        if snapshot is None:
            return Kept()
        try:
            kept = await compare(snapshot, engagement.plan.task.owns)
        except GitError as error:
            engagement.output.say(f"what changed in the folder could not be found out: {error.message}")
            return Kept()
        if kept.changes:
            await tell_changes(self._client, engagement.claim, kept)
        return kept

    async def _shipped(
        self, engagement: Engagement, route: Route | None, outcome: Outcome, kept: Kept
    ) -> Outcome:
        """What succeeded goes where the task wants it; nothing else leaves this host."""
        checkout = engagement.copy.checkout
        if route is None or checkout is None or not isinstance(outcome, Succeeded):
            return outcome
        model = engagement.plan.task.model or ""
        say = engagement.output.say
        try:
            shipped = await ship(route, engagement.plan, checkout, kept, model=model, say=say)
        except MusterError as error:
            say(error.message)
            return Failed(code=error.code, message=error.message, output=outcome.output, cost=outcome.cost)
        if shipped is not None:
            await engagement.describe(pushed_to=shipped.pushed_to, pull_request=shipped.pull_request)
        return outcome

    def _opens_again(self, engagement: Engagement, verdict: Verdict, code: str) -> float | None:
        """Until when the task waits; with a fallback left nobody waits for a quota."""
        if code == QUOTA and engagement.plan.falls_back:
            engagement.output.say("its quota is used up; the next attempt is its fallback's")
            return None
        return verdict.resets_at or (engagement.metering.resets_at if code in _WINDOWS else None)

    def _judge(self, engagement: Engagement, verdict: Verdict, kept: Kept) -> Outcome:
        if engagement.lease.stopped is not None:
            return Stopped(why=engagement.lease.stopped)
        cost = engagement.metering.cost(verdict.cost_usd)
        text = verdict.text[-MAX_OUTPUT_CHARS:]
        if not verdict.ok:
            refusal = engagement.metering.refusal if verdict.code == "timeout" else None
            code, message = refusal or (verdict.code, verdict.message)
            return Failed(
                code=code,
                message=message,
                output=text,
                cost=cost,
                resets_at=self._opens_again(engagement, verdict, code),
            )
        tools = engagement.tools
        problem, result = tools.problem or engagement.problem, None
        if problem is None and engagement.claim.output_schema is not None:
            handed = ResultFile(result=None if tools.result is None else dict(tools.result))
            found = structured(handed, verdict.text, engagement.claim.output_schema)
            problem = found if isinstance(found, Problem) else None
            result = None if isinstance(found, Problem) else found
        problem = problem or _unfinished(engagement, kept)
        if problem is not None:
            return Failed(code=problem.code, message=problem.message, output=text, cost=cost)
        return Succeeded(output=text, result=result, exit_code=0, cost=cost)


def _unfinished(engagement: Engagement, kept: Kept) -> Problem | None:
    """What is wrong with what the agent left, whatever it says itself."""
    if kept.outside:
        return Problem("outside_ownership", f"changed without owning: {', '.join(kept.outside[:20])}")
    missing = missing_files(engagement.claim.required_files, engagement.copy.tree)
    if missing:
        return Problem("missing_files", f"not there afterwards: {', '.join(missing)}")
    return None


def _is_last(plan: Plan, verdict: Verdict) -> bool:
    """Whether there is no next process: the agent takes its follow-ups while it runs, or it cannot go on, or it failed."""
    profile = plan.adapter.profile
    return profile.follow_ups or not profile.resumes or not verdict.ok or verdict.session is None


def _gone(former: Path | None, tree: Path, attempts: Path) -> Path | None:
    """The folder of an earlier attempt of this worker, when it is another than this one's and is not there any more."""
    if former is None or former == tree or former.exists():
        return None
    return former if former.is_relative_to(attempts.resolve()) and ".." not in former.parts else None


def _ignore(_stream: str, _data: bytes) -> None:
    """Nobody needs to know what it says."""


def _sent(prompt: Prompt) -> list[Entry]:
    system: list[Entry] = [Message(prompt.system, role="system")] if prompt.system else []
    return [*system, Message(prompt.user, role="user")]


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def _open_network(engagement: Engagement) -> bool:
    """Whether the sandbox has the host's network; never when the hosts it may reach are named."""
    return engagement.claim.network and not engagement.plan.task.allow_hosts
