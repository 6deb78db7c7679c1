"""Which process this is, told apart from a later one with the same number."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process: its number, when it started (clock ticks since boot) and in which boot. 0 and "" where not told."""

    pid: int
    start: int
    boot: str

    @classmethod
    def own(cls) -> ProcessIdentity:
        """This process."""
        return cls(os.getpid(), start_of(os.getpid()) or 0, _boot())

    def alive(self) -> bool:
        """Whether that very process still runs."""
        if self.boot != _boot():
            return False
        if not self.boot:
            return _exists(self.pid)
        return start_of(self.pid) == self.start


def start_of(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when it does not run, or where /proc is not there."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
