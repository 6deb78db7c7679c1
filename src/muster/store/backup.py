"""Copying a database, live, into one file; and proving that the file is what was copied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Table

from muster.domain.errors import AlreadyExists
from muster.store.backup_file import (
    FORMAT,
    FORMAT_VERSION,
    NO_BLOBS,
    BackupReader,
    BackupWriter,
    Digest,
    Manifest,
    TablePart,
    explained,
    total_digest,
)
from muster.store.blob_references import referenced
from muster.store.blobs import BlobStore
from muster.store.scope import EVENT_COLUMNS
from muster.store.seals import GENESIS, LAST_SEAL, NEWEST, SEAL_COLUMNS, ChainCheck, Seal
from muster.store.snapshot import Snapshot
from muster.store.statements import Row, Statement
from muster.store.tables import metadata

Progress = Callable[[int, int, str], None]

LEFT_OUT: Final = frozenset({"projection_positions", "log_head"})
"""Read models are folded anew after a restore, and the log's head is where the log ends."""
BACKED_UP: Final[tuple[Table, ...]] = tuple(
    table for table in metadata.sorted_tables if table.name not in LEFT_OUT
)
_PAGE_ROWS: Final = 2_000
_PAGE_CHUNKS: Final = 100


@dataclass(slots=True, kw_only=True)
class BackupReport:
    """A finished backup. `problems` are faults of the log that was copied; the copy itself is faithful."""

    path: Path
    bytes: int
    manifest: Manifest
    problems: list[str] = field(default_factory=list[str])

    @property
    def ok(self) -> bool:
        """Whether the log in it is whole."""
        return not self.problems

    @property
    def message(self) -> str:
        """The outcome in one sentence."""
        what = (
            f"{self.path}: {self.manifest.rows} rows, events up to {self.manifest.last_seq}, {self.bytes} bytes; "
            f"read again and found the same. Chain head: {self.manifest.chain_hash}"
        )
        return what if self.ok else f"{what}. The log it copied is damaged: run 'muster verify'."


async def table_pages(
    snapshot: Snapshot, table: Table, columns: Sequence[str]
) -> AsyncGenerator[Sequence[Row]]:
    """All rows of a table in the order of its key, some at a time."""
    keys = [column.name for column in table.primary_key.columns]
    size = _PAGE_CHUNKS if table.name in ("output_chunks", "transcript_chunks") else _PAGE_ROWS
    key = ", ".join(keys)
    marks = ", ".join(f"?{n}" for n in range(1, len(keys) + 1))
    select = f"SELECT {', '.join([*keys, *columns])} FROM {table.name}"
    first = Statement(f"{select} ORDER BY {key} LIMIT {size}")
    following = Statement(f"{select} WHERE ({key}) > ({marks}) ORDER BY {key} LIMIT {size}")
    rows = await snapshot.rows(first)
    while rows:
        yield [row[len(keys) :] for row in rows]
        if len(rows) < size:
            return
        rows = await snapshot.rows(following, *rows[-1][: len(keys)])


async def write_backup(
    snapshot: Snapshot,
    target: Path,
    *,
    muster: str,
    schema: str,
    now: int,
    progress: Progress,
    blobs: BlobStore | None = None,
) -> BackupReport:
    """Copy a snapshot, with the contents in `blobs` it refers to, into a new file, read that again, and only then
    give it its name.

    AlreadyExists when the target is there, DiskFull, DataFolderUnusable; none of them leaves anything.
    """
    if target.exists():
        raise AlreadyExists(noun="file", name=str(target))
    with explained(target):
        writer = BackupWriter(target)
        try:
            manifest = await _write(writer, snapshot, blobs, muster, schema, now, progress)
            problems = await check_backup(writer.partial, progress)
            size = writer.partial.stat().st_size
            writer.publish()
        except BaseException:
            writer.discard()
            raise
    return BackupReport(path=target, bytes=size, manifest=manifest, problems=problems)


