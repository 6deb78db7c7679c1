"""How an attempt ended, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from muster.client.wire import Usage
from muster.sandboxes.sandbox import Ending, ExitStatus
from muster.worker.lease import Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the program says it cost."""

    usd: float = 0.0
    usage: Usage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """It did what was asked, checks included."""

    output: str
    result: dict[str, Any] | None = None
    exit_code: int | None = 0
    cost: Cost = Cost()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """It did not; `code` is one of the documented failure codes."""

    code: str
    message: str
    output: str = ""
    exit_code: int | None = None
    cost: Cost = Cost()
    resets_at: float | None = None
    """When a used-up quota opens again, in seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Somebody stopped it, or took it away."""

    why: Stop


Outcome = Succeeded | Failed | Stopped


_EXPLAINED: Final = {
    Ending.CPU_LIMIT: ("timeout", "it used more processor time than limits.cpu_seconds and was stopped"),
    Ending.OUTPUT_LIMIT: ("output_limit", "it wrote more output than limits.output_mb and was stopped"),
    Ending.OOM: ("out_of_memory", "it needed more memory than limits.memory_mb"),
    Ending.FILE_LIMIT: ("file_limit", "it wrote a file larger than limits.file_mb"),
    Ending.DISK_LIMIT: ("file_limit", "it wrote more than its disk limit"),
    Ending.PROCESS_LIMIT: ("process_limit", "it started more processes than limits.processes"),
    Ending.LOST: ("sandbox_lost", "its sandbox went away, and everything in it was ended"),
    Ending.KILLED: ("sandbox_error", "its sandbox was ended"),
    Ending.NOT_STARTED: ("sandbox_error", "its sandbox did not start it"),
}


def explain_exit(status: ExitStatus, timeout: float, complaint: str) -> tuple[str, str]:
    """The failure code and message of a program that did not end well. `complaint` is the end of its stderr."""
    said = f": {complaint}" if complaint else ""
    match status.reason:
        case Ending.EXIT if status.signal is not None:
            return "killed_by_signal", f"it was ended by signal {status.signal}{said}"
        case Ending.EXIT:
            return "exit_nonzero", f"it ended with status {status.code}{said}"
        case Ending.TIMEOUT:
            return "timeout", f"it ran longer than {timeout:g} s and was stopped"
        case reason:
            code, message = _EXPLAINED[reason]
            return code, message + ("" if message.endswith("stopped") else said)
