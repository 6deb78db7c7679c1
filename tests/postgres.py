"""PostgreSQL for tests and benchmarks: one throw-away cluster a run, a fresh database a test.

`find_server()` looks for the programs, `Guard` owns a cluster's life, `Cluster` says where it is, and
`Databases` makes and drops databases on it. Database URLs are `postgresql://user:password@host:port/name`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncpg

from tests import postgres_guard

T = TypeVar("T")
Migrate = Callable[[str], Awaitable[object] | object]
"""Given the URL of an empty database, puts the schema there and closes its connections."""

OLDEST_SERVER = 15
WAIT_SECONDS = 60.0
MEMORY = "/dev/shm"
MEMORY_BYTES = 3 * 1024**3
NOT_RUN = "PostgreSQL part NOT RUN: no server binaries (apt-get install postgresql)"


@dataclass(frozen=True, slots=True)
class Server:
    """An installed PostgreSQL server: the directory of its programs, its version such as `15.18`."""

    binaries: Path
    version: str


def find_server() -> Server | None:
    """The newest installed server of version 15 or later, wherever distributions put it; else None."""
    roots = [
        Path("/usr/lib/postgresql"),
        Path("/usr/pgsql"),
        Path("/opt/homebrew/opt"),
        Path("/usr/local/opt"),
    ]
    directories = [path for root in roots for path in root.glob("*/bin")]
    on_path = shutil.which("postgres")
    if on_path is not None:
        directories.append(Path(on_path).resolve().parent)
    directories += Path("/usr").glob("pgsql-*/bin")
    found = [server for directory in set(directories) if (server := _server_in(directory))]
    return max(found, key=lambda server: _numbers(server.version), default=None)


def _server_in(directory: Path) -> Server | None:
    if not all(os.access(directory / name, os.X_OK) for name in ("postgres", "initdb")):
        return None
    try:
        told = subprocess.run(
            [directory / "postgres", "--version"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", told.stdout)
    if match is None or _numbers(match[1])[0] < OLDEST_SERVER:
        return None
    return Server(directory, match[1])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a running cluster is, and the password of its superuser."""

    host: str
    port: int
    user: str
    password: str

    def url(self, database: str) -> str:
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{database}"


@dataclass(slots=True)
class Guard:
    """The process that owns a cluster. It starts in milliseconds; the cluster when first asked for."""

    process: subprocess.Popen[bytes]
    address: str

    @classmethod
    def start(
        cls, server: Server, settings: Mapping[str, str] | None = None, *, in_memory: bool = False
    ) -> Self:
        """Start the guard; `settings` override those of `postgres_guard.SETTINGS`. `in_memory` keeps the files in
        memory where there is room: some file systems are slow to make files anew right after others were removed."""
        place = (_memory() if in_memory else None) or _roomy_temp_directory()
        directory = tempfile.mkdtemp(prefix="muster-pg-", dir=place)
        request = postgres_guard.Request(str(server.binaries), directory, dict(settings or {}))
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", postgres_guard.__file__, request.encode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        told = process.stdout.readline()
        if told != b"listening\n":
            raise RuntimeError("the PostgreSQL guard did not start")
        return cls(process, str(Path(directory) / postgres_guard.SOCKET_NAME))

    def cluster(self) -> Cluster:
        return ask_guard(self.address)

    def stop(self) -> None:
        """End the cluster and remove its files; returns when both are gone."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(WAIT_SECONDS)
        finally:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _memory() -> str | None:
    try:
        there = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_BYTES
    except OSError:
        return None
    return MEMORY if there else None


def _roomy_temp_directory() -> str:
    """Socket paths hold about a hundred characters, and root's own temp folder may be closed to PostgreSQL."""
    default = tempfile.gettempdir()
    return "/tmp" if os.geteuid() == 0 or len(default) > 60 else default


def ask_guard(address: str) -> Cluster:
    """Where the guard's cluster is; starts it when this is the first time of asking."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(WAIT_SECONDS * 2)
        connection.connect(address)
        with connection.makefile("r") as lines:
            answer = json.loads(lines.readline() or '{"error": "the PostgreSQL guard is gone"}')
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return Cluster(**answer)


@dataclass(slots=True)
class Databases:
    """Makes and drops databases. Blocking, and usable from within a running event loop too."""

    cluster: Cluster
    prefix: str = "t"
    _made: int = 0
    _templates: dict[str, str] = field(default_factory=dict)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _connection: asyncpg.Connection[Any] | None = None

    def empty(self) -> str:
        """The URL of a new, empty database."""
        return self._create("template0")

    def migrated(self, migrate: Migrate) -> str:
        """The URL of a new database that `migrate` has filled; it runs once, the rest are copies."""
        key = f"{migrate.__module__}.{migrate.__qualname__}"
        if key not in self._templates:
            template = self.empty()
            self._run(_call(migrate, template))
            self._templates[key] = template.rpartition("/")[2]
        return self._create(self._templates[key])

    def drop(self, url: str) -> None:
        """Drop the database, connections and all."""
        self._run(self._execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)'))

    def close(self) -> None:
        if self._thread is not None:
            if self._connection is not None:
                self._run(self._connection.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(WAIT_SECONDS)
        self._loop.close()

    def _create(self, template: str) -> str:
        self._made += 1
        name = f"{self.prefix}_{self._made}"
        self._run(self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        return self.cluster.url(name)

    async def _execute(self, statement: str) -> None:
        if self._connection is None:
            self._connection = await asyncpg.connect(self.cluster.url("postgres"))
        await self._connection.execute(statement)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop.run_forever, name="databases", daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)


async def _call(migrate: Migrate, url: str) -> None:
    # In a thread, because a migration that is not async may well run an event loop of its own.
    answer = await asyncio.to_thread(migrate, url)
    if inspect.isawaitable(answer):
        await answer
