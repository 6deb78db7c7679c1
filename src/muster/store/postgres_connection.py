"""Connections to PostgreSQL: their settings, what their failures mean, and a small pool for reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it ships none
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.sql.compiler import SQLCompiler

from muster.domain.errors import Conflict, DiskFull, StoreUnavailable

CONNECT_SECONDS: Final = 10
STATEMENT_SECONDS: Final = 30
INTERACTIVE_MS: Final = 1_000
_SETS: Final[tuple[type[Any], ...]] = (set, frozenset)
_DIALECT: Final = asyncpg_dialect.dialect()

# Writers look rows up by the keys they are given. Plans made while a table was still small must not
# become scans of it once it is large, and rows are then locked in the order of the keys.
WRITER_SETTINGS: Final = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
READER_SETTINGS: Final = {
    "statement_timeout": str(INTERACTIVE_MS),
    "default_transaction_read_only": "on",
    "idle_in_transaction_session_timeout": "30s",
    "jit": "off",
}
SLOW_SETTINGS: Final = {**READER_SETTINGS, "statement_timeout": "60s"}


class PostgresConnection(Protocol):
    """The part of asyncpg.Connection that is used here (asyncpg ships no complete types)."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement; its command tag."""
        ...

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """Rows of a statement."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """A transaction around the block."""
        ...

    async def fetchval(self, query: str, *args: Any) -> Any:
        """First value of the first row."""
        ...

    async def add_listener(self, channel: str, callback: Any) -> None:
        """Call back for each notification on a channel."""
        ...

    def add_termination_listener(self, callback: Any) -> None:
        """Call back when the connection ends."""
        ...

    def is_closed(self) -> bool:
        """Whether the connection is gone."""
        ...

    def terminate(self) -> None:
        """Drop the connection without a farewell."""
        ...

    async def close(self) -> None:
        """End the connection in good order."""
        ...


async def connect(url: str, name: str, settings: Mapping[str, str]) -> PostgresConnection:
    """A connection that shows as `name` in pg_stat_activity; StoreUnavailable says why there is none."""
    try:
        connection = await cast(Any, asyncpg).connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=2 * STATEMENT_SECONDS,
            statement_cache_size=500,
            max_cached_statement_lifetime=0,
            server_settings={"application_name": name, "timezone": "UTC", **settings},
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise StoreUnavailable(problem=f"cannot connect to PostgreSQL ({_words(error)})") from error
    return cast(PostgresConnection, connection)


def explain(error: Exception, connection: PostgresConnection | None) -> Exception:
    """The error a caller is given for a failure of the database."""
    match error:
        case asyncpg.DiskFullError():
            return DiskFull(path="the PostgreSQL database")
        case asyncpg.LockNotAvailableError() | asyncpg.QueryCanceledError():
            return StoreUnavailable(problem="it waited too long for another transaction; try again")
        case asyncpg.DeadlockDetectedError() | asyncpg.SerializationError():
            return StoreUnavailable(problem="other changes kept getting in its way; try again")
        case asyncpg.UniqueViolationError() | asyncpg.ExclusionViolationError():
            return Conflict(problem="another change was made at the same moment; look again and repeat it")
        case asyncpg.ReadOnlySQLTransactionError():
            return StoreUnavailable(problem="PostgreSQL is read-only (a replica?); nothing was changed")
        case _ if is_lost(error, connection):
            return StoreUnavailable(
                problem=f"the connection to PostgreSQL was lost ({_words(error)}); nothing was changed"
            )
        case _:
            return error


def outcome_unknown(error: Exception) -> StoreUnavailable:
    """The connection went away between a commit and its answer."""
    return StoreUnavailable(
        problem=f"the connection to PostgreSQL was lost during the commit ({_words(error)}), so it is not known "
        "whether the change was made. Repeating it is safe: a call with the same token or idempotency key counts once",
        outcome="unknown",
    )


def is_lost(error: Exception, connection: PostgresConnection | None) -> bool:
    """Whether the connection is of no more use after this error."""
    if connection is not None and connection.is_closed():
        return True
    return isinstance(
        error,
        asyncpg.PostgresConnectionError
        | asyncpg.AdminShutdownError
        | asyncpg.CrashShutdownError
        | asyncpg.IdleInTransactionSessionTimeoutError
        | OSError
        | TimeoutError,
    )


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def compile_for_postgres(query: ClauseElement) -> tuple[str, list[Any]]:
    """SQL text and positional parameters of a Core query."""
    compiled = cast(SQLCompiler, query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}))
    params = compiled.params
    return compiled.string, [params[name] for name in compiled.positiontup or ()]


def bind(params: Sequence[Any]) -> Sequence[Any]:
    """Parameters as asyncpg takes them: sets become lists."""
    if any(isinstance(value, _SETS) for value in params):
        return [[*value] if isinstance(value, _SETS) else value for value in params]
    return params


class ReadPool:
    """A few read-only connections, made when needed. The one used last is used next."""

    def __init__(self, url: str, name: str, settings: Mapping[str, str], *, size: int) -> None:
        self._url = url
        self._name = name
        self._settings = settings
        self._idle: list[PostgresConnection] = []
        self._free = asyncio.Semaphore(size)

    async def fetch(self, query: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The rows of a query. A connection that had gone away unnoticed is replaced once."""
        try:
            return await self._fetch(query, params)
        except StoreUnavailable:
            self._drop_idle()
            return await self._fetch(query, params)

    async def _fetch(self, query: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        async with self._connection() as connection:
            try:
                return [tuple(row) for row in await connection.fetch(query, *params)]
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                if is_lost(error, connection):
                    raise explain(error, connection) from error
                raise

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[PostgresConnection]:
        async with self._free:
            connection = self._idle.pop() if self._idle else None
            if connection is None or connection.is_closed():
                connection = await connect(self._url, self._name, self._settings)
            try:
                yield connection
            except BaseException:
                # Cancelled or broken in the middle of a query: what the server thinks of it is uncertain.
                connection.terminate()
                raise
            self._idle.append(connection)

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().terminate()

    async def close(self) -> None:
        """End the connections."""
        while self._idle:
            await self._idle.pop().close()
