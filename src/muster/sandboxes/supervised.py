"""A sandbox whose programs run under a supervisor: what the process and bubblewrap drivers share."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, Protocol

from muster.domain.console import NO_CONSOLE, NoConsole
from muster.sandboxes.cgroup import Group
from muster.sandboxes.folders import remove_tree
from muster.sandboxes.launcher import ANSWER_SECONDS, Launch, Launcher, Program, Unfit
from muster.sandboxes.quota import Plan
from muster.sandboxes.sandbox import Ending, ExitStatus, Health, OnOutput, SandboxError, SandboxSpec, Stats
from muster.sandboxes.stdin import Stdin
from muster.sandboxes.terminal import Entrance
from muster.sandboxes.usage import DiskMeter, Usage, usage_below

log = logging.getLogger(__name__)

SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FIND: Final = ("/bin/sh", "-c", 'exec "$@"', "muster")
"""A program that is not there ends like in a shell: status 127 and a line on standard error, in every driver."""
REMOVE_TRIES: Final = 50
REMOVE_PAUSE: Final = 0.02
COMPLAINT_BYTES: Final = 2000
SIGXCPU: Final = 24
SIGXFSZ: Final = 25


@dataclass(frozen=True, slots=True)
class Wrapped:
    """What starts a program inside. It runs outside: nothing of a task's environment may be in its own, or be an argument,
    which every user of the host can read; `documents` are for that."""

    argv: Sequence[str]
    env: Mapping[str, str]
    documents: Sequence[str] = ()
    asks: Sequence[str] = ()
    """What asks the program to end, where its signals are not to be had from outside."""


Wrap = Callable[[Path, Mapping[str, str], Sequence[str]], Wrapped]
"""Given where a program starts, its environment, and its arguments."""


class Ready(Protocol):
    """A sandbox that stands already, for one program."""

    @property
    def program(self) -> Program:
        """To wait for once; it raises Unfit when nothing of it has run."""
        ...

    @property
    def plan(self) -> Plan:
        """The limits it runs in."""
        ...

    @property
    def entered(self) -> bool:
        """Whether the program has begun."""
        ...

    def release(self) -> None:
        """It has ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One program and what it gets. Seconds."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    stdin: bytes | Stdin
    timeout: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dress:
    """How a driver wraps programs. `env` is in every environment inside; `ended` may know better why a program ended;
    `clear` removes what is left at the end; `ready` may have a sandbox that stands already."""

    level: str
    wrap: Wrap
    env: Mapping[str, str]
    home: Path
    ended: Callable[[ExitStatus], Awaitable[ExitStatus]] | None = None
    clear: Callable[[], Awaitable[None]] | None = None
    ready: Callable[[Task], Ready | None] = lambda _: None
    own_levels: int = 0
    tidies_up: float = 0.0
    no_new_privileges: bool = True
    ends_with_parent: bool = False
    tells_exit: bool = False
    own_namespaces: bool = False
    """A shell beside the program joins them, and gets the same filter."""
    seccomp: bytes = b""


