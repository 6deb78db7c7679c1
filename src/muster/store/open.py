"""Opening a database, whichever it is."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from muster.domain.errors import (
    DatabaseLocked,
    DataFolderUnusable,
    DiskFull,
    InvalidInput,
    StoreUnavailable,
)
from muster.store.database import Durability, Store

if TYPE_CHECKING:
    from muster.store.sqlite import SqliteStore

SQLITE: Final = "sqlite:///"
POSTGRES: Final = ("postgresql://", "postgres://")


class FileLock:
    """One process at a time for a database file. The kernel frees it however the process ends."""

    def __init__(self, database: Path) -> None:
        self._database = database
        path = database.with_name(database.name + ".lock")
        try:
            database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(error, database.parent) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._handle, 32, 0).decode(errors="replace").strip()
            os.close(self._handle)
            raise DatabaseLocked(pid=holder or "unknown", path=str(database)) from error
        try:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(self._handle)
            raise _unusable(error, database.parent) from error

    def release(self) -> None:
        """Let others have it. The file stays: removing it would let two processes lock two files of one name."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def _make_private(database: Path) -> None:
    """Make a new database file readable for its owner only; SQLite's side files follow it. Others stay as they are."""
    if not database.exists():
        try:
            database.touch(mode=0o600)
        except OSError as error:
            raise _unusable(error, database.parent) from error


def _unusable(error: OSError, folder: Path) -> StoreUnavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(path=str(folder))
    return DataFolderUnusable(path=str(folder), problem=error.strerror or str(error))


async def open_store(
    where: str | Path, *, durability: Durability, clock: Callable[[], int], migrate: bool = False
) -> Store:
    """Open a SQLite file (a path or `sqlite:///PATH`) or a PostgreSQL database (`postgresql://...`).

    A SQLite file is made, locked and migrated as needed: DatabaseLocked, DataFolderUnusable. A
    PostgreSQL database is migrated when `migrate`; otherwise DatabaseTooOld says what to run. Either
    may be DatabaseTooNew.
    """
    text = str(where)
    if text.startswith(POSTGRES):
        return await _open_postgres(text, durability, clock, migrate=migrate)
    if "://" in text and not text.startswith(SQLITE):
        raise InvalidInput(
            field="database", problem="must be a path, sqlite:///PATH or postgresql://USER@HOST/NAME"
        )
    return _open_sqlite(Path(text.removeprefix(SQLITE)).expanduser().absolute(), durability, clock)


async def _open_postgres(
    url: str, durability: Durability, clock: Callable[[], int], *, migrate: bool
) -> Store:
    from muster.store.postgres import PostgresStore  # noqa: PLC0415 - SQLite needs none of it
    from muster.store.postgres_migrate import migrate_postgres, require_current_postgres  # noqa: PLC0415 - as above

    await (migrate_postgres(url) if migrate else require_current_postgres(url))
    return await PostgresStore.open(url, durability=durability, clock=clock)


def _open_sqlite(path: Path, durability: Durability, clock: Callable[[], int]) -> SqliteStore:
    from muster.store.migrate import migrate_sqlite  # noqa: PLC0415 - PostgreSQL needs none of it
    from muster.store.sqlite import SqliteStore, require_safe_sqlite  # noqa: PLC0415 - as above
    from muster.store.sqlite_errors import explained  # noqa: PLC0415 - as above

    class LockedStore(SqliteStore):
        async def close(self) -> None:
            await super().close()
            lock.release()

    require_safe_sqlite()
    lock = FileLock(path)
    try:
        _make_private(path)
        migrate_sqlite(path)
        with explained(path):
            return LockedStore(path, durability=durability, clock=clock)
    except BaseException:
        lock.release()
        raise
