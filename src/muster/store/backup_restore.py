"""Putting a backup in place of a database: first beside it, proven there, then in its place at once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw
import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it ships none
from sqlalchemy import Table

from muster.domain.errors import Conflict, DatabaseTooNew, StoreUnavailable
from muster.store.backup import BACKED_UP, Progress, table_pages
from muster.store.backup_file import BackupDamaged, BackupReader, Digest, Manifest, explained, sync_folder
from muster.store.blobs import BlobStore
from muster.store.migrate import migrate_sqlite
from muster.store.open import FileLock
from muster.store.postgres_connection import PostgresConnection, connect, explain
from muster.store.postgres_migrate import migrate_postgres
from muster.store.snapshot import PostgresSnapshot, Snapshot, sqlite_snapshot
from muster.store.sqlite_files import SqliteConnection, open_connection, run_script
from muster.store.tables import SCHEMA_VERSION
from muster.store.verification import VerifyReport, verify_snapshot

_LOADING: Final = {
    "statement_timeout": "0",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",
}
_OTHERS: Final = (
    "SELECT pid, application_name FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND application_name LIKE 'muster%' LIMIT 1"
)
_SIDE_FILES: Final = ("-wal", "-shm", "-journal")


class TargetNotEmpty(Conflict):
    """{place} holds work already ({events} events). Give --force to put the backup in its place."""

    code = "target_not_empty"


class TargetInUse(Conflict):
    """{place} is in use by another muster ({user}). Stop it first."""

    code = "target_in_use"


@dataclass(slots=True, kw_only=True)
class RestoreReport:
    """A finished restore. `replaced` is where the old SQLite database was put aside, if there was one."""

    place: str
    manifest: Manifest
    verified: VerifyReport
    replaced: Path | None = None
    problems: list[str] = field(default_factory=list[str])

    @property
    def ok(self) -> bool:
        """Whether the restored log is whole and its rows are what it says."""
        return self.verified.ok

    @property
    def message(self) -> str:
        """The outcome in one sentence."""
        kept = "" if self.replaced is None else f" The old database is {self.replaced}."
        return f"Restored {self.manifest.rows} rows and verified them. {self.verified.message}{kept}"


def open_backup(source: Path) -> BackupReader:
    """The backup, if this version can restore it. BackupDamaged, BackupTooNew, DatabaseTooNew."""
    reader = BackupReader(source)
    schema = reader.manifest.schema
    problem = None
    if schema > SCHEMA_VERSION:
        reader.close()
        raise DatabaseTooNew(found=schema, known=SCHEMA_VERSION)
    for table in BACKED_UP:
        part = reader.manifest.tables.get(table.name)
        if part is None and schema < SCHEMA_VERSION:
            continue  # It came later, and is empty.
        unknown = {"all"} if part is None else set(part.columns) - {column.name for column in table.columns}
        if unknown:
            problem = f"table {table.name} lacks or has columns of its own: {', '.join(sorted(unknown))}"
    if problem is not None:
        reader.close()
        raise BackupDamaged(path=source, problem=problem)
    return reader


def _tables(reader: BackupReader) -> list[Table]:
    return [table for table in BACKED_UP if table.name in reader.manifest.tables]


async def restore_sqlite(
    reader: BackupReader, path: Path, blobs: BlobStore, *, force: bool, progress: Progress
) -> RestoreReport:
    """Put a backup in place of a SQLite file. The old one, if any, is kept beside it."""
    with explained(path):
        lock = FileLock(path)
        try:
            return await _restore_sqlite(reader, path, blobs, force=force, progress=progress)
        finally:
            lock.release()


async def _restore_sqlite(
    reader: BackupReader, path: Path, blobs: BlobStore, *, force: bool, progress: Progress
) -> RestoreReport:
    events = await asyncio.to_thread(_events_in, path)
    if events and not force:
        raise TargetNotEmpty(place=path, events=events)
    fresh = path.with_name(path.name + ".restoring")
    _remove(fresh)
    try:
        await asyncio.to_thread(_load_sqlite, reader, fresh, progress)
        async with sqlite_snapshot(fresh) as snapshot:
            verified = await _prove(snapshot, reader, progress, force=force)
        await asyncio.to_thread(_restore_blobs, reader, blobs)
        await asyncio.to_thread(_sync_file, fresh)
        replaced = _swap(fresh, path)
    except BaseException:
        _remove(fresh)
        raise
    return RestoreReport(
        place=str(path),
        manifest=reader.manifest,
        verified=verified,
        replaced=replaced,
        problems=verified.problems,
    )


def _restore_blobs(reader: BackupReader, blobs: BlobStore) -> None:
    for name, content in reader.blobs():
        blobs.write(name, content)


def _events_in(path: Path) -> int | str:
    """How many events a file holds; in words when it is there and cannot be read."""
    if not path.exists() or path.stat().st_size == 0:
        return 0
    try:
        connection = open_connection(path, read_only=True, interactive=False)
    except apsw.Error:
        return "unreadable"
    try:
        return int(next(connection.execute("SELECT count(*) FROM events"))[0])
    except apsw.SQLError:
        tables = next(connection.execute("SELECT count(*) FROM sqlite_schema"))[0]
        return f"no events, but {tables} tables" if tables else 0
    except apsw.Error:
        return "unreadable"
    finally:
        connection.close()


def _load_sqlite(reader: BackupReader, fresh: Path, progress: Progress) -> None:
    migrate_sqlite(fresh)
    fresh.chmod(0o600)
    connection = open_connection(fresh)
    try:
        # The file is thrown away unless it is loaded to the end, so it needs no journal.
        run_script(
            connection,
            "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF",
        )
        connection.execute("BEGIN EXCLUSIVE")
        _insert_all(connection, reader, progress)
        connection.execute("COMMIT")
    except apsw.FullError as error:
        raise OSError(28, str(error)) from error
    except (apsw.ConstraintError, apsw.MismatchError) as error:
        raise BackupDamaged(path=reader.path, problem=f"its rows contradict each other ({error})") from error
    finally:
        connection.close()


def _insert_all(connection: SqliteConnection, reader: BackupReader, progress: Progress) -> None:
    done, total = 0, 2 * reader.manifest.rows
    for table in _tables(reader):
        columns = reader.manifest.tables[table.name].columns
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"
        for page in reader.pages(table.name):
            connection.executemany(sql, page)
            done += len(page)
            progress(done, total, f"restoring {table.name}")


async def _prove(
    snapshot: Snapshot, reader: BackupReader, progress: Progress, *, force: bool
) -> VerifyReport:
    """Hold what was loaded against the backup, row by row, and verify its log.

    A backup of a database that was damaged already is only put in place by `force`.
    """
    manifest = reader.manifest
    for table in _tables(reader):
        part = manifest.tables[table.name]
        digest = Digest()
        async for page in table_pages(snapshot, table, part.columns):
            for row in page:
                digest.add(row)
        if (digest.rows, digest.hex()) != (part.rows, part.digest):
            raise StoreUnavailable(problem=f"table {table.name} was not stored as it is in the backup")

    def advanced(done: int, total: int, what: str) -> None:
        progress(manifest.rows + (manifest.rows * done // total if total else 0), 2 * manifest.rows, what)

    verified = await verify_snapshot(snapshot, advanced)
    if not verified.ok and not force:
        raise BackupDamaged(
            path=reader.path,
            problem=f"{verified.problems[0]}, and {len(verified.problems) - 1 + verified.more_problems} more; "
            "--force restores it all the same",
        )
    return verified


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _swap(fresh: Path, path: Path) -> Path | None:
    """Keep the old database under another name, then put the new one in its place with one rename.

    The new file must never meet a WAL of the old one, so that is folded back or put aside first.
    """
    aside = _free_name(path)
    existed = path.exists()
    if existed:
        _fold_back(path)
        _keep(path, aside)
    for suffix in _SIDE_FILES:
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(aside.with_name(aside.name + suffix))
    sync_folder(path.parent)
    fresh.replace(path)
    sync_folder(path.parent)
    return aside if existed else None


def _fold_back(path: Path) -> None:
    """Make a database one file, if it can be read at all; a ruined one is put aside as it is."""
    try:
        connection = open_connection(path)
    except apsw.Error:
        return
    try:
        run_script(connection, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE")
    except apsw.Error:
        return
    finally:
        connection.close()


def _keep(path: Path, aside: Path) -> None:
    try:
        os.link(path, aside)
    except OSError:
        # A file system without hard links: for a moment there is no database under its name.
        path.rename(aside)


def _free_name(path: Path) -> Path:
    number = 1
    while any(
        path.with_name(f"{path.name}.replaced-{number}{suffix}").exists() for suffix in ("", *_SIDE_FILES)
    ):
        number += 1
    return path.with_name(f"{path.name}.replaced-{number}")


def _remove(path: Path) -> None:
    for suffix in ("", *_SIDE_FILES):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


async def restore_postgres(
    reader: BackupReader, url: str, blobs: BlobStore, *, force: bool, progress: Progress
) -> RestoreReport:
    """Put a backup in place of what a PostgreSQL database holds, in one transaction."""
    await migrate_postgres(url)
    connection = await connect(url, "muster restore", _LOADING)
    try:
        await connection.execute("BEGIN")
        verified = await _restore_postgres(connection, reader, force=force, progress=progress)
        await asyncio.to_thread(_restore_blobs, reader, blobs)
        await connection.execute("COMMIT")
    except asyncpg.PostgresError as error:
        raise explain(error, connection) from error
    finally:
        # Closing ends a transaction that was not committed, and nothing has happened.
        await connection.close()
    return RestoreReport(
        place="the PostgreSQL database",
        manifest=reader.manifest,
        verified=verified,
        problems=verified.problems,
    )


async def _restore_postgres(
    connection: PostgresConnection, reader: BackupReader, *, force: bool, progress: Progress
) -> VerifyReport:
    others = await connection.fetch(_OTHERS)
    if others:
        raise TargetInUse(place="the PostgreSQL database", user=f"{others[0][1]}, process {others[0][0]}")
    names = ", ".join(table.name for table in BACKED_UP)
    await connection.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
    events = await connection.fetchval("SELECT count(*) FROM events")
    if events and not force:
        raise TargetNotEmpty(place="the PostgreSQL database", events=events)
    await connection.execute(f"TRUNCATE {names}, projection_positions, task_search")
    await _copy_all(connection, reader, progress)
    await connection.execute("UPDATE log_head SET seq = (SELECT coalesce(max(seq), 0) FROM events)")
    await connection.execute("ANALYZE")
    return await _prove(PostgresSnapshot(connection), reader, progress, force=force)


async def _copy_all(connection: Any, reader: BackupReader, progress: Progress) -> None:
    done, total = 0, 2 * reader.manifest.rows
    for table in _tables(reader):
        columns = reader.manifest.tables[table.name].columns
        for page in reader.pages(table.name):
            await _copy(connection, reader, table.name, columns, page)
            done += len(page)
            progress(done, total, f"restoring {table.name}")


async def _copy(
    connection: Any, reader: BackupReader, table: str, columns: Sequence[str], page: Sequence[Any]
) -> None:
    try:
        await connection.copy_records_to_table(table, records=page, columns=columns)
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, ValueError, TypeError) as error:
        raise BackupDamaged(
            path=reader.path, problem=f"a row of table {table} cannot be stored ({error})"
        ) from error