class SupervisedSandbox:
    """Runs one program at a time under a supervisor, within the limits of its plan."""

    def __init__(self, spec: SandboxSpec, plan: Callable[[], Plan], dress: Dress, launcher: Launcher) -> None:
        self._spec = spec
        self._make_plan = plan
        self._made_plan: Plan | None = None
        self._groups: list[Group] = []
        self._dress = dress
        self._launcher = launcher
        self._program: Program | None = None
        self._killed = False
        self._inside: tuple[Task, Plan] | None = None
        self._disk = DiskMeter([spec.working_dir, spec.scratch, *([spec.home] if spec.home else [])])

    @property
    def home(self) -> Path:
        """HOME of programs inside."""
        return self._dress.home

    @property
    def _plan(self) -> Plan:
        """Made at first need: a sandbox that stands already has one of its own."""
        if self._made_plan is None:
            self._made_plan = self._make_plan()
            self._groups += [self._made_plan.group] if self._made_plan.group else []
        return self._made_plan

    async def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        on_output: OnOutput,
        cwd: Path | None = None,
        stdin: bytes | Stdin = b"",
        timeout: float | None = None,
    ) -> ExitStatus:
        """Run a program and wait for the end of everything it started."""
        place = cwd or self._spec.working_dir
        inside = {**self._dress.env, "PWD": str(place), **env}
        task = Task(argv=argv, env=inside, cwd=place, stdin=stdin, timeout=timeout)
        try:
            status = None if self._killed else await self._run_ready(task, on_output)
            if status is None and not self._killed:
                program = self._launcher.start(self._launch(task), stdin)
                self._inside = task, self._plan
                status = await self._run(program, self._plan, on_output, _hits(self._plan.group))
        finally:
            if isinstance(stdin, Stdin):
                stdin.detach()
        return status or ExitStatus(reason=Ending.KILLED)

    async def _run_ready(self, task: Task, on_output: OnOutput) -> ExitStatus | None:
        """Run it in a sandbox that stands already; None when there is none, or it was not fit and nothing has run."""
        ready = self._dress.ready(task)
        if ready is None:
            return None
        self._groups += [ready.plan.group] if ready.plan.group else []
        self._inside = task, ready.plan
        early: list[tuple[Literal["stdout", "stderr"], bytes]] = []

        def after_entering(stream: Literal["stdout", "stderr"], data: bytes) -> None:
            early.append((stream, data))
            while ready.entered and early:
                on_output(*early.pop(0))

        try:
            status = await self._run(ready.program, ready.plan, after_entering, {})
        except Unfit as error:
            log.warning("%s: %s", self._spec.name, error.message)
            return None
        finally:
            ready.release()
        if not ready.entered:
            return None
        for said in early:
            on_output(*said)
        return status

    async def _run(
        self, program: Program, plan: Plan, on_output: OnOutput, before: Mapping[str, int]
    ) -> ExitStatus:
        """Follow it to its end; its group had hit its limits so often `before`."""
        self._program = program
        complaint = bytearray()

        def note(stream: Literal["stdout", "stderr"], data: bytes) -> None:
            if stream == "stderr" and len(complaint) < COMPLAINT_BYTES:
                complaint.extend(data)
            on_output(stream, data)

        try:
            status = await self._attend(program, plan, note)
        finally:
            self._program = None
        if self._dress.ended is not None:
            status = await self._dress.ended(status)
        hits = {name for name, count in _hits(plan.group).items() if count > before.get(name, 0)}
        if status.reason is Ending.NOT_STARTED and "memory" not in hits:
            raise SandboxError(problem=complaint.decode(errors="replace").strip()[:COMPLAINT_BYTES])
        return judge(status, hits)

    async def _attend(self, program: Program, plan: Plan, on_output: OnOutput) -> ExitStatus:
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch_disk(program, plan.disk_bytes))
                try:
                    return await program.wait(on_output, self._spec.limits.output_bytes)
                finally:
                    watch.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _watch_disk(self, program: Program, most: int | None) -> None:
        while most is not None:
            if await asyncio.to_thread(self._disk.measure) > most:
                program.kill(Ending.DISK_LIMIT)
                return
            await asyncio.sleep(self._disk.rest)

    def _launch(self, task: Task) -> Launch:
        plan = self._plan
        wrapped = self._dress.wrap(task.cwd, task.env, [*FIND, *task.argv])
        return Launch(
            argv=wrapped.argv,
            env=wrapped.env,
            cwd=str(task.cwd),
            timeout=task.timeout,
            grace=self._spec.grace_seconds,
            rlimits=plan.rlimits,
            cgroups=list(plan.group.joins) if plan.group else [],
            watch_memory=plan.watch_memory,
            watch_processes=plan.watch_processes,
            watch_cpu=plan.watch_cpu,
            own_levels=self._dress.own_levels,
            tidies_up=self._dress.tidies_up,
            no_new_privileges=self._dress.no_new_privileges,
            ends_with_parent=self._dress.ends_with_parent,
            tells_exit=self._dress.tells_exit,
            asks=wrapped.asks,
            documents=wrapped.documents,
        )

    def kill(self) -> None:
        """End the running program, and start no other."""
        self._killed = True
        if self._program is not None:
            self._program.kill()

    def pause(self) -> None:
        """Stop every process of the running program."""
        if self._program is not None:
            self._program.pause(True)

    def resume(self) -> None:
        """Let a paused program go on."""
        if self._program is not None:
            self._program.pause(False)

    async def stats(self) -> Stats:
        """What the running program uses, and the disk."""
        program, levels = self._program, self._dress.own_levels
        supervisor = program.supervisor if program else None
        usage = await asyncio.to_thread(usage_below, supervisor, levels) if supervisor else Usage()
        return Stats(
            cpu_seconds=usage.cpu_seconds,
            memory_bytes=usage.memory_bytes,
            processes=usage.processes,
            disk_bytes=await asyncio.to_thread(self._disk.measure),
            paused=program is not None and program.paused,
        )

    def entrance(self, env: Mapping[str, str]) -> Entrance:
        """How a shell comes in beside the running program, with its environment, folder, limits and filter."""
        if (reason := NO_CONSOLE.get(self._dress.level)) is not None:
            raise NoConsole(problem=reason)
        if not sys.platform.startswith("linux"):
            raise NoConsole(problem="A console can be opened where the worker runs on Linux.")
        program = self._program
        supervisor = program.supervisor if program else None
        if program is None or supervisor is None or self._inside is None:
            raise NoConsole(problem="Nothing runs in the sandbox now.")
        if program.paused:
            raise NoConsole(problem="The sandbox is paused, and so would be its shell. Resume it first.")
        task, plan = self._inside
        return Entrance(
            supervisor=supervisor if self._dress.own_namespaces else None,
            env={**task.env, **env},
            cwd=str(task.cwd),
            rlimits=plan.rlimits,
            cgroups=list(plan.group.joins) if plan.group else [],
            seccomp=self._dress.seccomp,
        )

    async def health(self, within: float = ANSWER_SECONDS) -> Health:
        """Ask the supervisor; one that does not answer is killed, and its keeper ends what it leaves."""
        program = self._program
        if program is None:
            return Health.IDLE
        return Health.WELL if await program.answers(within) else Health.LOST

    async def close(self) -> None:
        """Remove the control groups and the private folders."""
        self.kill()
        for _ in range(REMOVE_TRIES):
            self._groups = [group for group in self._groups if not group.remove()]
            if not self._groups:
                break
            await asyncio.sleep(REMOVE_PAUSE)
        if self._dress.clear is not None:
            await self._dress.clear()
        await asyncio.to_thread(remove_tree, private_dir(self._spec))


def _hits(group: Group | None) -> Mapping[str, int]:
    return group.hits() if group else {}


def private_dir(spec: SandboxSpec) -> Path:
    """Where a driver keeps its own files of a sandbox."""
    return spec.scratch / ".sandbox"


def judge(status: ExitStatus, hits: set[str]) -> ExitStatus:
    """Name the limit behind an end that looks like an ordinary exit or signal."""
    if status.reason is Ending.NOT_STARTED:
        return replace(status, reason=Ending.OOM)
    if status.reason is not Ending.EXIT or status.code == 0:
        return status
    number = status.signal or (status.code or 0) - 128
    if "memory" in hits:
        return replace(status, reason=Ending.OOM)
    if number == SIGXCPU:
        return replace(status, reason=Ending.CPU_LIMIT)
    if number == SIGXFSZ:
        return replace(status, reason=Ending.FILE_LIMIT)
    return replace(status, reason=Ending.PROCESS_LIMIT) if "processes" in hits else status
