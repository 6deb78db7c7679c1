"""Runs shell scripts in sandboxes of one driver and keeps what they said."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muster.sandboxes.bubblewrap import BubblewrapDriver
from muster.sandboxes.registry import AUTOMATIC
from muster.sandboxes.sandbox import Driver, ExitStatus, Limits, Sandbox, SandboxSpec
from muster.sandboxes.stdin import Stdin


class Bench:
    def __init__(self, driver: Driver, folder: Path) -> None:
        self.driver = driver
        self.tag = secrets.token_hex(4)
        self.work = folder / "work"
        self.scratch = folder / "scratch"
        self.work.mkdir()
        self.scratch.mkdir()
        self.out = bytearray()
        self.err = bytearray()
        self.sandboxes: list[Sandbox] = []

    async def open(self, **fields: Any) -> Sandbox:
        name = f"test-{self.tag}-{secrets.token_hex(4)}"
        values: dict[str, Any] = {"name": name, "working_dir": self.work, "scratch": self.scratch}
        sandbox = await self.driver.open(SandboxSpec(**values | fields))
        self.sandboxes.append(sandbox)
        return sandbox

    def keep(self, stream: str, data: bytes) -> None:
        (self.out if stream == "stdout" else self.err).extend(data)

    async def run(
        self,
        script: str,
        *,
        sandbox: Sandbox | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | Stdin = b"",
        timeout: float = 20,
        limits: Limits | None = None,
        **fields: Any,
    ) -> ExitStatus:
        sandbox = sandbox or await self.open(limits=limits or Limits(), **fields)
        argv = ["bash", "-c", script]
        return await sandbox.exec(argv, env=env or {}, on_output=self.keep, stdin=stdin, timeout=timeout)

    @property
    def shows_programs(self) -> bool:
        """Whether what runs inside are processes of the host too."""
        return self.driver.level != "gvisor"

    @property
    def warm(self) -> int:
        """How many sandboxes its driver keeps ready."""
        pool = self.driver.warm if isinstance(self.driver, BubblewrapDriver) else None
        return pool.figures().wanted if pool else 0

    @property
    def starts_at_once(self) -> bool:
        """Whether a start takes milliseconds, not a good part of a second, or seconds on a busy machine."""
        return self.driver.level in AUTOMATIC

    def runs(self, name: str, least: int = 1) -> bool:
        """Whether at least so many programs with `name` in their arguments run, as far as the host can tell."""
        return not self.shows_programs or len(processes_with(name)) >= least

    def left(self, name: str) -> list[int]:
        """Processes of the host with `name` in their arguments, or that hold up a sandbox of this bench."""
        return processes_with(name) + (
            [] if self.shows_programs else processes_with(f"muster-test-{self.tag}")
        )

    @property
    def said(self) -> str:
        return self.out.decode(errors="replace")

    async def close(self) -> None:
        for sandbox in self.sandboxes:
            await sandbox.close()


def marker() -> str:
    """An argument of `sleep` that no other process has: 100 to 200 seconds."""
    return f"1{secrets.randbelow(90) + 10}.{secrets.randbelow(10**9):09d}"


def processes_with(text: str) -> list[int]:
    """Host process ids whose command line has `text` in it."""
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if text.encode() in command:
                found.append(int(folder.name))
    return found


def children_of(pid: int) -> list[int]:
    """Host process ids of a process's children; none of one that has ended."""
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def command_of(pid: int) -> bytes:
    """A process's command line; nothing of one that has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def below(pid: int) -> list[int]:
    """Host process ids of all that a process has started, and that they have."""
    return [found for child in children_of(pid) for found in (child, *below(child))]
