"""The files of a SQLite database: opening them, syncing the WAL, folding it back."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Protocol, cast

import apsw

PASSIVE_PAGES: Final = 4_000
RESTART_PAGES: Final = 16_000
RESTART_BEHIND: Final = 600
"""Pages the writer may have to fold itself: a few milliseconds of the loop."""
INTERACTIVE_SECONDS: Final = 0.05

log = logging.getLogger("muster.store")


class SqliteConnection(Protocol):
    """The part of apsw.Connection that is used here (its own stubs need typing of Python 3.12)."""

    in_transaction: bool
    exec_trace: Any

    def execute(self, statements: str, bindings: Sequence[Any] | None = None) -> Iterator[tuple[Any, ...]]:
        """Run statements; iterate over their rows."""
        ...

    def executemany(self, statements: str, bindings: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
        """Run one statement once for each set of bindings."""
        ...

    def changes(self) -> int:
        """Rows changed by the last statement."""
        ...

    def set_busy_timeout(self, milliseconds: int) -> None:
        """How long to wait for another connection's lock."""
        ...

    def set_progress_handler(self, callable: Callable[[], bool] | None, nsteps: int = 100) -> None:
        """Call every so many steps; True interrupts the statement."""
        ...

    def set_wal_hook(self, callable: Callable[[Any, str, int], int] | None) -> None:
        """Call after each commit with the pages in the log."""
        ...

    def wal_checkpoint(self, dbname: str | None = None, mode: int = 0) -> tuple[int, int]:
        """Fold the log back."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def open_connection(path: Path, *, read_only: bool = False, interactive: bool = True) -> SqliteConnection:
    """A connection with muster's pragmas. Interactive readers are interrupted after 50 ms."""
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = cast(SqliteConnection, apsw.Connection(str(path), flags=flags, statementcachesize=400))
    connection.set_busy_timeout(5_000)
    run_script(
        connection, "PRAGMA cache_size = -65536; PRAGMA mmap_size = 1073741824; PRAGMA temp_store = MEMORY"
    )
    if read_only:
        connection.execute("PRAGMA query_only = 1")
        if interactive:
            _limit(connection, INTERACTIVE_SECONDS)
    else:
        run_script(
            connection,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; "
            "PRAGMA foreign_keys = OFF; PRAGMA journal_size_limit = 67108864",
        )
    return connection


def run_script(connection: SqliteConnection, statements: str) -> None:
    """Run all statements. `execute` alone stops at the first row, and a pragma that is set answers with one."""
    for _ in connection.execute(statements):
        pass


def _limit(connection: SqliteConnection, seconds: float) -> None:
    clock: Callable[[], float] = time.monotonic
    state = {"started": 0.0}

    def started(_cursor: object, _sql: str, _bindings: object) -> bool:
        state["started"] = clock()
        return True

    def over() -> bool:
        return clock() - state["started"] > seconds

    connection.exec_trace = started
    connection.set_progress_handler(over, 20_000)


def _sync_data(handle: int) -> None:
    os.fdatasync(handle) if hasattr(os, "fdatasync") else os.fsync(handle)


class WalSync:
    """fdatasync of the write-ahead log on a thread of its own, many commits at a time."""

    def __init__(self, path: Path) -> None:
        self._path = str(path) + "-wal"
        self._handle = -1
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="muster-sync")

    async def sync(self) -> None:
        """Return once everything committed so far would survive a power loss."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._sync)

    def _sync(self) -> None:
        if self._handle < 0:
            self._handle = os.open(self._path, os.O_RDWR)
        _sync_data(self._handle)

    def close(self) -> None:
        """Let go of the file."""
        self._thread.shutdown()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class Checkpointer:
    """Folds the WAL back: PASSIVE on a thread, and RESTART by the writer once the log has grown large.

    PASSIVE alone never lets the log start over under a writer that never pauses; a checkpoint
    inside the commit stalls it.
    """

    def __init__(self, path: Path, writer: SqliteConnection) -> None:
        self._path = path
        self._writer = writer
        self._pages = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="muster-checkpoint")
        self._running: Future[None] | None = None
        self._folder: SqliteConnection | None = None
        self._database = -1
        self._passed = 0
        writer.set_wal_hook(self._on_commit)

    def _on_commit(self, _connection: Any, _name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    def after_commit(self) -> None:
        """Start or finish a checkpoint when the log has grown; called between batches."""
        if self._pages < PASSIVE_PAGES or (self._running is not None and not self._running.done()):
            return
        behind = self._pages - self._passed
        if self._pages >= RESTART_PAGES and behind < RESTART_BEHIND:
            self._restart()
        elif behind >= (RESTART_BEHIND if self._pages >= RESTART_PAGES else PASSIVE_PAGES):
            # Close to a restart the thread folds again and again, each time less, until little is left to do here.
            self._passed = self._pages
            self._running = self._thread.submit(self._fold)

    def _fold(self) -> None:
        try:
            if self._folder is None:
                self._folder = cast(SqliteConnection, apsw.Connection(str(self._path)))
                # Before its first read a connection does not know of the log, and folds nothing without saying so.
                run_script(self._folder, "SELECT 1 FROM sqlite_schema LIMIT 1")
                self._database = os.open(self._path, os.O_RDWR)
            self._folder.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            # Beside a busy writer SQLite leaves what it copied in the page cache: the last pass, on the loop, would
            # wait for the disk.
            _sync_data(self._database)
        except apsw.BusyError:
            return
        except (apsw.Error, OSError) as error:
            log.warning("the write-ahead log cannot be folded back now: %s", error)

    def _restart(self) -> None:
        """Most pages are folded already; the rest is short work for the writer, who is between two commits."""
        self._writer.set_busy_timeout(20)
        try:
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
        except apsw.BusyError:
            self._passed = 0
            return
        except apsw.Error as error:
            # A full disk, say. The commit before it stands, and those who wait behind it go on.
            self._passed = self._pages
            log.warning("the write-ahead log cannot be started over now: %s", error)
            return
        finally:
            self._writer.set_busy_timeout(5_000)
        self._passed = 0
        self._pages = 0

    def close(self) -> None:
        """Wait for a checkpoint under way. The other connections of this process must be closed before."""
        self._thread.shutdown()
        if self._folder is not None:
            self._folder.close()
        if self._database >= 0:
            # Last of all: closing any descriptor of a file gives up the locks the process holds on it.
            os.close(self._database)
            self._database = -1
