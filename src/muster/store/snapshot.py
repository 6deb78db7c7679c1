"""One unchanging view of a database for long reads, while others go on writing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import apsw
import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it ships none

from muster.domain.errors import DataFolderUnusable, StoreUnavailable
from muster.store.postgres_connection import PostgresConnection, connect, explain
from muster.store.sqlite_files import SqliteConnection, open_connection, run_script
from muster.store.statements import Row, Statement

# A long read may take its time, and it must not make the server cancel it.
_PATIENT: Final = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0", "jit": "off"}

T = TypeVar("T")


class Snapshot(Protocol):
    """Rows as they were when the snapshot was taken."""

    name: str

    async def rows(self, statement: Statement, *params: Any) -> list[Row]:
        """The rows of a statement."""
        ...


class SqliteSnapshot:
    """A read transaction on a connection and a thread of its own. While it is open the WAL cannot start over."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: SqliteConnection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="muster-snapshot")

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def begin(self) -> None:
        """Take the snapshot."""
        await self._run(self._begin)

    def _begin(self) -> None:
        try:
            self._connection = open_connection(self._path, read_only=True, interactive=False)
            # Pages of a mapped file count as memory of this process, and a look at everything maps everything.
            run_script(self._connection, "PRAGMA mmap_size = 0; BEGIN")
            list(self._connection.execute("SELECT count(*) FROM sqlite_schema"))
        except (apsw.CantOpenError, apsw.ReadOnlyError) as error:
            raise DataFolderUnusable(path=self._path, problem=f"SQLite cannot open it ({error})") from error
        except (apsw.NotADBError, apsw.CorruptError) as error:
            raise StoreUnavailable(
                problem=f"{self._path} is no SQLite database or is damaged ({error})"
            ) from error

    async def rows(self, statement: Statement, *params: Any) -> list[Row]:
        bound = [json.dumps(value) if isinstance(value, list | tuple | set) else value for value in params]
        return await self._run(lambda: self._fetch(statement.sqlite, bound))

    def _fetch(self, sql: str, params: Sequence[Any]) -> list[Row]:
        if self._connection is None:
            raise StoreUnavailable(problem="the snapshot is closed")
        try:
            return list(self._connection.execute(sql, params))
        except (apsw.CorruptError, apsw.IOError) as error:
            raise StoreUnavailable(problem=f"{self._path} is damaged ({error})") from error

    async def close(self) -> None:
        """End the snapshot."""
        await self._run(self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class PostgresSnapshot:
    """The rows that a transaction on this connection sees."""

    name = "postgresql"

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection

    async def rows(self, statement: Statement, *params: Any) -> list[Row]:
        try:
            return [tuple(row) for row in await self._connection.fetch(statement.postgres, *params)]
        except asyncpg.PostgresError as error:
            raise explain(error, self._connection) from error


@asynccontextmanager
async def sqlite_snapshot(path: Path) -> AsyncGenerator[Snapshot]:
    """A snapshot of a SQLite file."""
    snapshot = SqliteSnapshot(path)
    try:
        await snapshot.begin()
        yield snapshot
    finally:
        await snapshot.close()


@asynccontextmanager
async def postgres_snapshot(url: str) -> AsyncGenerator[Snapshot]:
    """A snapshot of a PostgreSQL database."""
    connection = await connect(url, "muster snapshot", _PATIENT)
    try:
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield PostgresSnapshot(connection)
    finally:
        await connection.close()


def open_snapshot(place: Path | str) -> AbstractAsyncContextManager[Snapshot]:
    """A snapshot of a SQLite file (a path) or a PostgreSQL database (its URL), as an async context manager."""
    return sqlite_snapshot(place) if isinstance(place, Path) else postgres_snapshot(place)
