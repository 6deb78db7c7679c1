"""`muster console`: a shell of a sandbox in somebody's own terminal, which is as it was whatever happens."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import closing
from types import TracebackType
from typing import Any, Self

import pytest

from muster.cli.connection import Connection, path
from muster.cli.exits import ServerUnreachable
from muster.cli.shown_bytes import Shown
from tests.cli.conftest import Muster
from tests.cli.live import LiveServer
from tests.waiting import eventually_sync

SECONDS = 60
ON_ITS_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from muster.cli.main import main
main(sys.argv[1:])
"""


class Seat:
    """`muster` on a terminal of its own."""

    def __init__(self, live: LiveServer, *arguments: str) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(90, 30)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_ITS_TERMINAL, *arguments],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**os.environ, **live.environ},
            cwd=live.folder,
            start_new_session=True,
        )
        self.text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait(10)
        os.close(self.master)
        os.close(self.slave)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, words: str) -> None:
        os.write(self.master, words.encode())

    def shows(self, words: str) -> str:
        """Read until the words are there."""
        deadline = time.monotonic() + SECONDS
        while words not in self.text:
            ready, _, _ = select.select([self.master], [], [], max(deadline - time.monotonic(), 0))
            assert ready, self.text
            self.text += self._read()
        return self.text

    def _read(self) -> str:
        try:
            return os.read(self.master, 4096).decode(errors="replace")
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return ""

    def ends(self) -> int:
        """Its exit status; the terminal is as it was."""
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None:
            ready, _, _ = select.select([self.master], [], [], 0.1)
            self.text += self._read() if ready else ""
            assert time.monotonic() < deadline, self.text
        while select.select([self.master], [], [], 0)[0] and (last := self._read()):
            self.text += last
        assert termios.tcgetattr(self.slave) == self.before
        return self.process.returncode


@pytest.fixture
def task(live_server: LiveServer) -> Iterator[str]:
    """A task that runs, whose sandbox is known."""
    script = "echo begun; while test ! -e $PWD/go; do sleep 0.1; done"
    made = json.loads(live_server.muster("enqueue", "--bash", script, "--json").stdout)
    ident = str(made["id"] if "id" in made else made["items"][0]["id"])

    def is_open() -> bool:
        listed = json.loads(live_server.muster("sandboxes", "--json").stdout)
        rows = listed["items"] if isinstance(listed, dict) else listed
        return any(row["task_id"] == ident for row in rows) and (
            "begun" in live_server.muster("logs", ident).stdout
        )

    eventually_sync(is_open, timeout=SECONDS)
    yield ident
    live_server.muster("cancel", ident)


def test_it_is_a_shell_of_the_sandbox_with_this_terminals_size(live_server: LiveServer, task: str) -> None:
    """OD-34: keys and sizes go in, what is said comes out, the exit status is the shell's"""
    with Seat(live_server, "console", task) as seat:
        seat.shows("Ctrl-] leaves it")
        seat.type("stty size; echo of-$MUSTER_TASK_ID\n")
        seat.shows(f"of-{task}")
        assert "30 90" in seat.text
        seat.resize(120, 40)
        seat.type("until test \"$(stty size)\" = '40 120'; do sleep 0.1; done; echo wide-$((40+2))\n")
        seat.shows("wide-42")
        seat.type(
            "printf '\\033]0;my title\\007\\033]52;c;aGk=\\007\\033[?25lhidden-%s\\n' $((40+2)); exit 7\n"
        )
        seat.shows("hidden-42")
        assert seat.ends() == 7
        assert "\x1b]" not in seat.text
        assert seat.text.rindex("\x1b[?25h") > seat.text.rindex("\x1b[?25l")


@pytest.mark.parametrize("how", ["key", "signal"])
def test_one_who_leaves_has_their_terminal_back_and_the_task_goes_on(
    live_server: LiveServer, task: str, how: str
) -> None:
    """OD-34"""
    with Seat(live_server, "console", task) as seat:
        seat.shows("Ctrl-] leaves it")
        seat.type("echo here-$((40+2)); sleep 600\n")
        seat.shows("here-42")
        if how == "key":
            seat.type("\x1d")
            assert seat.ends() == 0
        else:
            seat.process.send_signal(signal.SIGTERM)
            assert seat.ends() == 128 + signal.SIGTERM
    assert json.loads(live_server.muster("task", task, "--json").stdout)["state"] == "running"


