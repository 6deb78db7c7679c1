"""What the scripted model server was asked and what it sent: one record a call, for tests to compare with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from muster.domain.usage import TokenUsage

_encode: Final = msgspec.json.Encoder().encode


class LoggedUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens that the client was told. `input` leaves out those of the cache; `reasoning` is part of `output`."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @classmethod
    def of(cls, usage: TokenUsage) -> LoggedUsage:
        """From the domain's own."""
        return cls(
            input=usage.input,
            output=usage.output,
            cache_read=usage.cache_read,
            cache_write=usage.cache_write,
            reasoning=usage.reasoning,
        )


class LoggedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `at` is seconds since the epoch. `outcome`: `answered`, `error`, `dropped` by us, or `gone`: the client.

    `side`: the agent's own call (a title, a review), not a turn of the scenario. `key` is the end of a hash of the key.
    """

    at: float
    dialect: str
    model: str
    scenario: str
    step: int
    status: int
    outcome: str
    usage: LoggedUsage
    run: str = ""
    stream: bool = False
    side: bool = False
    tools: int = 0
    calls: list[str] = []
    trace_id: str = ""
    agent: str = ""
    key: str = ""
    body: Any = None


@dataclass(slots=True)
class CallLog:
    """Keeps the calls in memory and, given a file, as JSON lines in it."""

    path: Path | None = None
    calls: list[LoggedCall] = field(default_factory=list[LoggedCall])
    _file: IO[bytes] | None = None

    def add(self, call: LoggedCall) -> None:
        """Write it down at once, so that a test sees it as soon as the agent does."""
        self.calls.append(call)
        if self.path is None:
            return
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
        self._file.write(_encode(call) + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_log(path: Path) -> list[LoggedCall]:
    """The calls of a log file; none when there is no file yet."""
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=LoggedCall) for line in lines if line.strip()]
