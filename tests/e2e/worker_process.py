"""A worker in a process of its own."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from tests.e2e import forked


@dataclass
class WorkerProcess:
    """`muster worker start`, on a host that shares nothing with the server but its address."""

    folder: Path
    url: str
    name: str = "builder"
    arguments: tuple[str, ...] = ()
    process: forked.Forked | None = None

    @property
    def log(self) -> str:
        return (self.folder / f"{self.name}.log").read_text()

    def start(self) -> None:
        """Start it."""
        line = ["worker", "start", "--server", self.url, "--name", self.name, *self.arguments]
        self.folder.mkdir(exist_ok=True)
        environ = {**os.environ, "MUSTER_DATA_DIR": str(self.folder / "data")}
        self.process = forked.start(line, environ, self.folder, self.folder / f"{self.name}.log")

    def end(self, number: signal.Signals = signal.SIGTERM, timeout: float = 30) -> int:
        """Send a signal and wait for its end; the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout)

    @property
    def attempts_left(self) -> list[str]:
        """Folders of attempts that are there now."""
        folder = self.folder / "data" / "workers" / self.name / "attempts"
        return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
