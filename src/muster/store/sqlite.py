"""SQLite through apsw: batches run on the loop thread, the disk is synced on a helper thread.

Measured reasons: every sqlite3 step drops and retakes the interpreter lock, so a writer thread
beside a busy loop starves; and an fdatasync on the loop would freeze every socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import apsw
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.sql.compiler import SQLCompiler

from muster.domain.errors import SQLiteTooOld, StoreUnavailable
from muster.domain.ids import IdSequence
from muster.store.announce import Announcer
from muster.store.codec import to_json
from muster.store.combiner import Intake, Pending, run_batch
from muster.store.database import Durability
from muster.store.feed import Feed
from muster.store.lanes import load_lane_facts
from muster.store.notify import Signals
from muster.store.scope import INSERT_EVENTS, Memory, Scope
from muster.store.sqlite_errors import explain, explained
from muster.store.sqlite_files import Checkpointer, SqliteConnection, WalSync, open_connection
from muster.store.statements import ManyRows, Row, Statement
from muster.store.unit_of_work import FusedOperation, Operation

MINIMUM: Final = (3, 51, 3)
_DIALECT: Final = sqlite_dialect(paramstyle="qmark")

R = TypeVar("R")


def require_safe_sqlite() -> None:
    """Refuse SQLite versions that can corrupt a WAL database (sqlite.org/wal.html, "the WAL-reset bug")."""
    found = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if found < MINIMUM:
        raise SQLiteTooOld(found=apsw.sqlite_lib_version(), wanted=".".join(map(str, MINIMUM)))


class SqliteScope(Scope):
    """A unit of work on the writer connection; nothing in it ever suspends."""

    def __init__(self, memory: Memory, connection: SqliteConnection) -> None:
        super().__init__(memory)
        self._connection = connection

    async def rows(self, statement: Statement, *params: Any) -> list[Row]:
        return list(self._connection.execute(statement.sqlite, _bind(params)))

    async def run(self, statement: Statement, *params: Any) -> int:
        self._connection.execute(statement.sqlite, _bind(params))
        return self._connection.changes()

    async def run_many(self, statement: ManyRows, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            self._connection.executemany(statement.sqlite, rows)

    async def select(self, query: ClauseElement) -> list[Row]:
        sql, params = compile_for_sqlite(query)
        return list(self._connection.execute(sql, params))

    async def write(self, query: ClauseElement) -> int:
        sql, params = compile_for_sqlite(query)
        self._connection.execute(sql, params)
        return self._connection.changes()

    async def exclusive(self, name: str) -> None:
        """The one writer is alone already."""

    async def savepoint(self) -> None:
        self._connection.execute("SAVEPOINT one")

    async def rollback_to_savepoint(self) -> None:
        self._connection.execute("ROLLBACK TO one")
        self._connection.execute("RELEASE one")
        self.memory.forget()

    async def release_savepoint(self) -> None:
        self._connection.execute("RELEASE one")


class SqliteStore:
    """One process owns the file; every write goes through the combiner on the loop thread."""

    name = "sqlite"

    def __init__(self, path: Path, *, durability: Durability, clock: Callable[[], int]) -> None:
        require_safe_sqlite()
        self._path = path
        self._durability = durability
        self._clock = clock
        self._writer = open_connection(path)
        self._reader = open_connection(path, read_only=True)
        self._slow: SqliteConnection | None = None
        self._helper = ThreadPoolExecutor(1, thread_name_prefix="muster-read")
        self._sync = WalSync(path)
        self._checkpoints = Checkpointer(path, self._writer)
        head = int(next(self._writer.execute("SELECT coalesce(max(seq), 0) FROM events"))[0])
        last_id = int(next(self._writer.execute("SELECT coalesce(max(id), 0) FROM tasks"))[0])
        last_at = next(self._writer.execute("SELECT at FROM events WHERE seq = ?", (head,)), (0,))[0]
        self._head = head
        self._memory = Memory(IdSequence(0, last_id), clock, last_now=last_at)
        self._intake = Intake(self._run)
        self._unsynced: list[Pending] = []
        self._syncing: asyncio.Task[None] | None = None
        self._broken: StoreUnavailable | None = None
        self._closed = False
        self.batches = 0
        self.batched = 0
        self.feed = Feed(head)
        self.signals = Signals()
        self._announcer = Announcer(self.signals)

    def now(self) -> int:
        return self._memory.tick()

    async def execute(self, operation: Operation[R] | FusedOperation[Any, R]) -> R:
        if self._closed:
            raise StoreUnavailable(problem="it is shutting down")
        if self._broken is not None:
            raise self._broken
        return await self._intake.submit(operation)

    def take_seen(self) -> Mapping[str, int]:
        return self._announcer.take_seen()

    def next_wake(self) -> int | None:
        return self._announcer.next_wake()

    # The write path: one turn's commands, one transaction.

    def _run(self) -> None:
        batch = self._intake.take()
        if not batch:
            return
        self.batches += 1
        self.batched += len(batch)
        try:
            self._transact(batch)
        except Exception:  # noqa: BLE001 - whatever it was reaches the one caller it belongs to
            self._replay_alone(batch)
        self._answer(batch)
        self._checkpoints.after_commit()
        if len(self._intake):
            self._intake.schedule()

    def _replay_alone(self, batch: Sequence[Pending]) -> None:
        for pending in batch:
            pending.result = pending.error = None
            try:
                self._transact([pending])
            except Exception as error:  # noqa: BLE001 - raised again at its caller
                pending.error = explain(error, self._path, self._writer)

    def _transact(self, batch: Sequence[Pending]) -> None:
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        scope = SqliteScope(self._memory, connection)
        try:
            drive(run_batch(scope, batch))
            rows = scope.event_rows(self._head + 1)
            if rows:
                connection.executemany(INSERT_EVENTS.sqlite, rows)
            connection.execute("COMMIT")
        except BaseException:
            self._memory.forget()
            # A full disk or an I/O error may have rolled back already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._committed(scope, rows)

    def _committed(self, scope: SqliteScope, rows: Sequence[Row]) -> None:
        journal = scope.journal
        self._head += len(rows)
        if rows:
            self.feed.publish(rows)
        self._memory.forget_deleted(rows)
        if journal.readied and self.signals.unknown_lanes(journal.readied):
            self._learn_lanes()
        self._announcer.announce(journal, scope.now)

    def _learn_lanes(self) -> None:
        for lane in drive(load_lane_facts(self)):
            self.signals.lane_changed(lane)

    def _answer(self, batch: Sequence[Pending]) -> None:
        if self._durability is Durability.RELAXED:
            waiting: list[Pending] = []
        elif self._durability is Durability.STRICT:
            waiting = [pending for pending in batch if pending.error is None]
        else:
            waiting = [pending for pending in batch if pending.error is None and pending.durable]
        if len(waiting) < len(batch):
            held = set(map(id, waiting))
            for pending in batch:
                if id(pending) not in held:
                    pending.settle()
        if waiting:
            self._unsynced.extend(waiting)
            if self._syncing is None or self._syncing.done():
                self._syncing = asyncio.get_running_loop().create_task(self._sync_until_quiet())

    async def _sync_until_quiet(self) -> None:
        while self._unsynced:
            waiting, self._unsynced = self._unsynced, []
            try:
                await self._sync.sync()
            except OSError as error:
                # After a failed fsync the kernel may have dropped the pages: nothing more can be promised.
                self._broken = StoreUnavailable(
                    problem=f"the disk failed to sync ({error}); restart the server"
                )
                for pending in waiting:
                    pending.error = self._broken
            for pending in waiting:
                pending.settle()

    # The read side.

    async def rows(self, statement: Statement, *params: Any) -> list[Row]:
        return await self._read(statement.sqlite, _bind(params))

    async def select(self, query: ClauseElement) -> list[Row]:
        return await self._read(*compile_for_sqlite(query))

    async def _read(self, sql: str, params: Sequence[Any]) -> list[Row]:
        try:
            return list(self._reader.execute(sql, params))
        except apsw.InterruptError:
            return await self._read_aside(sql, params)
        except apsw.Error as error:
            raise explain(error, self._path, self._reader) from error

    async def long_rows(self, statement: Statement, *params: Any) -> list[Row]:
        return await self._read_aside(statement.sqlite, _bind(params))

    async def _read_aside(self, sql: str, params: Sequence[Any]) -> list[Row]:
        return await asyncio.get_running_loop().run_in_executor(
            self._helper, self._read_on_helper, sql, params
        )

    def _read_on_helper(self, sql: str, params: Sequence[Any]) -> list[Row]:
        if self._slow is None:
            self._slow = open_connection(self._path, read_only=True, interactive=False)
        with explained(self._path):
            return list(self._slow.execute(sql, params))

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        while len(self._intake):
            self._run()
        if self._syncing is not None:
            await self._syncing
        self._helper.shutdown()
        self._sync.close()
        for connection in (self._slow, self._reader, self._writer):
            if connection is not None:
                connection.close()
        self._checkpoints.close()


def drive(work: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine that never suspends."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    work.close()
    raise RuntimeError("a command awaited something besides its unit of work")


def _bind(params: Sequence[Any]) -> Sequence[Any]:
    for index, value in enumerate(params):
        if isinstance(value, list | tuple | set | frozenset):
            bound = list(params)
            for at in range(index, len(bound)):
                if isinstance(bound[at], list | tuple | set | frozenset):
                    bound[at] = to_json(bound[at])
            return bound
    return params


def compile_for_sqlite(query: ClauseElement) -> tuple[str, list[Any]]:
    """SQL text and positional parameters of a Core query."""
    compiled = cast(SQLCompiler, query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}))
    params = compiled.params
    return compiled.string, [params[name] for name in compiled.positiontup or ()]
