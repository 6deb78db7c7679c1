"""A throw-away PostgreSQL cluster for one bench, from the server binaries of the machine.

Commits are honest: fsync, full_page_writes and synchronous_commit are on.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.child import NotRun

MINIMUM_MAJOR = 15
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_connections": "150",
    "max_wal_size": "2GB",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "warning",
}
START_SECONDS = 30


@dataclass(frozen=True)
class Cluster:
    """A running cluster; `version` is the server's own text."""

    port: int
    version: str

    def url(self, database: str) -> str:
        """Connection URL of `database` as the cluster's superuser."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


def server_binaries() -> Path:
    """Directory of the newest PostgreSQL server binaries of version 15 or later."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    newest = max(found, key=lambda path: int(path.parent.name), default=None)
    if newest is None and (on_path := shutil.which("initdb")):
        newest = Path(on_path).resolve().parent
    if newest is None:
        raise NotRun("no PostgreSQL server binaries (Debian: apt-get install postgresql)")
    return newest


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _identity() -> dict[str, Any]:
    """Arguments that make a child an unprivileged user: the server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise NotRun("running as root and there is no user `postgres` to run the server as") from None
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _dies_with_parent() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "INT"] if setpriv else []


@contextlib.contextmanager
def cluster(directory: Path) -> Iterator[Cluster]:
    """Start a cluster below `directory`; stopped, and its files removed, at the end."""
    binaries = server_binaries()
    identity = _identity()
    data = directory / "postgres"
    data.mkdir()
    if identity:
        os.chown(data, identity["user"], identity["group"])
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        capture_output=True,
        env=environment,
        cwd=data,
        **identity,
    )
    port = _free_port()
    options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
    with (directory / "postgres.log").open("wb") as log:
        server = subprocess.Popen(
            [*_dies_with_parent(), binaries / "postgres", "-D", data, "-p", str(port), "-k", data, *options],
            stdout=log,
            stderr=log,
            env=environment,
            cwd=data,
            **identity,
        )
    try:
        version = _wait_until_ready(binaries, port, server, directory / "postgres.log")
        yield Cluster(port=port, version=version)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(data, ignore_errors=True)


def _wait_until_ready(binaries: Path, port: int, server: subprocess.Popen[Any], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    query = [
        binaries / "psql",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-U",
        "postgres",
        "-XAtc",
        "show server_version",
    ]
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-800:]}")
        asked = subprocess.run(query, capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            return asked.stdout.strip()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.1)
    raise RuntimeError(f"PostgreSQL was not ready after {START_SECONDS} s")