def test_a_shell_whose_task_is_cancelled_says_so(live_server: LiveServer, task: str) -> None:
    """OD-34"""
    with Seat(live_server, "console", task) as seat:
        seat.shows("Ctrl-] leaves it")
        seat.type("echo here-$((40+2))\n")
        seat.shows("here-42")
        live_server.muster("cancel", task)
        assert seat.ends() == 137
        assert "its sandbox ends" in seat.text


def test_a_shell_whose_worker_is_gone_says_so_and_fails(live_server: LiveServer) -> None:
    """OD-34: a worker that hangs up and does not come back"""
    with closing(Connection(f"http://127.0.0.1:{live_server.port}")) as worker:
        worker.post(path("queues"), {"name": "elsewhere", "mode": "manual"})
        made = worker.post(path("tasks"), {"title": "works", "kind": "prompt", "queue": "elsewhere"})
        (claim,) = worker.post(path("claims"), {"agent_id": "far", "queues": ["elsewhere"]})["claims"]
        held = {"attempt_id": claim["attempt_id"], "token": claim["token"]}
        box = {"name": "far-box", "attempt_id": claim["attempt_id"], "level": "bubblewrap"}
        beat: dict[str, Any] = {"host": "far", "leases": [held], "sandboxes": [box]}
        worker.post(path("workers", "far", "heartbeat"), beat)
        with Seat(live_server, "console", str(made["id"])) as seat:
            seat.shows("Ctrl-] leaves it")
            told = worker.post(path("workers", "far", "heartbeat"), {**beat, "wait_seconds": 20}, wait=20)
            (console,) = [word["id"] for word in told["directives"]]
            asks = {"columns": 90, "rows": 30, "wait_seconds": 50}
            with closing(Connection(worker.url, timeout=0.5)) as hangs_up, pytest.raises(ServerUnreachable):
                hangs_up.post(path("consoles", console, "input"), asks)
            assert seat.ends() == 1
            assert "Its worker is gone" in seat.text
        worker.post(path("tasks", str(made["id"]), "cancel"))


def test_without_a_terminal_or_a_sandbox_it_says_so(live_server: LiveServer, muster: Muster) -> None:
    """OD-34"""
    ended = live_server.muster("console", "tsk_0000000000000")
    assert ended.returncode == 1
    assert "needs a terminal" in ended.stderr
    with Seat(live_server, "console", "tsk_0000000000000") as seat:
        assert seat.ends() == 5
        assert "has no sandbox open now" in seat.text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"plain \xc3\xa9 \xe2\x9c\x93", b"plain \xc3\xa9 \xe2\x9c\x93"),
        (b"\x1b[1;31mred\x1b[0m\x1b[2J\x1b[?1049h", b"\x1b[1;31mred\x1b[0m\x1b[2J\x1b[?1049h"),
        (b"a\x1b]0;title\x07b", b"ab"),
        (b"a\x1b]52;c;aGk=\x1b\\b", b"ab"),
        (b"a\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\b", b"alinkb"),
        (b"a\x1bP$qm\x1b\\b\x1b_x\x1b\\c\x1b^y\x1b\\d\x1bXz\x1b\\e", b"abcde"),
        (b"a\x1b[21tb\x1b[3;0;0tc", b"abc"),
        (b"a\xc2\x9d0;title\x07b\xc2\x9b31mc\xc2\x85d", b"ab\x1b[31mcd"),
        (b"caf\xc3\xa9 \xc2\xa9 \xc2\xb7", b"caf\xc3\xa9 \xc2\xa9 \xc2\xb7"),
        (b"\x1b" + b"[" + b"1;" * 400 + b"mok", b"ok"),
        (b"\x1b(0\x1b(B\x1b7\x1b8", b"\x1b(0\x1b(B\x1b7\x1b8"),
    ],
)
def test_what_is_meant_for_the_terminal_itself_is_taken_out_wherever_it_is_cut(
    said: bytes, shown: bytes
) -> None:
    """OD-34: a title, the clipboard, links and questions of a hostile program do not reach the terminal"""
    assert Shown().feed(said).endswith(shown)
    stream = Shown()
    assert b"".join(stream.feed(said[at : at + 1]) for at in range(len(said))).endswith(shown)
    if len(said) < 100:
        assert Shown().feed(said) == shown
