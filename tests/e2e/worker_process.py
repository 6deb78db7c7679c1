"""A worker in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass
class WorkerProcess:
    """`muster worker start`, on a host that shares nothing with the server but its address."""

    folder: Path
    url: str
    name: str = "builder"
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self.folder / f"{self.name}.log").read_text()

    def start(self) -> None:
        """Start it."""
        line = ["worker", "start", "--server", self.url, "--name", self.name, *self.arguments]
        self.folder.mkdir(exist_ok=True)
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "muster.cli.main", *line],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "MUSTER_DATA_DIR": str(self.folder / "data")},
                cwd=self.folder,
            )

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
