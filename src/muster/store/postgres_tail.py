"""Following the log on PostgreSQL: this process's commits at once, those of others by notification.

The head of the log is a locked row until its transaction commits, so positions have no gaps and
rise in the order of commits. Notifications are sent after the commit, by one connection, many
commits at a time (in every transaction they would cost three quarters of the throughput), and
only while another process listens. They may be lost without harm: the log is looked at every
two seconds in any case.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from muster.domain.errors import StoreUnavailable
from muster.store.feed import RING, Feed
from muster.store.postgres_connection import PostgresConnection, connect, is_lost
from muster.store.scope import EVENT_COLUMNS
from muster.store.statements import Row

FALLBACK_SECONDS: Final = 2.0
GAP_SECONDS: Final = 0.02
PAGE: Final = 2_000
CHANNEL: Final = "muster"
NAME: Final = "muster tail"
_OUTPUTS: Final = 200
_READ: Final = f"SELECT {', '.join(EVENT_COLUMNS)} FROM events WHERE seq > $1 ORDER BY seq LIMIT {PAGE}"
_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1 "
    "AND pid <> pg_backend_pid()"
)
_SETTINGS: Final = {"statement_timeout": "10s", "synchronous_commit": "off", "jit": "off"}


class Notice(msgspec.Struct, array_like=True):
    """What processes tell each other: who speaks, the last position, attempts with new output."""

    sender: int
    head: int
    output: list[int] = []


class Sequencer:
    """Puts commits that end in any order, on several connections, into the order of the log."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._early: dict[int, Sequence[Row]] = {}

    @property
    def gap(self) -> bool:
        """Whether something is missing before what has been offered."""
        return bool(self._early)

    def offer(self, rows: Sequence[Row]) -> list[Row]:
        """Rows of one commit of this process; what can be published by now is, and returned."""
        if rows and rows[-1][0] > self._feed.head:
            self._early[rows[0][0]] = rows
        return self._advance()

    def found(self, rows: Sequence[Row]) -> list[Row]:
        """Rows read from the database behind the head; those that are new are published and returned."""
        head = self._feed.head
        fresh = [row for row in rows if row[0] > head]
        if fresh and fresh[0][0] != head + 1:
            self._feed.restart(fresh[0][0] - 1)
        self._feed.publish(fresh)
        late = [early for early in self._early.values() if early[-1][0] > self._feed.head]
        self._early = {rows[0][0]: rows for rows in late}
        return fresh + self._advance()

    def _advance(self) -> list[Row]:
        published: list[Row] = []
        while self._early:
            first = min(self._early)
            if first > self._feed.head + 1:
                break
            rows = [row for row in self._early.pop(first) if row[0] > self._feed.head]
            self._feed.publish(rows)
            published.extend(rows)
        return published


class LogTail:
    """Keeps the feed at the head of the log. `foreign` is called with rows that other processes wrote,
    `output` with attempts that other processes recorded output of."""

    def __init__(
        self,
        url: str,
        feed: Feed,
        *,
        foreign: Callable[[Sequence[Row]], Any],
        output: Callable[[Iterable[int]], None],
    ) -> None:
        self._url = url
        self._feed = feed
        self._sender = secrets.randbits(53)
        self._foreign = foreign
        self._output = output
        self._sequencer = Sequencer(feed)
        self._wanted = asyncio.Event()
        self._behind = False
        self._others = False
        self._told = feed.head
        self._outputs: set[int] = set()
        self._connection: PostgresConnection | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, and catch up with what was committed since the feed's head was read."""
        await self._listen()
        self._task = asyncio.get_running_loop().create_task(self._follow())

    def committed(self, rows: Sequence[Row], output: Iterable[int]) -> None:
        """Publish what this process has committed, as soon as nothing before it is missing."""
        self._sequencer.offer(rows)
        if self._sequencer.gap:
            asyncio.get_running_loop().call_later(GAP_SECONDS, self._look_if_gap)
        if self._others:
            self._outputs.update(output)
            self._wanted.set()

    def _look_if_gap(self) -> None:
        if self._sequencer.gap:
            self._behind = True
            self._wanted.set()

    async def _listen(self) -> PostgresConnection:
        connection = await connect(self._url, NAME, _SETTINGS)
        self._connection = connection
        connection.add_termination_listener(self._lost)
        await connection.add_listener(CHANNEL, self._hear)
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._notice([]))
        self._behind = True
        return connection

    def _lost(self, _connection: Any) -> None:
        self._wanted.set()

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        notice = msgspec.json.decode(payload, type=Notice)
        if notice.sender == self._sender:
            return
        self._others = True
        self._output(notice.output)
        if notice.head > self._feed.head:
            self._behind = True
            self._wanted.set()

    async def _follow(self) -> None:
        pause = 0.05
        while True:
            try:
                connection = self._connection
                if connection is None or connection.is_closed():
                    connection = await self._listen()
                await self._turn(connection)
                pause = 0.05
            except Exception as error:
                if not isinstance(error, StoreUnavailable) and not is_lost(error, self._connection):
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)

    async def _turn(self, connection: PostgresConnection) -> None:
        if self._behind:
            self._behind = False
            await self._catch_up(connection)
        await self._tell(connection)
        try:
            async with asyncio.timeout(FALLBACK_SECONDS):
                await self._wanted.wait()
            self._wanted.clear()
        except TimeoutError:
            self._others = await connection.fetchval(_OTHERS, NAME) > 0
            self._behind = True

    async def _catch_up(self, connection: PostgresConnection) -> None:
        """Read on behind the head. Far behind, start over at the head: listeners then read the database."""
        head: int = await connection.fetchval("SELECT seq FROM log_head")
        if head - self._feed.head > RING:
            self._feed.restart(head - RING)
        while True:
            rows = [tuple(row) for row in await connection.fetch(_READ, self._feed.head)]
            fresh = self._sequencer.found(rows)
            if fresh:
                await self._foreign(fresh)
            if len(rows) < PAGE:
                return

    async def _tell(self, connection: PostgresConnection) -> None:
        if not self._others:
            self._told = self._feed.head
            self._outputs.clear()
            return
        while self._told < self._feed.head or self._outputs:
            outputs = sorted(self._outputs)[:_OUTPUTS]
            self._outputs.difference_update(outputs)
            self._told = self._feed.head
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._notice(outputs))

    def _notice(self, outputs: list[int]) -> str:
        return msgspec.json.encode(Notice(self._sender, self._feed.head, outputs)).decode()

    async def close(self) -> None:
        """Stop following; what was committed and not told yet is told."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await self._tell(connection)
                await connection.close()
            except Exception as error:
                if not is_lost(error, connection):
                    raise
