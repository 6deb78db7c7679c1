"""A sandbox whose programs run under a supervisor: what the process and bubblewrap drivers share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from muster.sandboxes.cgroup import Group
from muster.sandboxes.folders import remove_tree
from muster.sandboxes.launcher import Launch, Launcher, Program
from muster.sandboxes.quota import Plan
from muster.sandboxes.sandbox import Ending, ExitStatus, OnOutput, SandboxError, SandboxSpec
from muster.sandboxes.stdin import Stdin

SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FIND: Final = ("/bin/sh", "-c", 'exec "$@"', "muster")
"""A program that is not there ends like in a shell: status 127 and a line on standard error, in every driver."""
REMOVE_TRIES: Final = 50
REMOVE_PAUSE: Final = 0.02
COMPLAINT_BYTES: Final = 2000
SIGXCPU: Final = 24
SIGXFSZ: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Dress:
    """How a driver wraps a program: what precedes its arguments, given where to start, and what is in every environment."""

    wrap: Callable[[Path], Sequence[str]]
    env: Mapping[str, str]
    home: Path
    own_levels: int = 0
    no_new_privileges: bool = True
    tells_exit: bool = False


class SupervisedSandbox:
    """Runs one program at a time under a supervisor, within the limits of its plan."""

    def __init__(self, spec: SandboxSpec, plan: Plan, dress: Dress, launcher: Launcher) -> None:
        self._spec = spec
        self._plan = plan
        self._dress = dress
        self._launcher = launcher
        self._program: Program | None = None
        self._killed = False

    @property
    def home(self) -> Path:
        """HOME of programs inside."""
        return self._dress.home

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
        if self._killed:
            return ExitStatus(reason=Ending.KILLED)
        group = self._plan.group
        before = _hits(group)
        self._program = self._launcher.start(
            self._launch(argv, env, cwd or self._spec.working_dir, timeout), stdin
        )
        complaint = bytearray()

        def note(stream: Literal["stdout", "stderr"], data: bytes) -> None:
            if stream == "stderr" and len(complaint) < COMPLAINT_BYTES:
                complaint.extend(data)
            on_output(stream, data)

        try:
            status = await self._program.wait(note, self._spec.limits.output_bytes)
        finally:
            self._program = None
            if isinstance(stdin, Stdin):
                stdin.detach()
        if status.reason is Ending.NOT_STARTED:
            raise SandboxError(problem=complaint.decode(errors="replace").strip()[:COMPLAINT_BYTES])
        return judge(status, {name for name, count in _hits(group).items() if count > before[name]})

    def _launch(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, timeout: float | None
    ) -> Launch:
        plan = self._plan
        return Launch(
            argv=[*self._dress.wrap(cwd), *FIND, *argv],
            env={**self._dress.env, "PWD": str(cwd), **env},
            cwd=str(cwd),
            timeout=timeout,
            grace=self._spec.grace_seconds,
            rlimits=plan.rlimits,
            cgroups=list(plan.group.procs) if plan.group else [],
            watch_memory=plan.watch_memory,
            watch_processes=plan.watch_processes,
            own_levels=self._dress.own_levels,
            no_new_privileges=self._dress.no_new_privileges,
            tells_exit=self._dress.tells_exit,
        )

    def kill(self) -> None:
        """End the running program, and start no other."""
        self._killed = True
        if self._program is not None:
            self._program.kill()

    async def close(self) -> None:
        """Remove the control groups and the private folders."""
        self.kill()
        group = self._plan.group
        for _ in range(REMOVE_TRIES):
            if group is None or group.remove():
                break
            await asyncio.sleep(REMOVE_PAUSE)
        await asyncio.to_thread(remove_tree, private_dir(self._spec))


def _hits(group: Group | None) -> Mapping[str, int]:
    return group.hits() if group else {}


def private_dir(spec: SandboxSpec) -> Path:
    """Where a driver keeps its own files of a sandbox."""
    return spec.scratch / ".sandbox"


def judge(status: ExitStatus, hits: set[str]) -> ExitStatus:
    """Name the limit behind an end that looks like an ordinary exit or signal."""
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
