"""The worker's end of a supervisor's control socket: messages in, bytes out."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any, Final

CHUNK: Final = 65_536


class Control:
    """Owner of a connected socket, whose messages are lines of JSON. Belongs to the event loop's thread.

    By hand instead of by streams, which take a third of what the worker does for a start.
    """

    def __init__(self, control: socket.socket, unsent: bytes) -> None:
        """`unsent` goes first."""
        self._socket = control
        self._loop = asyncio.get_running_loop()
        self._said = bytearray()
        self._unsent = bytearray(unsent)
        self._waits: asyncio.Future[None] | None = None
        self._over = self._closed = False
        control.setblocking(False)
        self._loop.add_reader(control.fileno(), self._read)
        self._flush()

    @property
    def over(self) -> bool:
        """Whether the other side has said its last, or this one has let it go."""
        return self._over or self._closed

    async def message(self) -> dict[str, Any] | None:
        """What it says next; None when it is gone. For one caller at a time."""
        while True:
            line, end, rest = self._said.partition(b"\n")
            if end:
                self._said = rest
                return json.loads(line)
            if self._over:
                return None
            self._waits = self._loop.create_future()
            await self._waits

    async def end(self) -> None:
        """Say that nothing more comes, and wait until the other side is gone."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return
        while await self.message() is not None:
            pass

    def send(self, data: bytes) -> None:
        """Tell it; one that has just ended need not know."""
        if not self.over:
            self._unsent += data
            self._flush()

    def close(self) -> None:
        """Let the socket go. To be called once."""
        self._closed = True
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()

    def _read(self) -> None:
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._said += data
        if not data:
            self._over = True
            self._loop.remove_reader(self._socket.fileno())
        if self._waits is not None and not self._waits.done():
            self._waits.set_result(None)

    def _flush(self) -> None:
        if not self._unsent:
            return
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent.clear()
        if self._unsent:
            self._loop.add_writer(self._socket.fileno(), self._flush)
        else:
            self._loop.remove_writer(self._socket.fileno())
