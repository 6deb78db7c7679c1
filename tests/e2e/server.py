"""A server process that can be killed at any moment and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.cli.live import free_port
from tests.e2e import forked
from tests.waiting import eventually


def unmeasured() -> dict[str, str]:
    """This environment without what measures coverage.

    A killed process tells nothing of what it covered, and measuring makes a server's start half as long again.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


@dataclass
class KillableServer:
    """`muster up` on one data folder and database, whatever befalls its processes."""

    folder: Path
    database: str
    arguments: tuple[str, ...] = ("--no-worker",)
    port: int = field(default_factory=free_port)
    process: forked.Forked | None = None
    environ: dict[str, str] = field(default_factory=dict)
    told: str = ""
    """What it last said of whether it takes work."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        url = self.database if "://" in self.database else f"sqlite:///{self.database}"
        return {
            **unmeasured(),
            "MUSTER_DATA_DIR": str(self.folder / "data"),
            "MUSTER_DATABASE_URL": url,
            "MUSTER_PORT": str(self.port),
            **self.environ,
        }

    async def start(self) -> None:
        """Start it and wait until it takes work."""
        self.process = forked.start(
            ["up", *self.arguments], self.variables, self.folder, self.folder / "server.log"
        )
        try:
            await eventually(self.is_ready, timeout=40, step=0.05)
        except AssertionError as error:
            raise AssertionError(f"the server is not ready: {self.told}") from error

    async def is_ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError("the server ended:\n" + (self.folder / "server.log").read_text()[-3000:])
        try:
            async with aiohttp.ClientSession() as session, session.get(self.url + "/ready") as answer:
                self.told = await answer.text()
                return answer.status == 200
        except aiohttp.ClientConnectionError as error:
            self.told = str(error)
            return False

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as an operator would."""
        self._end(signal.SIGTERM)

    def _end(self, with_signal: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(with_signal)
            self.process.wait(30)
            self.process = None

    def muster(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `muster` with the server's own settings."""
        return subprocess.run(
            [sys.executable, "-m", "muster.cli.main", *arguments],
            capture_output=True,
            text=True,
            env=self.variables,
            cwd=self.folder,
            timeout=120,
        )
