"""A real server, started the way a user starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread


def free_port() -> int:
    """A port where nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class LiveServer:
    """A data directory and the environment in which every `muster` talks to its server."""

    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "MUSTER_DATA_DIR": str(self.folder / "data"),
            "MUSTER_PORT": str(self.port),
            "MUSTER_SCRIPTS_FOLDERS": str(self.folder / "scripts"),
            "MUSTER_WORKER_CAPACITY": "4",
        }

    def muster(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `muster` to its end in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "muster.cli.main", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environ},
            cwd=self.folder,
            timeout=60,
        )

    def begin(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Session:
        """Start `muster` and go on while it runs."""
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "muster.cli.main", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environ, **(environ or {})},
            cwd=self.folder,
        )
        return Session(process)


class Session:
    """A `muster` that runs, and what it has written so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._errors: list[str] = []
        assert process.stderr is not None
        self._grown = Condition()
        self._reader = Thread(target=self._read_errors, daemon=True)
        self._reader.start()

    def _read_errors(self) -> None:
        for line in self.process.stderr or []:
            with self._grown:
                self._errors.append(line)
                self._grown.notify_all()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(timeout=10)
        self._reader.join(timeout=10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def line(self, wanted: Callable[[str], bool]) -> str:
        """The next line of stdout that is wanted."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if wanted(self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(f"ended without it: {self.lines} {self._errors}")

    def error(self, wanted: Callable[[str], bool]) -> None:
        """Wait until a line of stderr is wanted."""
        with self._grown:
            assert self._grown.wait_for(lambda: any(map(wanted, self._errors)), timeout=30), self._errors

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        assert self.process.stdout is not None
        self.lines += [line.rstrip("\n") for line in self.process.stdout]
        code = self.process.wait(timeout=30)
        self._reader.join(timeout=10)
        return code

    @property
    def errors(self) -> str:
        """What it wrote to stderr, once it has ended."""
        return "".join(self._errors)
