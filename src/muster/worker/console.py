"""Consoles: shells that people open in the sandboxes of this worker, whose bytes it carries to and from the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.wire import Directive
from muster.client.wire_consoles import ConsoleInput, ConsoleOutput
from muster.domain.errors import MusterError
from muster.sandboxes.sandbox import Sandbox
from muster.sandboxes.terminal import Terminal

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 20.0
SHORTEST_SECONDS: Final = 0.5
"""Between two calls of which the first brought nothing."""
REMEMBERED: Final = 1_000
KILLED: Final = 137
WAS_KILLED: Final = "The shell was killed. So it is when its sandbox ends."
GONE: Final = "The sandbox is not open any more."
SURROUNDINGS: Final = {"TERM": "xterm-256color", "HISTFILE": ""}
"""What a shell has beside the program's own environment; what is typed is kept nowhere."""


class Consoles:
    """Opens what the server asks for, until cancelled."""

    def __init__(self, client: Client, find: Callable[[str], Sandbox | None]) -> None:
        """`find` gives the sandbox that an attempt has open now."""
        self._client = client
        self._find = find
        self._wanted: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._known: dict[str, None] = {}
        self._open: dict[Terminal, Sandbox] = {}

    def open(self, wish: Directive) -> bool:
        """Open a console; whether it is a new one."""
        if wish.id is None or wish.attempt_id is None or wish.id in self._known:
            return False
        self._known[wish.id] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        self._wanted.put_nowait((wish.id, wish.attempt_id))
        return True

    async def closing(self, sandbox: Sandbox) -> None:
        """A sandbox is about to close: its shells end before it does."""
        await asyncio.gather(*(one.close() for one, place in list(self._open.items()) if place is sandbox))

    async def run(self) -> None:
        """Serve them all."""
        async with asyncio.TaskGroup() as group:
            while True:
                ident, attempt_id = await self._wanted.get()
                group.create_task(self._serve(ident, attempt_id))

    async def _serve(self, ident: str, attempt_id: str) -> None:
        try:
            exit_code, problem = await self._shell(ident, attempt_id)
            ended = ConsoleOutput(ended=True, exit_code=exit_code, problem=problem)
            await self._client.console_output(ident, ended)
        except (ApiError, Unreachable, BadAnswer) as error:
            log.debug("console %s: %s", ident, error.message)
        except OSError as error:
            log.warning("console %s: %s", ident, error)

    async def _shell(self, ident: str, attempt_id: str) -> tuple[int | None, str | None]:
        """Open a shell and carry its bytes to its end; its exit status, and why there is none or it is no good one."""
        begun = await self._client.console_input(ident, ConsoleInput())
        if begun.closed:
            return None, None
        sandbox = self._find(attempt_id)
        if sandbox is None:
            return None, GONE
        size = begun.columns, begun.rows
        try:
            terminal = await Terminal.open(sandbox.entrance(SURROUNDINGS), *size)
        except MusterError as refusal:
            return None, refusal.message
        except OSError as error:
            return None, f"The shell could not be started: {error.strerror or error}."
        self._open[terminal] = sandbox
        try:
            if self._find(attempt_id) is sandbox:  # else it closed meanwhile, and did not know of this one
                await self._carry(ident, terminal, size)
        finally:
            code = await terminal.close()
            del self._open[terminal]
        return code, WAS_KILLED if code == KILLED else None

    async def _carry(self, ident: str, terminal: Terminal, size: tuple[int, int]) -> None:
        """Both ways, until the shell has ended and all it said is there, or the console has ended."""
        try:
            async with asyncio.TaskGroup() as group:
                typing = group.create_task(self._type(ident, terminal, size))
                showing = group.create_task(self._show(ident, terminal))
                ending = group.create_task(terminal.ended())
                await asyncio.wait({typing, showing}, return_when=asyncio.FIRST_COMPLETED)
                await terminal.close()
                for task in (typing, showing, ending):
                    task.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _type(self, ident: str, terminal: Terminal, size: tuple[int, int]) -> None:
        """What was typed, until the console has ended."""
        position = 0
        loop = asyncio.get_running_loop()
        while True:
            asked = loop.time()
            typed = await self._client.console_input(
                ident,
                ConsoleInput(position=position, columns=size[0], rows=size[1], wait_seconds=WAIT_SECONDS),
            )
            if typed.closed:
                return
            if (typed.columns, typed.rows) != size:
                size = typed.columns, typed.rows
                terminal.resize(*size)
            elif not typed.data:
                await asyncio.sleep(SHORTEST_SECONDS - (loop.time() - asked))
            await terminal.write(typed.data)
            position = typed.position

    async def _show(self, ident: str, terminal: Terminal) -> None:
        """What the shell says, until it says no more or the console has ended."""
        position = 0
        loop = asyncio.get_running_loop()
        while data := await terminal.read():
            end = position + len(data)
            while position < end:
                asked = loop.time()
                piece = data[len(data) - (end - position) :]
                taken = await self._client.console_output(
                    ident, ConsoleOutput(position=position, data=piece, wait_seconds=WAIT_SECONDS)
                )
                if taken.closed:
                    return
                if taken.position == position:
                    await asyncio.sleep(SHORTEST_SECONDS - (loop.time() - asked))
                position = taken.position