async def _write(
    writer: BackupWriter,
    snapshot: Snapshot,
    blobs: BlobStore | None,
    muster: str,
    schema: str,
    now: int,
    progress: Progress,
) -> Manifest:
    expected = await count_rows(snapshot)
    tables: dict[str, TablePart] = {}
    done = 0
    for table in BACKED_UP:
        columns = [str(column.name) for column in table.columns]
        digest = Digest()
        with writer.table(table.name) as member:
            async for page in table_pages(snapshot, table, columns):
                await asyncio.to_thread(member.write, b"".join(digest.add(row) + b"\n" for row in page))
                done += len(page)
                progress(done, 2 * expected, f"copying {table.name}")
        tables[str(table.name)] = TablePart(columns, digest.rows, digest.hex())
    seals = await snapshot.rows(LAST_SEAL)
    last_seq = (await snapshot.rows(Statement("SELECT coalesce(max(seq), 0) FROM events")))[0][0]
    manifest = Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        muster=muster,
        schema=schema,
        database=snapshot.name,
        created_at=now,
        last_seq=last_seq,
        sealed_blocks=seals[0][0] if seals else 0,
        chain_hash=Seal(*seals[0]).hash if seals else GENESIS,
        digest=total_digest(tables),
        tables=tables,
        blobs=NO_BLOBS if blobs is None else await _write_blobs(writer, snapshot, blobs),
    )
    await asyncio.to_thread(writer.finish, manifest)
    return manifest


async def _write_blobs(writer: BackupWriter, snapshot: Snapshot, blobs: BlobStore) -> TablePart:
    """Copy what rows refer to. What is not there any more is left out: its rows say what it was."""
    names = {name async for found in referenced(snapshot.rows) for name in found}

    def copy() -> TablePart:
        digest = Digest()
        for name in sorted(names):
            if blobs.path_of(name).exists():
                writer.blob(name, blobs.read(name))
                digest.add((name,))
        return TablePart(["sha256"], digest.rows, digest.hex())

    return await asyncio.to_thread(copy)


async def count_rows(snapshot: Snapshot) -> int:
    """Rows of all tables that are backed up."""
    total = 0
    for table in BACKED_UP:
        total += (await snapshot.rows(Statement(f"SELECT count(*) FROM {table.name}")))[0][0]
    return total


async def check_backup(path: Path, progress: Progress) -> list[str]:
    """Read a backup from end to end. BackupDamaged when it is not what it says; else the faults of its log."""
    reader = BackupReader(path)
    try:
        return await asyncio.to_thread(_check, reader, progress)
    finally:
        reader.close()


def _check(reader: BackupReader, progress: Progress) -> list[str]:
    total = reader.manifest.rows
    done = total
    problems: list[str] = []
    for table in reader.manifest.tables:
        if table in ("events", "seals"):
            continue
        for page in reader.pages(table):
            done += len(page)
            progress(done, 2 * total, f"checking {table}")
    for _ in reader.blobs():
        pass
    chain = ChainCheck(problems.append)
    seals = _rows(reader, "seals", SEAL_COLUMNS)
    upcoming = next(seals, None)
    for row in _rows(reader, "events", EVENT_COLUMNS):
        while upcoming is not None and chain.wants_seal:
            chain.expect(Seal(*upcoming))
            upcoming = next(seals, None)
        chain.event(row)
        if chain.events % _PAGE_ROWS == 0:
            progress(done + chain.events, 2 * total, "checking events")
    while upcoming is not None:
        chain.expect(Seal(*upcoming))
        upcoming = next(seals, None)
    noted = [row[1] for row in _rows(reader, "installation", ("name", "value")) if row[0] == NEWEST]
    chain.finish(noted[0] if noted else None)
    progress(2 * total, 2 * total, "checked")
    return problems


def _rows(reader: BackupReader, table: str, columns: Sequence[str]) -> Iterator[Row]:
    found = reader.manifest.tables[table].columns
    at = [found.index(column) for column in columns]
    for page in reader.pages(table):
        for row in page:
            yield tuple(row[index] for index in at)
