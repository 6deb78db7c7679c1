"""`muster console`: a shell in the sandbox of a task that runs, in this terminal."""

from __future__ import annotations

import base64
import contextlib
import os
import select
import signal
import threading
from collections.abc import Callable, Generator
from types import FrameType
from typing import Annotated, Any, Final, cast

import typer

from muster.cli.connection import Answer, Connection, path
from muster.cli.exits import CommandFailed, ServerUnreachable
from muster.cli.invocation import invocation
from muster.cli.shown_bytes import Shown
from muster.cli.task_ids import full_id
from muster.domain.errors import Conflict, MusterError

LEAVE: Final = b"\x1d"
"""Ctrl-]"""
READ_BYTES: Final = 4096
WAIT_SECONDS: Final = 20
PAUSES: Final = (0.0, 0.5, 1.0, 2.0, 4.0)
ORDERLY: Final = (
    b"\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l"
    b"\x1b[?1l\x1b>\x1b[?25h\x1b[?7h\x1b(B\x1b[0m"
)
"""Takes back what a program may have left of itself: the other screen, reports of mouse and focus, pasting in brackets,
keys of applications, a hidden cursor, no wrapping, line drawing, colours."""


class NoTerminal(CommandFailed):
    """A console needs a terminal: run it without pipes. 'muster logs TASK' shows what the task says."""

    code = "no_terminal"


class NoSandbox(Conflict):
    """{task} has no sandbox open now; 'muster sandboxes' lists those that are."""

    code = "no_sandbox"


def console(context: typer.Context, task_id: Annotated[str, typer.Argument(metavar="TASK")]) -> None:
    """Open a shell in the sandbox of a task that runs.

    It is beside the task's own program, with no more rights. Ctrl-] leaves it; it ends with the sandbox. What the shell says is
    shown as it is, but for titles, the clipboard and other texts that are meant for the terminal itself.
    """
    call = invocation(context)
    if not (os.isatty(0) and os.isatty(1)):
        raise NoTerminal()
    with call.connection() as typing, call.connection() as showing:
        sandbox = _sandbox_of(typing, full_id(typing, task_id))
        columns, rows = _size()
        opened = typing.post(path("sandboxes", sandbox, "console"), {"columns": columns, "rows": rows})
        call.output.note(_greeting(opened))
        end = Session(typing, showing, str(opened["id"])).run()
    if end.get("problem"):
        call.output.note(str(end["problem"]))
    raise typer.Exit(_status(end))


def _status(end: dict[str, Any]) -> int:
    """The shell's own; 1 when it ended without one; 0 when somebody left it."""
    if end.get("exit_code") is not None:
        return int(end["exit_code"])
    return 1 if end.get("problem") else 0


def _sandbox_of(connection: Connection, task_id: str) -> str:
    found = cast(list[dict[str, Any]], connection.get(path("sandboxes"))["items"])
    mine = [str(row["id"]) for row in found if row["task_id"] == task_id]
    if not mine:
        raise NoSandbox(task=task_id)
    return mine[0]


def _greeting(opened: dict[str, Any]) -> str:
    where = f"in the task's sandbox ({opened['level']})"
    if not opened["isolated"]:
        where = f"on the worker's machine itself: the level {opened['level']} does not isolate"
    return f"A shell {where}. Ctrl-] leaves it; so do {opened['idle_minutes']:g} minutes without a key."


def _size() -> tuple[int, int]:
    size = os.get_terminal_size(1)
    return min(max(size.columns, 1), 1000), min(max(size.lines, 1), 1000)


class Session:
    """The terminal of this process, and a console on the server."""

    def __init__(self, typing: Connection, showing: Connection, ident: str) -> None:
        self._typing = typing
        self._showing = showing
        self._ident = ident
        self._end: dict[str, Any] = {}
        self._error: MusterError | None = None
        self._woken, self._wake = os.pipe()
        self._position = 0

    def run(self) -> dict[str, Any]:
        """Until the shell ends or somebody leaves: how it ended (nothing: it was left). The terminal is as it was."""
        reader = threading.Thread(target=self._show, daemon=True)
        try:
            with _raw(), _told_of_signals(self._ring):
                reader.start()
                self._type()
            ended = dict(self._end)
        finally:
            with contextlib.suppress(MusterError):
                _again(lambda: self._typing.delete(path("consoles", self._ident)))
            reader.join(timeout=2)
        if self._error is not None:
            raise self._error
        return ended

    def _ring(self) -> None:
        os.write(self._wake, b"w")

    def _type(self) -> None:
        """Send keys and sizes until the end."""
        size = _size()
        while not self._end and self._error is None:
            ready, _, _ = select.select([0, self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, READ_BYTES)
            data = os.read(0, READ_BYTES) if 0 in ready else None
            if data == b"" or (data is not None and LEAVE in data):
                return
            if data:
                self._send(data)
            if _size() != size:
                size = _size()
                self._write(b"", size)

    def _send(self, data: bytes) -> None:
        """Until the server has all of it, or it is over."""
        until = self._position + len(data)
        while self._position < until and not self._end and self._error is None:
            self._position = self._write(data[len(data) - (until - self._position) :], None)

    def _write(self, data: bytes, size: tuple[int, int] | None) -> int:
        body: dict[str, Any] = {"position": self._position, "data": base64.b64encode(data).decode()}
        if size is not None:
            body |= {"columns": size[0], "rows": size[1]}
        answer = _again(
            lambda: self._typing.post(path("consoles", self._ident, "write"), body, wait=WAIT_SECONDS)
        )
        return self._position + len(data) if answer["state"] == "ended" else int(answer["position"])

    def _show(self) -> None:
        """In a thread: what the shell says, to the end."""
        shown, position = Shown(), 0
        try:
            while not self._end:
                answer = self._read(position)
                _put(shown.feed(base64.b64decode(answer["data"])))
                position = int(answer["position"])
                if answer["state"] == "ended":
                    self._end = answer
        except MusterError as error:
            self._error = error
        finally:
            self._ring()

    def _read(self, position: int) -> Answer:
        body = {"position": position, "wait_seconds": WAIT_SECONDS}
        return _again(
            lambda: self._showing.post(path("consoles", self._ident, "read"), body, wait=WAIT_SECONDS)
        )


def _again(call: Callable[[], Answer]) -> Answer:
    """A call that does no harm when it is made twice, over a connection that may have been lost."""
    for pause in PAUSES:
        try:
            return call()
        except ServerUnreachable:
            threading.Event().wait(pause)
    return call()


def _put(data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(1, left) :]


@contextlib.contextmanager
def _raw() -> Generator[None]:
    """Every key goes on as it is; afterwards the terminal is as it was."""
    import termios
    import tty

    before = termios.tcgetattr(0)
    try:
        tty.setraw(0, termios.TCSADRAIN)  # what was typed ahead is kept
        yield
    finally:
        termios.tcsetattr(0, termios.TCSAFLUSH, before)
        _put(ORDERLY + b"\r\n")


@contextlib.contextmanager
def _told_of_signals(ring: Callable[[], None]) -> Generator[None]:
    """Another size is noticed; being asked to end ends in order."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    def resized(_number: int, _frame: FrameType | None) -> None:
        ring()

    handlers = {signal.SIGWINCH: resized, signal.SIGTERM: end, signal.SIGHUP: end}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
