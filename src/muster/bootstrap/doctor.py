"""A look over the machine and the installation: what works, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import platform
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from muster.bootstrap.check import Check
from muster.bootstrap.daemon import running_server
from muster.bootstrap.doctor_sandboxes import sandbox_checks
from muster.bootstrap.settings import Settings
from muster.domain.errors import DatabaseDamaged, MusterError
from muster.store.open import SQLITE

GB: Final = 1 << 30
MB: Final = 1 << 20
LITTLE_SPACE: Final = GB
NO_SPACE: Final = 100 * MB
LARGE_WAL: Final = 256 * MB
OLDEST_PYTHON: Final = (3, 11)
OLDEST_POSTGRES: Final = 150_000
SKEW_US: Final = 300_000_000
BUILT_US: Final = 1_767_225_600_000_000
"""2026-01-01: no clock that is right says less."""
ANSWER_SECONDS: Final = 3.0


async def doctor(settings: Settings) -> list[Check]:
    """Look at everything; nothing is changed."""
    looks: list[Callable[[Settings], Awaitable[Check | None]]] = [
        _python,
        _sqlite,
        _data_folder,
        _disk_space,
        _port,
        _database,
        _lock,
        _wal,
        _git,
        _clock,
    ]
    checks = [await look(settings) for look in looks]
    return [*(check for check in checks if check is not None), *await sandbox_checks(settings)]


async def _python(_settings: Settings) -> Check:
    found = platform.python_version()
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Check("python", "fail", found, "install Python 3.11 or newer and make the environment again")
    return Check("python", "ok", found)


async def _sqlite(_settings: Settings) -> Check:
    import apsw

    from muster.store.sqlite import require_safe_sqlite

    try:
        require_safe_sqlite()
    except MusterError as error:
        return Check("sqlite", "fail", error.message, "install the apsw package again: uv sync")
    return Check("sqlite", "ok", apsw.sqlite_lib_version())


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


async def _data_folder(settings: Settings) -> Check:
    folder = settings.data_dir
    present = _existing(folder)
    remedy = "give it to the user who runs muster, or choose another with --data-dir"
    if not present.is_dir():
        return Check("data folder", "fail", f"{present} is not a folder", remedy)
    if present != folder:
        writable = os.access(present, os.W_OK | os.X_OK)
        words = f"{folder} will be made" if writable else f"{folder} cannot be made in {present}"
        return Check("data folder", "ok" if writable else "fail", words, "" if writable else remedy)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            return Check("data folder", "ok", f"{folder} can be written")
    except OSError as error:
        return Check("data folder", "fail", f"{folder} cannot be written: {error.strerror}", remedy)


async def _disk_space(settings: Settings) -> Check:
    free = shutil.disk_usage(_existing(settings.data_dir)).free
    words = f"{free / GB:.1f} GiB free for {settings.data_dir}"
    if free < LITTLE_SPACE:
        return Check(
            "disk space",
            "fail" if free < NO_SPACE else "warn",
            words,
            "free some space, or run: muster purge",
        )
    return Check("disk space", "ok", words)


async def _port(settings: Settings) -> Check:
    host, port = settings.server.host, settings.server.port
    server = running_server(settings.data_dir)
    if server is not None:
        if await asyncio.to_thread(_answers, server.url):
            return Check("server", "ok", f"muster (process {server.pid}) answers at {server.url}")
        return Check(
            "server", "fail", f"process {server.pid} does not answer at {server.url}", "muster restart"
        )
    if await asyncio.to_thread(_answers, settings.listen_url):
        words = f"a muster with another data folder answers at {settings.listen_url}"
        return Check("server", "warn", words, "choose another port with --port, or stop that one")
    problem = await asyncio.to_thread(_cannot_bind, host, port)
    if problem is not None:
        return Check("server", "fail", f"port {port} of {host}: {problem}", "choose another port with --port")
    return Check("server", "ok", f"not running; port {port} of {host} is free")


def _answers(url: str) -> bool:
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/health")
        response = connection.getresponse()
        return response.status < 500 and b'"status"' in response.read(4096)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _cannot_bind(host: str, port: int) -> str | None:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _sqlite_file(settings: Settings) -> Path | None:
    url = settings.database_url
    return Path(url.removeprefix(SQLITE)).expanduser().absolute() if url.startswith(SQLITE) else None


async def _database(settings: Settings) -> Check:
    path = _sqlite_file(settings)
    try:
        found = await (_postgres(settings.database_url) if path is None else _file(path))
    except MusterError as error:
        remedy = "" if path else "is the server running, and are name and password right?"
        return Check("database", "fail", error.message, remedy)
    return found


async def _file(path: Path) -> Check:
    from muster.store.migrate import behind, sqlite_version

    if not path.exists():
        return Check("database", "ok", f"{path} will be made when the server first starts")
    try:
        found = await asyncio.to_thread(sqlite_version, path)
    except DatabaseDamaged as error:
        return Check("database", "fail", error.message, "restore a backup: muster restore")
    if behind(found):
        return Check(
            "database", "warn", f"{path} has schema {found}; the server will migrate it at its start"
        )
    return Check("database", "ok", f"{path}, schema {found}")


async def _postgres(url: str) -> Check:
    from muster.store.migrate import behind
    from muster.store.postgres_connection import connect
    from muster.store.postgres_migrate import postgres_version

    connection = await connect(url, "muster doctor", {})
    try:
        began = time.monotonic()
        number = int(await connection.fetchval("SHOW server_version_num"))
        took = (time.monotonic() - began) * 1_000
    finally:
        await connection.close()
    server = f"PostgreSQL {number // 10_000}.{number % 10_000}"
    if number < OLDEST_POSTGRES:
        return Check("database", "fail", f"{server} is too old", "15 or newer is needed")
    found = await postgres_version(url)
    if behind(found):
        return Check("database", "fail", f"{server} has schema {found or 'none'}", "run: muster db upgrade")
    return Check("database", "ok", f"{server}, schema {found}, answers in {took:.1f} ms")


async def _lock(settings: Settings) -> Check | None:
    path = _sqlite_file(settings)
    if path is None:
        return None
    lock = path.with_name(path.name + ".lock")
    if not lock.exists():
        return Check("database lock", "ok", "free")
    holder = _holder(lock)
    server = running_server(settings.data_dir)
    if holder is None:
        return Check("database lock", "ok", "free")
    if server is not None and holder == str(server.pid):
        return Check("database lock", "ok", f"held by the server (process {holder})")
    words = f"process {holder} holds the database, and it is not this data folder's server"
    return Check("database lock", "warn", words, "stop that process, or use another --data-dir")


def _holder(lock: Path) -> str | None:
    with open(lock, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read(32).decode(errors="replace").strip() or "unknown"
    return None


async def _wal(settings: Settings) -> Check | None:
    path = _sqlite_file(settings)
    if path is None:
        return None
    wal = path.with_name(path.name + "-wal")
    size = wal.stat().st_size if wal.exists() else 0
    words = f"{size / MB:.1f} MiB of write-ahead log"
    if size > LARGE_WAL:
        remedy = "something reads for very long (a backup, another program); it shrinks when that ends"
        return Check("write-ahead log", "warn", words, remedy)
    return Check("write-ahead log", "ok", words)


async def _git(_settings: Settings) -> Check:
    program = shutil.which("git")
    if program is None:
        return Check("git", "warn", "not found", "install git: tasks that work on repositories need it")
    process = await asyncio.create_subprocess_exec(
        program, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    answer, _ = await process.communicate()
    return Check("git", "ok", answer.decode(errors="replace").strip())


async def _clock(settings: Settings) -> Check:
    now = time.time_ns() // 1_000
    shown = datetime.fromtimestamp(now / 1e6, UTC).isoformat(timespec="seconds")
    remedy = "set the clock (timedatectl set-ntp true)"
    if now < BUILT_US:
        return Check("clock", "fail", f"it says {shown}, which has been", remedy)
    newest = await _newest_event(settings)
    if newest is not None and newest > now + SKEW_US:
        behind_by = (newest - now) // 1_000_000
        words = f"it says {shown}, {behind_by} s before the newest event"
        return Check("clock", "warn", words, f"{remedy}; muster's own time goes on from that event")
    return Check("clock", "ok", shown)


async def _newest_event(settings: Settings) -> int | None:
    import apsw

    from muster.store.snapshot import open_snapshot
    from muster.store.statements import Statement

    path = _sqlite_file(settings)
    if path is None or not path.exists():
        return None
    try:
        async with open_snapshot(path) as snapshot:
            rows = await snapshot.rows(Statement("SELECT at FROM events ORDER BY seq DESC LIMIT 1"))
    except (MusterError, apsw.Error):
        # The look at the database reports it.
        return None
    return rows[0][0] if rows else None
