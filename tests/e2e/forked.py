"""Processes of muster that begin with their modules loaded.

Loading them takes two seconds of a processor, and the tests start hundreds of servers and workers: one process loads
them once and forks. What it forks is the whole program with its own arguments, environment, folder and output, and a
child of the tests as if they had started it. That `muster` itself starts is tested where commands are (tests/cli).
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""
MOST = 1 << 20
"""Bytes of one order: arguments and environment."""


class Forked:
    """A running `muster`, with what `subprocess.Popen` offers for one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._watched = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Its exit status, negative for a signal, or None while it runs."""
        if self.returncode is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self._ended(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end; its exit status. TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            watch = select.poll()
            watch.register(self._watched, select.POLLIN)
            if not watch.poll(timeout * 1_000):
                raise subprocess.TimeoutExpired(["muster", str(self.pid)], timeout)
            self._ended(os.waitpid(self.pid, 0)[1])
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, status: int) -> None:
        self.returncode = os.waitstatus_to_exitcode(status)
        os.close(self._watched)


class _Nursery:
    """The process that has loaded everything and forks."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.nursery", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
            )
        atexit.register(self._close)

    def _close(self) -> None:
        self._orders.close()
        self._process.wait(10)

    def fork(self, words: Sequence[str], environ: Mapping[str, str], folder: Path, output: int) -> Forked:
        order = json.dumps({"words": list(words), "environ": dict(environ), "folder": str(folder)}).encode()
        assert len(order) < MOST
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        # Its parent ends at once: for that moment orphans of this process come to it, and not to the first process.
        assert prctl(SUBREAPER, 1, 0, 0, 0) == 0
        try:
            socket.send_fds(self._orders, [order], [output])
            answer = self._orders.recv(64)
        finally:
            prctl(SUBREAPER, 0, 0, 0, 0)
        if not answer:
            raise RuntimeError(f"the process that forks has ended with {self._process.wait(10)}")
        return Forked(int(answer))


@cache
def _nursery(_process: int) -> _Nursery:
    return _Nursery()


def start(words: Sequence[str], environ: Mapping[str, str], folder: Path, log: Path) -> Forked:
    """Run `muster WORDS` in `folder`, with this environment; what it prints is appended to `log`."""
    with log.open("ab") as output:
        return _nursery(os.getpid()).fork(words, environ, folder, output.fileno())
