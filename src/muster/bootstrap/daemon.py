"""The server as a background process: who runs, starting one, stopping one."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from muster.bootstrap.settings import Settings
from muster.domain.errors import Conflict, DataFolderUnusable, DiskFull

PID_NAME: Final = "muster.pid"
LOG_NAME: Final = "muster.log"
_LOG_BYTES: Final = 10 * 1024 * 1024
_PROBE_BYTES: Final = 64 * 1024


class AlreadyRunning(Conflict):
    """A muster server (process {pid}) already runs with this data directory, at {url}. Stop it with 'muster stop'."""

    code = "already_running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A live server: its process, told apart from a later one of the same number by when it started."""

    pid: int
    started: str
    url: str


def process_started(pid: int) -> str | None:
    """When a process started, as a text that is only good for comparing; None when there is no such process."""
    if not Path("/proc/self/stat").exists():
        return _started_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{fields[19]}@{boot}"


def _started_by_ps(pid: int) -> str | None:
    result = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=10
    )
    return result.stdout.strip() or None


def running_server(data_dir: Path) -> Running | None:
    """The live server of a data directory; a pid file whose process is gone or another one counts as none."""
    try:
        record: Any = json.loads((data_dir / PID_NAME).read_text(encoding="utf-8"))
        found = Running(pid=int(record["pid"]), started=str(record["started"]), url=str(record["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if process_started(found.pid) == found.started else None


@contextmanager
def registered(settings: Settings) -> Generator[None]:
    """Keep this process in the pid file of the data directory while the block runs; AlreadyRunning if another is."""
    prepare_data_dir(settings.data_dir)
    present = running_server(settings.data_dir)
    if present is not None and present.pid != os.getpid():
        raise AlreadyRunning(pid=present.pid, url=present.url)
    me = Running(pid=os.getpid(), started=process_started(os.getpid()) or "", url=settings.listen_url)
    path = settings.data_dir / PID_NAME
    write_private(path, json.dumps(asdict(me)))
    try:
        yield
    finally:
        if running_server(settings.data_dir) == me:
            path.unlink(missing_ok=True)


def prepare_data_dir(data_dir: Path) -> None:
    """Make the data directory, for its owner only, and see that it can be written."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not data_dir.is_dir() or not os.access(data_dir, os.W_OK | os.X_OK):
            raise DataFolderUnusable(path=data_dir, problem="it is not a directory that you may write to")
        _try_space(data_dir)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(path=data_dir) from error
        raise DataFolderUnusable(path=data_dir, problem=error.strerror or str(error)) from error


def _try_space(data_dir: Path) -> None:
    """Write something for a moment: nothing else tells a full disk before the database is touched."""
    with tempfile.TemporaryFile(dir=data_dir) as probe:
        probe.write(bytes(_PROBE_BYTES))
        probe.flush()
        os.fsync(probe.fileno())


def write_private(path: Path, text: str) -> None:
    """Replace a file at once by one that only its owner can read."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with open(fresh, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def client_url(settings: Settings) -> str:
    """Where commands find the server: what was said now, else the live server of the data directory, else the file."""
    said_now = any(
        origin.startswith(("MUSTER_", "flag "))
        for key, origin in settings.origins.items()
        if key in ("server.host", "server.port")
    )
    if settings.server.url is None and not said_now:
        live = running_server(settings.data_dir)
        if live is not None:
            return live.url
    return settings.server_url


def log_path(settings: Settings) -> Path:
    """Where a background server writes."""
    return settings.data_dir / LOG_NAME


def spawn(
    settings: Settings, arguments: Sequence[str], variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start `muster up` with `arguments` detached from this terminal, its output appended to the log file."""
    prepare_data_dir(settings.data_dir)
    log = log_path(settings)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with open(log, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as output:
        return subprocess.Popen(
            [sys.executable, "-m", "muster.cli.main", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **variables},
            start_new_session=True,
        )


def stop(server: Running, timeout: float, *, kill: bool = False) -> bool:
    """End a server with SIGTERM (SIGKILL with `kill`) and wait up to `timeout` seconds; whether it is gone."""
    try:
        descriptor = os.pidfd_open(server.pid) if hasattr(os, "pidfd_open") else None
    except ProcessLookupError:
        return True
    try:
        if process_started(server.pid) != server.started:
            return True
        os.kill(server.pid, signal.SIGKILL if kill else signal.SIGTERM)
        return _gone(server, descriptor, timeout)
    except ProcessLookupError:
        return True
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _gone(server: Running, descriptor: int | None, timeout: float) -> bool:
    if descriptor is not None:
        return bool(select.select([descriptor], [], [], timeout)[0])
    for _ in range(max(int(timeout * 10), 1)):
        if process_started(server.pid) != server.started:
            return True
        select.select([], [], [], 0.1)
    return False
