"""A terminal in a sandbox that is open: what starts a shell there, and the worker's end of it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import struct
import sys
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ENTER: Final = Path(__file__).with_name("enter.py")
SHELLS: Final = ("/bin/bash", "/bin/sh")
READ_BYTES: Final = 16_384
END_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """How a shell comes into a sandbox. `supervisor`: whose namespaces below are joined; None: it is not isolated."""

    supervisor: int | None
    env: Mapping[str, str]
    cwd: str
    rlimits: Mapping[str, tuple[int, int]]
    cgroups: Sequence[str] = ()
    seccomp: bytes = b""

    def encode(self) -> bytes:
        """What `enter.py` reads."""
        return json.dumps(
            {
                "supervisor": self.supervisor,
                "env": dict(self.env),
                "cwd": self.cwd,
                "rlimits": dict(self.rlimits),
                "cgroups": list(self.cgroups),
                "filter": self.seccomp.hex(),
                "shells": SHELLS,
                "worker": os.getpid(),
            }
        ).encode()


class Terminal:
    """A shell on a terminal of its own. Reads and writes are bytes as they are; sizes are characters."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self._process = process
        self._master = master
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._over = False
        self._closed = False
        os.set_blocking(master, False)

    @classmethod
    async def open(
        cls, entrance: Entrance, columns: int, rows: int, python: str = sys.executable
    ) -> Terminal:
        """Start the shell. Its end, also one that could not begin, is read like any other."""
        master, slave = os.openpty()
        wish, given = os.pipe()
        try:
            _resize(master, columns, rows)
            # The whole wish fits the pipe, so nobody has to read yet.
            os.write(given, entrance.encode())
            process = await asyncio.create_subprocess_exec(
                *(python, "-I", "-S", "-B", str(ENTER), str(wish)),
                stdin=slave,
                stdout=slave,
                stderr=slave,
                pass_fds=[wish],
                cwd="/",
                env={},
                start_new_session=True,
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            for fd in (slave, wish, given):
                os.close(fd)
        return cls(process, master)

    def resize(self, columns: int, rows: int) -> None:
        """Programs in it are told."""
        if not self._closed:
            _resize(self._master, columns, rows)

    async def read(self) -> bytes:
        """What comes next; empty at the end."""
        loop = asyncio.get_running_loop()
        while not self._closed:
            try:
                return os.read(self._master, READ_BYTES)
            except BlockingIOError:
                if self._over:
                    return b""
            except OSError:
                return b""
            self._readable.clear()
            loop.add_reader(self._master, self._readable.set)
            try:
                await self._readable.wait()
            finally:
                if not self._closed:
                    loop.remove_reader(self._master)
        return b""

    async def write(self, data: bytes) -> None:
        """Type something; waits while the other side takes nothing."""
        loop = asyncio.get_running_loop()
        left = memoryview(data)
        while left and not self._closed:
            try:
                left = left[os.write(self._master, left) :]
                continue
            except BlockingIOError:
                self._writable.clear()
            except OSError:
                return
            loop.add_writer(self._master, self._writable.set)
            try:
                await self._writable.wait()
            finally:
                if not self._closed:
                    loop.remove_writer(self._master)

    async def ended(self) -> int:
        """Wait for the shell's own end; its exit status. What it left running may hold the terminal: it is read to here."""
        code = await self._process.wait()
        self._over = True
        self._readable.set()
        return _status(code)

    async def close(self) -> int:
        """End the shell, if it has not ended; its exit status."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(END_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
        code = await self._process.wait()
        if not self._closed:
            self._closed = True
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._master)
            loop.remove_writer(self._master)
            os.close(self._master)
        self._readable.set()
        self._writable.set()
        return _status(code)


def _status(code: int) -> int:
    """As a shell tells it: 128 and the signal for what was killed."""
    return code if code >= 0 else 128 - code


def _resize(fd: int, columns: int, rows: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
