"""PostgreSQL through asyncpg: two connections that write, one that waits for the disk, a few that read, one
that follows the log.

Two connections write so that one batch is computed here while another is in PostgreSQL; more were
no faster. Commands that must survive a power loss go to the first and are answered by way of the
flusher; claims, heartbeats and output go to the second and are answered at commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it ships none
from sqlalchemy import ClauseElement

from muster.domain.errors import MusterError, StoreUnavailable
from muster.domain.events import (
    AttemptFailed,
    AttemptSucceeded,
    TaskCancelled,
    TaskEdited,
    TaskReadied,
    TaskRequeued,
    TaskSubmitted,
)
from muster.domain.ids import IdSequence
from muster.store.announce import Announcer
from muster.store.database import Durability
from muster.store.feed import Feed
from muster.store.lanes import load_lane_facts
from muster.store.notify import Signals
from muster.store.postgres_connection import (
    READER_SETTINGS,
    SLOW_SETTINGS,
    ReadPool,
    bind,
    compile_for_postgres,
    connect,
)
from muster.store.postgres_flush import Flusher
from muster.store.postgres_scope import PostgresScope
from muster.store.postgres_sql import StatementCache
from muster.store.postgres_tail import LogTail
from muster.store.postgres_writer import Writer
from muster.store.scope import Memory
from muster.store.statements import Row, Statement
from muster.store.unit_of_work import FusedOperation, Operation

INTERACTIVE_CONNECTIONS: Final = 3
SLOW_CONNECTIONS: Final = 2
_KIND, _TASK, _ATTEMPT = 2, 3, 4
_MAY_READY: Final = {
    kind.kind for kind in (TaskSubmitted, TaskReadied, TaskRequeued, TaskEdited, AttemptFailed)
}
_ENDS: Final = {kind.kind for kind in (AttemptSucceeded, AttemptFailed, TaskCancelled)}
_READY_LANES: Final = Statement(
    "SELECT lane_id, count(*) FROM tasks WHERE id IN_INTS(?1) AND state = 30 GROUP BY lane_id"
)

R = TypeVar("R")


class PostgresStore:
    """A database that several servers may share; each has its own combiner. Made by `open`."""

    name = "postgresql"

    def __init__(
        self,
        url: str,
        durability: Durability,
        clock: Callable[[], int],
        *,
        node: int,
        head: int,
        last_at: int,
    ) -> None:
        self.feed = Feed(head)
        self.signals = Signals()
        self._announcer = Announcer(self.signals)
        ids = IdSequence(node)
        self._memory = Memory(ids, clock, last_now=last_at)
        # A lane learnt inside one transaction does not exist yet for the other connection's.
        other = Memory(ids, self._memory.tick)
        statements = StatementCache()
        self._flusher = None if durability is Durability.RELAXED else Flusher(url)
        self._durable = Writer(
            url, self._memory, statements, self.feed, self._committed, flusher=self._flusher
        )
        flusher = self._flusher if durability is Durability.STRICT else None
        self._quick = Writer(url, other, statements, self.feed, self._committed, flusher=flusher)
        self._reads = ReadPool(url, "muster reads", READER_SETTINGS, size=INTERACTIVE_CONNECTIONS)
        self._slow = ReadPool(url, "muster long reads", SLOW_SETTINGS, size=SLOW_CONNECTIONS)
        self._tail = LogTail(url, self.feed, foreign=self._foreign, output=self._foreign_output)
        self._closed = False

    @classmethod
    async def open(cls, url: str, *, durability: Durability, clock: Callable[[], int]) -> PostgresStore:
        """Connect to a migrated database."""
        connection = await connect(url, "muster", {})
        try:
            node: int = await connection.fetchval("SELECT nextval('muster_nodes')")
            head: int = await connection.fetchval("SELECT seq FROM log_head")
            last_at: int | None = await connection.fetchval(
                "SELECT at FROM events WHERE seq <= $1 ORDER BY seq DESC LIMIT 1", head
            )
        finally:
            await connection.close()
        store = cls(url, durability, clock, node=node, head=head, last_at=last_at or 0)
        try:
            await store._start()
        except BaseException:
            await store.close()
            raise
        return store

    async def _start(self) -> None:
        await self._durable.open()
        await self._quick.open()
        if self._flusher is not None:
            await self._flusher.open()
        await self._tail.start()

    @property
    def batches(self) -> int:
        """Transactions so far."""
        return sum(writer.batches for writer in self._writers())

    @property
    def batched(self) -> int:
        """Commands so far."""
        return sum(writer.batched for writer in self._writers())

    def _writers(self) -> Sequence[Writer]:
        return [self._durable, self._quick]

    def now(self) -> int:
        return self._memory.tick()

    async def execute(self, operation: Operation[R] | FusedOperation[Any, R]) -> R:
        if self._closed:
            raise StoreUnavailable(problem="it is shutting down")
        durable = operation.durable if isinstance(operation, Operation) else operation.command.durable
        return await (self._durable if durable else self._quick).submit(operation)

    def take_seen(self) -> Mapping[str, int]:
        return self._announcer.take_seen()

    def next_wake(self) -> int | None:
        return self._announcer.next_wake()

    async def _committed(self, scope: PostgresScope, rows: Sequence[Row]) -> None:
        journal = scope.journal
        self._tail.committed(rows, journal.output)
        self._forget_deleted(rows)
        if journal.readied:
            await self._learn_lanes(journal.readied)
        self._announcer.announce(journal, scope.now)

    async def _learn_lanes(self, readied: Iterable[int]) -> None:
        if not self.signals.parked or not self.signals.unknown_lanes(readied):
            return
        try:
            for lane in await load_lane_facts(self):
                self.signals.lane_changed(lane)
        except (MusterError, asyncpg.PostgresError):
            # Without the lanes a wake cannot be aimed; all who wait look for themselves.
            self.signals.admission_changed()

    def _forget_deleted(self, rows: Sequence[Row]) -> None:
        for writer in self._writers():
            writer.memory.forget_deleted(rows)

    async def _foreign(self, rows: Sequence[Row]) -> None:
        """What other processes committed concerns those who wait here just as much."""
        self._forget_deleted(rows)
        kinds = {row[_KIND] for row in rows}
        if any(kind.startswith(("project.", "queue.")) for kind in kinds):
            self.signals.forget_lanes()
            self.signals.admission_changed()
        ended = [row[_ATTEMPT] for row in rows if row[_KIND] in _ENDS and row[_ATTEMPT] is not None]
        for attempt in ended:
            self.signals.publish(f"attempt:{attempt}")
        if ended:
            self.signals.limits_freed(len(ended))
        for row in rows:
            if row[_KIND].startswith(("approval.", "message.")):
                self.signals.publish("approvals")
                self.signals.publish(f"attempt:{row[_ATTEMPT]}")
        if self.signals.parked and not kinds.isdisjoint(_MAY_READY):
            await self._wake_for({row[_TASK] for row in rows if row[_KIND] in _MAY_READY})
        self.signals.publish("timers")

    async def _wake_for(self, tasks: set[int]) -> None:
        readied = {row[0]: row[1] for row in await self.rows(_READY_LANES, list(tasks))}
        if readied:
            await self._learn_lanes(readied)
            self.signals.readied(readied)

    def _foreign_output(self, attempts: Iterable[int]) -> None:
        for attempt in attempts:
            self.signals.publish(f"output:{attempt}")

    # The read side.

    async def rows(self, statement: Statement, *params: Any) -> list[Row]:
        return await self._read(statement.postgres, bind(params))

    async def select(self, query: ClauseElement) -> list[Row]:
        return await self._read(*compile_for_postgres(query))

    async def _read(self, sql: str, params: Sequence[Any]) -> list[Row]:
        try:
            return await self._reads.fetch(sql, params)
        except asyncpg.QueryCanceledError:
            return await self._slow.fetch(sql, params)

    async def long_rows(self, statement: Statement, *params: Any) -> list[Row]:
        return await self._slow.fetch(statement.postgres, bind(params))

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for writer in self._writers():
            await writer.close()
        if self._flusher is not None:
            await self._flusher.close()
        await self._tail.close()
        await self._reads.close()
        await self._slow.close()
