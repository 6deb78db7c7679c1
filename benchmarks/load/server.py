"""Starts the server a load is put on, in a process of its own, and looks at it from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.child import NotRun, Parameters, fresh_directory

START_SECONDS = 60
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server. `durability` says what its answers promise."""

    port: int
    pid: int
    subject: str
    durability: str
    token: str | None = None

    def cpu_seconds(self) -> float:
        """Processor time used so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_mib(self) -> float:
        """Resident memory of the server and of what it started."""
        return sum(_resident_kib(pid) for pid in _family(self.pid)) / 1024

    def peak_mib(self) -> float:
        """The most the server itself ever had resident."""
        return _status_kib(self.pid, "VmHWM") / 1024


def _status_kib(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def _resident_kib(pid: int) -> int:
    """0 for a process that has ended meanwhile."""
    with contextlib.suppress(OSError):
        return _status_kib(pid, "VmRSS")
    return 0


def _family(pid: int) -> list[int]:
    family = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                family.extend(_family(int(child)))
    return family


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def start(parameters: Parameters, *, data: Path | None = None) -> Iterator[Server]:
    """The server a side names: `muster` (with the durability and database asked for) or `raw`."""
    port = free_port()
    if parameters["server"] == "raw":
        command = [sys.executable, "-m", "benchmarks.load.raw_server", str(port)]
        subject, durability, environment = "bare ASGI on uvicorn", "nothing is stored", {}
    else:
        command, environment = _muster_command(parameters, port, data or fresh_directory(parameters))
        wanted = parameters.get("durability", "default")
        subject, durability = "muster", DURABILITY_TEXTS[wanted]
    log = fresh_directory(parameters) / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env={**os.environ, **environment}
        )
    try:
        _wait_until_listening(port, process, log)
        yield Server(port=port, pid=process.pid, subject=subject, durability=durability)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


DURABILITY_TEXTS = {
    "relaxed": "SQLite WAL NORMAL: commit before the answer, no fsync",
    "default": "SQLite WAL NORMAL: claims after commit, the rest after fsync",
}


def _muster_command(parameters: Parameters, port: int, data: Path) -> tuple[list[str], Mapping[str, str]]:
    program = Path(sys.executable).parent / "muster"
    if not program.exists():
        raise NotRun(f"{program.name} is not installed beside this interpreter")
    command = [
        str(program),
        "up",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--data-dir",
        str(data),
        *([] if "worker" in parameters else ["--no-worker"]),
    ]
    return command, {
        "MUSTER_WORKER_CAPACITY": str(parameters.get("worker", 1)),
        "MUSTER_DURABILITY": parameters.get("durability", "default"),
        "MUSTER_PURGE_AFTER_DAYS": "0",
        "MUSTER_LOG_LEVEL": "warning",
    }


def _wait_until_listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}: {log.read_text()[-1500:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise RuntimeError(f"the server did not listen within {START_SECONDS} s: {log.read_text()[-1500:]}")
