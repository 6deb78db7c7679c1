"""Waiting for PostgreSQL's disk, aside of the transactions.

A transaction that waits for the disk itself keeps the rows that everybody needs locked meanwhile.
So all of them commit without waiting, and their answers are held back until one small synchronous
commit after them has returned: the log is written in order, and one wait serves many commits. It
waits for synchronous replicas as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from muster.store.combiner import Pending
from muster.store.postgres_connection import (
    WRITER_SETTINGS,
    PostgresConnection,
    connect,
    explain,
    is_lost,
    outcome_unknown,
)

_SETTINGS: Final = {**WRITER_SETTINGS, "synchronous_commit": "on"}
# A commit that has written nothing would not wait; this writes a record that nothing reads.
_FLUSH: Final = "SELECT pg_logical_emit_message(true, 'muster', '')"


class Flusher:
    """Answers commands once what they did is on disk."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: list[Pending] = []
        self._working: asyncio.Task[None] | None = None
        self._connection: PostgresConnection | None = None

    async def open(self) -> PostgresConnection:
        """The connection, made anew when it was lost."""
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = self._connection = await connect(self._url, "muster flush", _SETTINGS)
        return connection

    def settle(self, batch: Sequence[Pending]) -> None:
        """Answer commands whose transaction has committed."""
        self._waiting.extend(batch)
        if self._working is None or self._working.done():
            self._working = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                connection = await self.open()
                await connection.execute(_FLUSH)
            except Exception as error:  # noqa: BLE001 - raised again at the callers
                self._refuse(batch, error)
            for pending in batch:
                pending.settle()

    def _refuse(self, batch: Sequence[Pending], error: Exception) -> None:
        connection, self._connection = self._connection, None
        lost = connection is None or is_lost(error, connection)
        if connection is not None:
            connection.terminate()
        for pending in batch:
            pending.error = outcome_unknown(error) if lost else explain(error, connection)

    async def close(self) -> None:
        """Answer what waits and end the connection."""
        if self._working is not None:
            await self._working
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            await connection.close()
