"""Standard input that is written while its program runs."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from typing import Final

from muster.domain.errors import Category, MusterError

MOST_WAITING: Final = 64 * 1024 * 1024
CHUNK: Final = 65_536


class StdinFull(MusterError):
    """The program does not read its standard input: {waiting} bytes wait for it already."""

    code = "agent_error"
    category = Category.UNAVAILABLE


class Stdin:
    """Made by the caller, given to one `exec`. Bytes written before the program runs wait for it.

    What a program does not take is kept, up to 64 MiB; what comes after its end is dropped. Belongs to
    the event loop's thread.
    """

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._closed = False
        self._fd: int | None = None
        self._over = False

    def write(self, data: bytes) -> None:
        """Give the program bytes, at once or as it takes them. StdinFull when it takes none."""
        if self._closed or self._over or not data:
            return
        if self._size + len(data) > MOST_WAITING:
            raise StdinFull(waiting=self._size)
        self._waiting.append(data)
        self._size += len(data)
        self._flush()

    def close(self) -> None:
        """End of file, after what was written."""
        self._closed = True
        self._flush()

    def attach(self) -> int:
        """For drivers: the descriptor the program reads from; theirs to close."""
        reading, writing = os.pipe()
        try:
            self.adopt(writing)
        except ValueError:
            os.close(reading)
            os.close(writing)
            raise
        return reading

    def adopt(self, writing: int) -> None:
        """For drivers: the descriptor that writes what the program reads; from now on this object's to close."""
        if self._fd is not None or self._over:
            raise ValueError("a Stdin is for one program")
        self._fd = writing
        os.set_blocking(self._fd, False)
        self._flush()

    def detach(self) -> None:
        """For drivers: the program is gone."""
        self._over = True
        self._waiting.clear()
        self._size = 0
        if self._fd is not None:
            asyncio.get_running_loop().remove_writer(self._fd)
            os.close(self._fd)
            self._fd = None

    def _flush(self) -> None:
        if self._fd is None:
            return
        try:
            while self._waiting:
                taken = os.write(self._fd, self._waiting[0][:CHUNK])
                self._size -= taken
                rest = self._waiting.popleft()[taken:]
                if rest:
                    self._waiting.appendleft(rest)
        except BlockingIOError:
            asyncio.get_running_loop().add_writer(self._fd, self._flush)
        except OSError:
            self.detach()
        else:
            asyncio.get_running_loop().remove_writer(self._fd)
            if self._closed:
                self.detach()
