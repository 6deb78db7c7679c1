"""The write path on PostgreSQL: one connection, one batch under way on it, the next one gathering."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it ships none

from muster.domain.errors import MusterError, StoreUnavailable
from muster.domain.events import LogLost
from muster.store.codec import encode_payload
from muster.store.combiner import AnyOperation, Intake, Pending, run_batch
from muster.store.feed import Feed
from muster.store.postgres_connection import (
    WRITER_SETTINGS,
    PostgresConnection,
    connect,
    explain,
    is_lost,
    outcome_unknown,
)
from muster.store.postgres_flush import Flusher
from muster.store.postgres_scope import PostgresScope
from muster.store.postgres_sql import StatementCache
from muster.store.scope import Memory
from muster.store.statements import Row

TRIES: Final = 4
_SETTINGS: Final = {**WRITER_SETTINGS, "synchronous_commit": "off"}
_AGAIN: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
    asyncpg.InvalidCachedStatementError,
)

_FILL: Final = (
    "INSERT INTO events (seq, at, kind, data) SELECT lost, $3::bigint, $4::text, $5::text "
    "FROM generate_series($1::bigint, $2::bigint) AS lost"
)

Committed = Callable[[PostgresScope, Sequence[Row]], Awaitable[None]]


def _filling(payload: LogLost) -> tuple[str, str]:
    return payload.kind, encode_payload(payload)


class Writer:
    """Runs commands in batches on one connection. With a `flusher`, it answers those that succeeded."""

    def __init__(
        self,
        url: str,
        memory: Memory,
        statements: StatementCache,
        feed: Feed,
        committed: Committed,
        *,
        flusher: Flusher | None,
    ) -> None:
        self.memory = memory
        self.batches = 0
        self.batched = 0
        self._url = url
        self._statements = statements
        self._feed = feed
        self._committed = committed
        self._flusher = flusher
        self._intake = Intake(self._start)
        self._working: asyncio.Task[None] | None = None
        self._connection: PostgresConnection | None = None

    def submit(self, operation: AnyOperation) -> asyncio.Future[Any]:
        """Queue a command; the future is its answer."""
        return self._intake.submit(operation)

    async def open(self) -> PostgresConnection:
        """The connection, made anew when it was lost."""
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = await connect(self._url, "muster", _SETTINGS)
            await self._keep_head(connection)
            self._connection = connection
        return connection

    async def _keep_head(self, connection: PostgresConnection) -> None:
        """A PostgreSQL that crashed may have forgotten unsynced claims that were told of. Their positions stay used,
        so that no listener takes another event for one it has seen, and say so; lanes made with them are looked up anew."""
        self.memory.forget()
        async with connection.transaction():
            head: int = await connection.fetchval("SELECT seq FROM log_head WHERE id = 1 FOR UPDATE")
            if head < self._feed.head:
                payload = LogLost()
                await connection.execute(
                    _FILL, head + 1, self._feed.head, self.memory.tick(), *_filling(payload)
                )
                await connection.execute("UPDATE log_head SET seq = $1 WHERE id = 1", self._feed.head)

    def _start(self) -> asyncio.Task[None]:
        if self._working is None or self._working.done():
            self._working = asyncio.get_running_loop().create_task(self._work())
        return self._working

    async def _work(self) -> None:
        while batch := self._intake.take():
            self.batches += 1
            self.batched += len(batch)
            try:
                await self._run(batch)
            except Exception as error:  # noqa: BLE001 - whatever it was reaches the callers it belongs to
                for pending in batch:
                    pending.error = pending.error or error
            self._answer(batch)

    def _answer(self, batch: Sequence[Pending]) -> None:
        succeeded: list[Pending] = []
        for pending in batch:
            if self._flusher is None or pending.error is not None:
                pending.settle()
            else:
                succeeded.append(pending)
        if self._flusher is not None and succeeded:
            self._flusher.settle(succeeded)

    async def _run(self, batch: Sequence[Pending]) -> None:
        for left in reversed(range(TRIES)):
            connection: PostgresConnection | None = None
            try:
                connection = await self.open()
                scope, rows = await self._transact(connection, batch)
            except StoreUnavailable as error:
                _refuse(batch, error)
                return
            except Exception as error:  # noqa: BLE001 - raised again at its caller
                if is_lost(error, connection):
                    self._drop()
                    _refuse(batch, explain(error, connection))
                    return
                if isinstance(error, _AGAIN) and left:
                    continue
                if len(batch) == 1:
                    _refuse(batch, explain(error, connection))
                    return
                break
            await self._committed(scope, rows)
            return
        for pending in batch:
            await self._run([pending])

    async def _transact(
        self, connection: PostgresConnection, batch: Sequence[Pending]
    ) -> tuple[PostgresScope, Sequence[Row]]:
        for pending in batch:
            pending.result = pending.error = None
        scope = PostgresScope(self.memory, connection, self._statements)
        try:
            await run_batch(scope, batch)
            rows = await scope.finish()
        except BaseException as error:
            self.memory.forget()
            if not isinstance(error, Exception) or is_lost(error, connection):
                self._drop()
            else:
                await scope.rollback()
            raise
        await self._commit(connection, scope)
        return scope, rows

    async def _commit(self, connection: PostgresConnection, scope: PostgresScope) -> None:
        try:
            await scope.commit()
        except BaseException as error:
            self.memory.forget()
            if isinstance(error, Exception) and not is_lost(error, connection):
                raise
            self._drop()
            if isinstance(error, Exception):
                raise outcome_unknown(error) from error
            raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            connection.terminate()

    async def close(self) -> None:
        """Finish what was submitted and end the connection."""
        while len(self._intake) or (self._working is not None and not self._working.done()):
            await self._start()
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            await connection.close()


def _refuse(batch: Sequence[Pending], error: Exception) -> None:
    for pending in batch:
        if not isinstance(pending.error, MusterError):
            pending.error = error
