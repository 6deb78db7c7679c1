"""The contract of a sandbox driver. Every driver passes the same conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from muster.domain.errors import Category, MusterError
from muster.sandboxes.stdin import Stdin
from muster.sandboxes.terminal import Entrance

MB = 1024 * 1024

OnOutput = Callable[[Literal["stdout", "stderr"], bytes], None]


class SandboxError(MusterError):
    """The sandbox could not be started: {problem}"""

    code = "sandbox_error"
    category = Category.UNAVAILABLE


class SandboxUnavailable(SandboxError):
    """Isolation {level} is not to be had on this host: {problem}"""

    code = "sandbox_unavailable"


class WorkdirMissing(MusterError):
    """The working directory {path} {problem}. Mend the path and requeue the task."""

    code = "workdir_missing"


class Ending(StrEnum):
    """What ended a program."""

    EXIT = "exit"
    TIMEOUT = "timeout"
    CPU_LIMIT = "cpu_limit"
    OOM = "oom"
    OUTPUT_LIMIT = "output_limit"
    FILE_LIMIT = "file_limit"
    DISK_LIMIT = "disk_limit"
    PROCESS_LIMIT = "process_limit"
    KILLED = "killed"
    LOST = "lost"
    NOT_STARTED = "not_started"


class Health(StrEnum):
    """How a sandbox is."""

    IDLE = "idle"
    """Nothing runs in it."""
    WELL = "well"
    """Its program runs, and what watches over it answers."""
    LOST = "lost"
    """What watches over its program answers no more: the program was given up, and ends with the reason `lost`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStatus:
    """How a program ended: `code` or the `signal` that ended it, and what was behind it."""

    code: int | None = None
    signal: int | None = None
    reason: Ending = Ending.EXIT

    @property
    def ok(self) -> bool:
        return self.code == 0 and self.reason is Ending.EXIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on a program and all it starts. Bytes and seconds; None is unlimited."""

    memory_bytes: int | None = 4096 * MB
    cpu_seconds: int | None = None
    processes: int | None = 512
    file_bytes: int | None = 4096 * MB
    output_bytes: int | None = 256 * MB
    disk_bytes: int | None = None
    """In the working directory, the scratch folder and a given HOME together; watched, so it may be overshot for seconds."""
    cpus: float | None = None
    """Processors' worth of time, such as 1.5. Only control groups enforce it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What a sandbox uses. Bytes and seconds."""

    cpu_seconds: float
    """Of the running program and all it started."""
    memory_bytes: int
    """Resident, of each process: pages they share count for each."""
    processes: int
    disk_bytes: int
    """Allocated in the folders it can write; on a large tree it may be minutes old."""
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a driver can do on this host, found out by trying. `quotas` names the mechanism behind each limit in force."""

    level: str
    available: bool
    reason: str = ""
    file_isolation: bool = False
    network_isolation: bool = False
    process_isolation: bool = False
    quotas: Mapping[str, str] = field(default_factory=dict[str, str])
    hardening: Sequence[str] = ()
    """What else stands between a program and the kernel, such as `seccomp`."""

    @classmethod
    def tried(
        cls, level: str, problem: str | None, *, quotas: Mapping[str, str], hardening: Sequence[str]
    ) -> Capabilities:
        """Of a level that isolates files, network and processes if its trial ran, and with a `problem` nothing."""
        if problem is not None:
            return cls(level=level, available=False, reason=problem)
        return cls(
            level=level,
            available=True,
            file_isolation=True,
            network_isolation=True,
            process_isolation=True,
            quotas=quotas,
            hardening=hardening,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """One attempt's sandbox.

    `working_dir` is writable, so is `scratch` (private to the attempt, the same path inside and
    outside), so are `writable`; `readable` can be read, `hidden` is masked even below the working directory. Drivers
    without file isolation cannot enforce these.
    """

    name: str
    working_dir: Path
    scratch: Path
    readable: Sequence[Path] = ()
    writable: Sequence[Path] = ()
    hidden: Sequence[Path] = ()
    home: Path | None = None
    """A folder of the caller's that is HOME inside and stays afterwards, instead of an empty one that goes."""
    former: Path | None = None
    """Where the working directory was in an earlier run: sessions of agents remember it, and so it is there too."""
    network: bool = False
    limits: Limits = field(default_factory=Limits)
    traffic: Callable[[], tuple[int, int]] | None = None
    """Bytes received and sent by its doors so far; None: not all it moves goes through them, so that nothing is counted."""
    grace_seconds: float = 1.0
    """Between the request to end (SIGTERM) and the end (SIGKILL)."""


class Sandbox(Protocol):
    """An open sandbox. `kill` and `close` may be called at any time and again."""

    @property
    def home(self) -> Path:
        """HOME of programs inside: private, and gone after `close` unless the spec gives one."""
        ...

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
        """Run a program and wait for the end of everything it started. SandboxError when it cannot be started."""
        ...

    def kill(self) -> None:
        """End the running program; its `exec` returns with reason `killed`."""
        ...

    def pause(self) -> None:
        """Stop every process of the running program; the time limit goes on. A `kill` works all the same."""
        ...

    def resume(self) -> None:
        """Let a paused program go on."""
        ...

    async def stats(self) -> Stats:
        """What it uses now; cheap enough for every second."""
        ...

    def entrance(self, env: Mapping[str, str]) -> Entrance:
        """How a shell comes in beside the running program. NoConsole says why none can."""
        ...

    async def health(self, within: float = 10.0) -> Health:
        """See whether it still answers, within so many seconds. One that does not is ended, as far as that can be done."""
        ...

    async def close(self) -> None:
        """End everything and release what the sandbox holds."""
        ...


class Driver(Protocol):
    """A way to run programs."""

    @property
    def level(self) -> str:
        """Its name: the isolation level that is recorded and shown."""
        ...

    async def probe(self) -> Capabilities:
        """What works on this host, by trying it once."""
        ...

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """A sandbox for one attempt. WorkdirMissing or SandboxError before anything was started."""
        ...

    async def forget(self, name: str) -> None:
        """Remove what the sandboxes of that name, or of one that begins with it, left when their worker crashed."""
        ...

    async def close(self) -> None:
        """Release what the driver holds for all its sandboxes."""
        ...
