"""Open consoles: two streams of bytes each, between a person and a worker, in memory only.

The output that nobody has read yet is bounded: the worker waits for room, and so does the shell.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from muster.api.longpoll import Caller
from muster.client import wire_consoles as wire
from muster.domain.console import ConsolesOff, TooManyConsoles
from muster.domain.errors import NotFound

MOST_OPEN: Final = 50
MOST_UNREAD: Final = 256 * 1024
MOST_TYPED: Final = 64 * 1024
ROOM_SECONDS: Final = 10.0
"""How long a call that types waits for the worker to take what was typed before."""
OPENING_SECONDS: Final = 20.0
"""Within which the worker has to come."""
WORKER_SECONDS: Final = 25.0
"""A worker that did not call for so long is gone: while a sandbox is open it beats every 5 s, and asks for input every 20 s."""
CARRYING_SECONDS: Final = 60.0
"""And one that beats and does not ask for input has let go of the console."""
BACK_SECONDS: Final = 5.0
"""For a worker whose connection broke to come back; it tries again for 3 s by itself."""
WORKER_GONE: Final = "Its worker is gone, and the shell with it."
READER_SECONDS: Final = 90.0
"""And so is somebody who did not read for so long."""
KEPT_SECONDS: Final = 60.0
"""An ended console can be read this long."""


class Tape:
    """Bytes by position: what was taken is forgotten."""

    def __init__(self) -> None:
        self.begin = 0
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data)

    @property
    def end(self) -> int:
        """The position behind everything."""
        return self.begin + len(self._data)

    def put(self, position: int, data: bytes) -> bool:
        """Append what is not there yet, unless there would be a gap; whether there was anything."""
        new = data[max(self.end - position, 0) :] if position <= self.end else b""
        self._data += new
        return bool(new)

    def take(self, position: int) -> bytes:
        """What stands from a position on, one piece at most; what is before it is forgotten."""
        gone = min(max(position - self.begin, 0), len(self._data))
        del self._data[:gone]
        self.begin += gone
        return bytes(self._data[: wire.PIECE_BYTES])


@dataclass(slots=True, kw_only=True, eq=False)
class Console:
    """One of them. Moments are seconds of the clock that `Consoles` was given; sizes are characters."""

    id: str
    attempt_id: str
    used_at: float
    columns: int
    rows: int
    state: wire.State = "opening"
    exit_code: int | None = None
    problem: str | None = None
    worker_at: float = 0.0
    beat_at: float = 0.0
    broken_at: float | None = None
    """When a connection of its worker broke, which did not call since."""
    reader_at: float = 0.0
    output: Tape = field(default_factory=Tape)
    typed: Tape = field(default_factory=Tape)
    waiting: set[asyncio.Event] = field(default_factory=set[asyncio.Event])

    @property
    def worker_until(self) -> float:
        """When its worker counts as gone, if it does not call before."""
        silent = max(self.worker_at, self.beat_at) + WORKER_SECONDS
        broken = silent if self.broken_at is None else self.broken_at + BACK_SECONDS
        return min(silent, broken, self.worker_at + CARRYING_SECONDS)

    def changed(self) -> None:
        """Wake who waits."""
        for event in tuple(self.waiting):
            event.set()

    def end(self, exit_code: int | None, problem: str | None, now: float) -> None:
        """It is over; the first reason stays."""
        if self.state != "ended":
            self.state, self.exit_code, self.problem, self.used_at = "ended", exit_code, problem, now
            self.changed()


class Consoles:
    """All of them on this server."""

    def __init__(
        self,
        *,
        enabled: bool,
        idle_seconds: float,
        wake: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`wake` is called with the attempt whose worker is to come. `now` in seconds, from any beginning."""
        self._enabled = enabled
        self._idle = idle_seconds
        self._wake = wake
        self._now = now
        self._open: dict[str, Console] = {}

    @property
    def enabled(self) -> bool:
        """Whether they may be opened."""
        return self._enabled

    def open(self, attempt_id: str, columns: int, rows: int) -> Console:
        """A new one, whose worker is told. ConsolesOff or TooManyConsoles."""
        if not self._enabled:
            raise ConsolesOff()
        self._tidy()
        if sum(console.state != "ended" for console in self._open.values()) >= MOST_OPEN:
            raise TooManyConsoles(limit=MOST_OPEN)
        now = self._now()
        ident = f"con_{secrets.token_hex(12)}"
        made = Console(
            id=ident, attempt_id=attempt_id, used_at=now, reader_at=now, columns=columns, rows=rows
        )
        self._open[ident] = made
        self._wake(attempt_id)
        return made

    def wanted(self, attempt_id: str) -> list[str]:
        """The consoles that a worker has not come to yet."""
        self._tidy()
        return [
            console.id
            for console in self._open.values()
            if console.attempt_id == attempt_id and console.state == "opening"
        ]

    def heard(self, attempt_id: str) -> None:
        """The worker of an attempt beats: it is there, though its consoles may be still."""
        for console in self._open.values():
            if console.attempt_id == attempt_id and console.state == "open":
                console.beat_at, console.broken_at = self._now(), None

    def close(self, ident: str) -> None:
        """Somebody is done with it."""
        self._find(ident).end(None, "It was closed.", self._now())

    async def write(self, ident: str, request: wire.ConsoleWrite, caller: Caller) -> wire.ConsoleWritten:
        """Take what was typed; waits while the worker has not taken what was before."""
        console = self._find(ident)
        await self._until(console, lambda: len(console.typed) < MOST_TYPED, ROOM_SECONDS, caller)
        if len(console.typed) < MOST_TYPED and console.state != "ended":
            if console.typed.put(request.position, request.data):
                console.used_at = self._now()
            console.columns = request.columns or console.columns
            console.rows = request.rows or console.rows
            console.changed()
        return wire.ConsoleWritten(position=console.typed.end, state=console.state)

    async def read(self, ident: str, request: wire.ConsoleRead, caller: Caller) -> wire.ConsoleShown:
        """What the shell said from a position on, waiting for some."""
        console = self._find(ident)
        console.reader_at = self._now()
        self._tidy()
        data = console.output.take(request.position)
        console.changed()
        if not data:
            end = console.output.end
            await self._until(console, lambda: console.output.end > end, request.wait_seconds, caller)
            data = console.output.take(request.position)
        position = console.output.begin + len(data)
        if console.state != "ended" or position < console.output.end:
            state: wire.State = "opening" if console.state == "opening" else "open"
            return wire.ConsoleShown(data=data, position=position, state=state)
        return wire.ConsoleShown(
            data=data,
            position=position,
            state="ended",
            exit_code=console.exit_code,
            problem=console.problem,
        )

    async def output(self, ident: str, request: wire.ConsoleOutput, caller: Caller) -> wire.ConsoleTaken:
        """The worker brings output, or the end; it waits for room."""
        console = self._find(ident)
        self._here(console)
        await self._until(console, lambda: len(console.output) < MOST_UNREAD, request.wait_seconds, caller)
        self._broke(console, caller)
        if len(console.output) < MOST_UNREAD and console.state != "ended":
            console.output.put(request.position, request.data)
        if request.ended:
            console.end(request.exit_code, request.problem, self._now())
        console.changed()
        return wire.ConsoleTaken(position=console.output.end, closed=console.state == "ended")

    async def input(self, ident: str, request: wire.ConsoleInput, caller: Caller) -> wire.ConsoleTyped:
        """The worker asks for what was typed."""
        console = self._find(ident)
        self._here(console)
        size = (request.columns, request.rows)

        def something() -> bool:
            return console.typed.end > request.position or (console.columns, console.rows) != size

        await self._until(console, something, request.wait_seconds, caller)
        self._broke(console, caller)
        data = console.typed.take(request.position)
        console.changed()
        return wire.ConsoleTyped(
            data=data,
            position=console.typed.begin + len(data),
            columns=console.columns,
            rows=console.rows,
            closed=console.state == "ended",
        )

    def _here(self, console: Console) -> None:
        console.worker_at, console.broken_at = self._now(), None
        if console.state == "opening":
            console.state = "open"
            console.changed()
        self._tidy()

    def _broke(self, console: Console, caller: Caller) -> None:
        """Its worker hung up while it waited: whoever reads need not wait long for it."""
        if caller.gone and console.state == "open":
            console.broken_at = self._now()
            console.changed()

    async def _until(
        self, console: Console, enough: Callable[[], bool], seconds: float, caller: Caller
    ) -> None:
        """Wait until it is enough, or over, at most so long. That its worker is gone is noticed in that moment."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        event = asyncio.Event()
        console.waiting.add(event)
        try:
            while not enough() and console.state != "ended":
                event.clear()
                left = deadline - loop.time()
                if left <= 0 or caller.hurried:
                    return
                await caller.wait(event, min(left, self._end_of(console)[0] - self._now()))
                self._tidy()
        finally:
            console.waiting.discard(event)

    def _find(self, ident: str) -> Console:
        console = self._open.get(ident)
        if console is None:
            raise NotFound(noun="console", id=ident[:200])
        return console

    def _tidy(self) -> None:
        """End those nobody uses, and forget those that ended."""
        now = self._now()
        for console in list(self._open.values()):
            if console.state != "ended":
                moment, problem = self._end_of(console)
                if now >= moment:
                    console.end(None, problem, now)
            elif now - console.used_at > KEPT_SECONDS:
                del self._open[console.id]

    def _end_of(self, console: Console) -> tuple[float, str]:
        """When it ends if nothing happens, and why."""
        if console.state == "opening":
            return console.used_at + OPENING_SECONDS, _NOBODY_CAME
        return min(
            (console.worker_until, WORKER_GONE),
            (console.reader_at + READER_SECONDS, "Nobody looked at it any more."),
            (console.used_at + self._idle, f"Nothing was typed for {self._idle / 60:g} minutes."),
        )


_NOBODY_CAME: Final = (
    f"Its worker did not come within {OPENING_SECONDS:g} s. Where several servers share a database, it has to talk to the "
    "same one as you."
)
