"""An attempt of an agent under way: everything that belongs to it, and its lines to the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from muster.agents.adapter import Answer, Verdict
from muster.agents.metered import Told
from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.wire import ClaimedTask, Directive
from muster.client.wire_runs import ReportedTotals, RunRequest, ToldTotals
from muster.domain.errors import MusterError
from muster.domain.transcript import Entry, SessionStarted, UsageReport
from muster.domain.usage import TokenUsage
from muster.sandboxes.sandbox import Driver
from muster.vcs.leftovers import Leftovers
from muster.worker.agent_host import AgentHost
from muster.worker.agent_plan import Plan
from muster.worker.agent_process import AgentProcess
from muster.worker.clock import Clock
from muster.worker.copy import WorkingCopy
from muster.worker.desk import Desk
from muster.worker.doors import Egress
from muster.worker.lease import Lease, Stop
from muster.worker.metering import Metering
from muster.worker.output import Output
from muster.worker.result import Problem
from muster.worker.tools import Tools
from muster.worker.transcript import Transcript
from muster.worker.workspace import Workspace

log = logging.getLogger(__name__)

DOORS: Final = 3
"""Ways out of the sandbox: to models, to muster's own tools, to hosts that are allowed."""


class Engagement:
    """What is known of the attempt and what it has come to so far."""

    def __init__(
        self,
        client: Client,
        host: AgentHost,
        *,
        lease: Lease,
        plan: Plan,
        place: Workspace,
        driver: Driver,
        copy: WorkingCopy,
        home: Path,
        output: Output,
        port: int,
    ) -> None:
        claim = lease.claim
        self._client = client
        self.lease, self.plan, self.place, self.driver = lease, plan, place, driver
        self.copy, self.home, self.output = copy, home, output
        # The doors take the first ones; on an open network the agent's own programs could not listen there.
        self.ports = (port + DOORS, host.ports_each - DOORS)
        """The first port that is the attempt's own, and how many there are."""
        self.transcript = Transcript(client, claim.attempt_id, claim.token)
        self.clock = Clock(claim.timeout_seconds)
        self.desk = Desk(client, claim, self.clock, plan.task.answer_seconds, self._deliver)
        self.metering = Metering(
            client,
            claim,
            host.door,
            plan.adapter.profile,
            port=port,
            max_cost_usd=plan.task.max_cost_usd,
        )
        self.tools = Tools(host.tools if plan.uses_tools else None, claim, self.clock, port=port + 1)
        self.egress = Egress(plan.task.allow_hosts, port + 2, place.root / "doors" / "egress.sock")
        self.process: AgentProcess | None = None
        self.problem: Problem | None = None
        self.leftovers = None if copy.checkout is None else Leftovers(copy.checkout)
        """What the acceptance command leaves lying in the working copy."""
        self.cycles = 0
        self.following: list[str] = []
        """What people said; the agent is told at its next turn."""
        self.spoken = asyncio.Event()
        self.interrupted = False
        self.paused = False
        self._news: dict[str, Any] = {}
        self._changed = asyncio.Event()

    @property
    def claim(self) -> ClaimedTask:
        """The task as it was handed out."""
        return self.lease.claim

    @property
    def doors(self) -> Mapping[int, Path]:
        """The ways out of the sandbox: to models, to muster's own tools, to hosts that are allowed."""
        return {**self.metering.doors, **self.tools.doors, **self.egress.doors}

    def traffic(self) -> tuple[int, int]:
        """Bytes that its agent received and sent so far: by its models and by the hosts it may reach."""
        received, sent = (0, 0) if self.metering.run is None else self.metering.run.traffic
        by_hosts = self.egress.moved()
        return received + by_hosts[0], sent + by_hosts[1]

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[None]:
        """While it works: entries, calls and requests go to the server, people's words come back. At the end all is sent.

        What cannot be run is refused as it is, not within a group's error.
        """
        refused: MusterError | None = None
        async with AsyncExitStack() as stack:
            if self.egress.hosts:
                await stack.enter_async_context(self.egress.listening(self._refused))
            group = await stack.enter_async_context(asyncio.TaskGroup())
            group.create_task(self.transcript.send(self._fenced))
            group.create_task(self.metering.send(self._fenced))
            idle = [group.create_task(self.desk.run()), group.create_task(self._tell_news())]
            self.lease.on_word(self._hear)
            try:
                await self.tools.open()
                yield
            except MusterError as refusal:
                refused = refusal
            finally:
                self.tools.close()
                self.lease.on_word(None)
                for task in idle:
                    task.cancel()
                self.metering.close()
                self.transcript.finish()
        if refused is not None:
            raise refused

    def stops(self, kill: Callable[[], None] | None) -> None:
        """What a cancel ends beside the agent's process: a command that runs for it, or nothing."""
        process = self.process

        def stop() -> None:
            if kill is not None:
                kill()
            if process is not None:
                process.stop("cancelled")

        self.lease.on_stop(stop)

    def _refused(self, words: str) -> None:
        self.output.say(f"network: {words}")

    def _fenced(self) -> None:
        self.lease.stop(Stop.LOST)

    def note(self, entries: list[Entry]) -> None:
        """What the agent says: kept, and what describes its run told at once."""
        self.transcript.add(entries)
        for entry in entries:
            match entry:
                case SessionStarted():
                    self._news |= {"session": entry.session} | ({"model": entry.model} if entry.model else {})
                    self._changed.set()
                case UsageReport():
                    figures = {"context_used": entry.context_used, "context_window": entry.context_window}
                    self._news |= {name: value for name, value in figures.items() if value is not None}
                    self._changed.set()
                case _:
                    pass

    async def _tell_news(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self.describe()

    async def describe(self, **known: Any) -> None:
        """Say what is known of the run now; what is None is not said. A refusal is logged: the run goes on without it."""
        news = self._news | {name: value for name, value in known.items() if value is not None}
        self._news = {}
        if not news:
            return
        request = RunRequest(token=self.claim.token, **news)
        try:
            await self._client.describe_run(self.claim.attempt_id, request)
        except ApiError as error:
            if error.fenced:
                self._fenced()
            else:
                log.warning("%s: its run was not described: %s", self.claim.attempt_id, error.message)
        except (Unreachable, BadAnswer) as error:
            self._news = news | self._news
            log.debug("%s: its description waits: %s", self.claim.attempt_id, error.message)

    def _deliver(self, key: str, answer: Answer) -> None:
        """Hand an answer to the agent, if it is still there."""
        if self.process is not None:
            self.process.answer(key, answer)

    def _hear(self, word: Directive) -> bool:
        """Take a person's word; whether it reached the agent, or will at its next turn."""
        match word.kind:
            case "answer":
                self.desk.hear(word)
            case "say":
                self.following.append(word.text)
                self.spoken.set()
            case "interrupt" if self.process is not None:
                self.interrupted = True
                self.process.interrupt()
            case "pause" if self.process is not None:
                self._pause(self.process)
            case "resume" if self.process is not None:
                self._resume(self.process)
            case _:
                return False
        return True

    def _pause(self, process: AgentProcess) -> None:
        if not self.paused:
            self.paused = True
            self.clock.pause()
            self.output.say("paused")
        process.pause()

    def _resume(self, process: AgentProcess) -> None:
        process.resume()
        if self.paused:
            self.paused = False
            self.clock.resume()
            self.output.say("goes on")


def reported(verdict: Verdict, told: Told | None = None) -> ReportedTotals | None:
    """The agent's own totals, as far as it tells them, in its stream and by its telemetry."""
    usage, cost = verdict.usage, verdict.cost_usd
    if usage is None and cost is None and told is None:
        return None
    totals: dict[str, Any] = {"cost_usd": cost} | ({} if usage is None else _tokens(usage))
    if told is not None:
        totals["telemetry"] = ToldTotals(**_tokens(told.usage), cost_usd=told.cost_usd)
    return ReportedTotals(**totals)


def _tokens(usage: TokenUsage) -> dict[str, int]:
    return {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "reasoning_tokens": usage.reasoning,
    }
