"""Backup of a live database and restore into the same or the other database."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from muster.domain.errors import AlreadyExists, DatabaseLocked, DatabaseTooNew, DataFolderUnusable, DiskFull
from muster.store import backup_restore
from muster.store.backup import BackupReport, check_backup, write_backup
from muster.store.backup_file import BackupDamaged, BackupTooNew, BackupWriter
from muster.store.backup_restore import (
    RestoreReport,
    TargetInUse,
    TargetNotEmpty,
    open_backup,
    restore_postgres,
    restore_sqlite,
)
from muster.store.blobs import BlobStore
from muster.store.database import Durability, Store
from muster.store.open import open_store
from muster.store.postgres_migrate import migrate_postgres
from muster.store.snapshot import open_snapshot
from muster.store.tables import SCHEMA_VERSION
from tests.store.events import one
from tests.store.trust import a_day_of_work, place_of, quiet, seal_all, tamper, verified
from tests.store.working import Place

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


async def back_up(database: str, target: Path) -> BackupReport:
    async with open_snapshot(place_of(database)) as snapshot:
        return await write_backup(
            snapshot,
            target,
            muster="1",
            schema=SCHEMA_VERSION,
            now=1,
            progress=quiet,
            blobs=BlobStore(target.parent / "blobs"),
        )


async def put_back(source: Path, database: str, *, force: bool = False) -> RestoreReport:
    reader = await asyncio.to_thread(open_backup, source)
    try:
        place = place_of(database)
        blobs = BlobStore(source.parent / "blobs")
        if isinstance(place, Path):
            return await restore_sqlite(reader, place, blobs, force=force, progress=quiet)
        return await restore_postgres(reader, place, blobs, force=force, progress=quiet)
    finally:
        reader.close()


def clock() -> int:
    return 1_800_000_000_000_000


async def reopened(database: str) -> Store:
    return await open_store(database, durability=Durability.RELAXED, clock=clock)


def edited(source: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """A copy of a backup whose members went through `change`; None leaves one out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)


async def test_what_was_backed_up_comes_back(store: Store, database: str, tmp_path: Path) -> None:
    """OD-60: backup and restore of a live database, with verification."""
    await a_day_of_work(store)
    await seal_all(store, block=8)
    report = await back_up(database, tmp_path / "b")
    before = await verified(database)
    await (await Place.at(store)).submit("after the backup")
    await store.close()
    restored = await put_back(tmp_path / "b", database, force=True)
    after = await verified(database)
    assert restored.ok
    assert after.problems == []
    assert (after.last_seq, after.head_hash) == (before.last_seq, before.head_hash)
    assert (after.tasks, after.attempts) == (before.tasks, before.attempts)
    assert report.manifest.chain_hash == before.head_hash
    assert "restored" in restored.message.lower()
    again = await reopened(database)
    place = await Place.at(again)
    await place.submit("life goes on")
    assert await place.claim("ann") is not None
    await again.close()
    assert (await verified(database)).ok


@pytest.mark.postgres
async def test_a_backup_of_one_database_can_be_restored_into_the_other(
    store: Store, database: str, tmp_path: Path, postgres_template: Any
) -> None:
    await a_day_of_work(store)
    await seal_all(store)
    await back_up(database, tmp_path / "b")
    other = postgres_template(migrate_postgres) if "://" not in database else str(tmp_path / "fresh" / "x.db")
    assert (await put_back(tmp_path / "b", other)).ok
    assert (await verified(other)).head_hash == (await verified(database)).head_hash
    again = await reopened(other)
    await (await Place.at(again)).submit("life goes on")
    await again.close()
    assert (await verified(other)).problems == []


async def test_a_backup_is_of_one_moment_though_work_goes_on(
    store: Store, database: str, tmp_path: Path
) -> None:
    place = await Place.at(store)
    stop = asyncio.Event()

    async def work() -> None:
        while not stop.is_set():
            await place.submit("more")
            claimed = await place.claim("ann")
            assert claimed is not None
            await place.end(claimed, cost=1)

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(work())
        report = await back_up(database, tmp_path / "b")
        meanwhile = await verified(database)
        stop.set()
    assert report.ok
    assert meanwhile.problems == []
    fresh = tmp_path / "fresh.db"
    assert (await put_back(tmp_path / "b", str(fresh))).verified.problems == []


async def test_a_target_with_work_in_it_is_refused_and_untouched(
    store: Store, database: str, tmp_path: Path
) -> None:
    await a_day_of_work(store)
    await back_up(database, tmp_path / "b")
    events = await one(store, "SELECT count(*) FROM events")
    await store.close()
    with pytest.raises(TargetNotEmpty, match=f"{events} events"):
        await put_back(tmp_path / "b", database)
    assert (await verified(database)).events == events


async def test_a_target_that_a_server_has_open_is_refused(
    store: Store, database: str, tmp_path: Path
) -> None:
    await a_day_of_work(store)
    await back_up(database, tmp_path / "b")
    with pytest.raises((DatabaseLocked, TargetInUse)):
        await put_back(tmp_path / "b", database, force=True)


@on_sqlite
async def test_the_old_database_is_kept_with_what_its_wal_held(
    store: Store, database: str, tmp_path: Path
) -> None:
    await a_day_of_work(store)
    await back_up(database, tmp_path / "b")
    await (await Place.at(store)).submit("newer than the backup")
    await store.close()
    first = await put_back(tmp_path / "b", database, force=True)
    second = await put_back(tmp_path / "b", database, force=True)
    assert first.replaced is not None
    assert first.replaced != second.replaced
    assert (await verified(str(first.replaced))).tasks == 12
    assert (await verified(database)).tasks == 11


@on_sqlite
async def test_a_ruined_database_can_be_replaced(store: Store, database: str, tmp_path: Path) -> None:
    await a_day_of_work(store)
    await back_up(database, tmp_path / "b")
    await store.close()
    Path(database).write_bytes(b"not a database at all" * 1000)
    Path(database + "-wal").write_bytes(b"nor is this")
    with pytest.raises(TargetNotEmpty, match="unreadable"):
        await put_back(tmp_path / "b", database)
    restored = await put_back(tmp_path / "b", database, force=True)
    assert restored.ok
    assert not Path(database + "-wal").exists()
    assert (await verified(database)).ok


async def test_a_failure_half_way_leaves_the_old_database(
    store: Store, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_day_of_work(store)
    await back_up(database, tmp_path / "b")
    await store.close()
    before = await verified(database)

    async def fails(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "the disk gave up")

    monkeypatch.setattr(backup_restore, "_prove", fails)
    with pytest.raises((DataFolderUnusable, OSError), match="gave up"):
        await put_back(tmp_path / "b", database, force=True)
    assert await verified(database) == before
    assert not list(tmp_path.glob("*.restoring*"))


@on_sqlite
async def test_a_damaged_database_is_copied_faithfully_and_said_to_be_damaged(
    store: Store, database: str, tmp_path: Path
) -> None:
    await a_day_of_work(store)
    await seal_all(store)
    await tamper(database, "UPDATE events SET at = 5 WHERE seq = 12")
    report = await back_up(database, tmp_path / "b")
    assert report.problems == ["event 12 is not the one that was sealed (block 1)"]
    assert "damaged" in report.message
    target = str(tmp_path / "fresh.db")
    with pytest.raises(BackupDamaged, match="event 12"):
        await put_back(tmp_path / "b", target)
    assert not Path(target).exists()
    assert not (await put_back(tmp_path / "b", target, force=True)).ok


@on_sqlite
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda name, data: data.replace(b"made", b"mad3") if "task_specs" in name else data, "was changed"),
        (lambda name, data: data[: data.index(b"\n") + 1] if "tables/tasks." in name else data, "has 1 rows"),
        (lambda name, data: None if name == "tables/queues.jsonl" else data, "queues"),
        (lambda name, data: b"{" if "tables/agents" in name else data, "array"),
        (lambda name, data: None if name == "manifest.json" else data, "no manifest"),
        (lambda name, data: b"[]" if name == "manifest.json" else data, "manifest|object"),
        (
            lambda name, data: (
                data.replace(b'"rows": 11', b'"rows": 12') if name == "manifest.json" else data
            ),
            "contradicts itself",
        ),
    ],
)
async def test_a_corrupted_backup_is_refused_before_anything_happens(
    store: Store, database: str, tmp_path: Path, change: Callable[[str, bytes], bytes | None], problem: str
) -> None:
    await a_day_of_work(store)
    await back_up(database, tmp_path / "b")
    edited(tmp_path / "b", tmp_path / "bad", change)
    target = tmp_path / "fresh" / "x.db"
    with pytest.raises(BackupDamaged, match=f"(?i){problem}"):
        await check_backup(tmp_path / "bad", quiet)
    with pytest.raises(BackupDamaged):
        await put_back(tmp_path / "bad", str(target))
    assert not target.exists()


@on_sqlite
async def test_one_flipped_byte_anywhere_is_noticed(store: Store, database: str, tmp_path: Path) -> None:
    await a_day_of_work(store)
    await back_up(database, tmp_path / "b")
    whole = (tmp_path / "b").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupDamaged):
        await check_backup(tmp_path / "cut", quiet)
    with zipfile.ZipFile(tmp_path / "b") as backup:
        info = backup.getinfo("tables/events.jsonl")
    at = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
    flipped = bytearray(whole)
    flipped[at] ^= 1
    (tmp_path / "flipped").write_bytes(flipped)
    with pytest.raises(BackupDamaged):
        await check_backup(tmp_path / "flipped", quiet)


def _with_manifest(**changes: Any) -> Callable[[str, bytes], bytes]:
    return lambda name, data: (
        json.dumps(json.loads(data) | changes).encode() if name == "manifest.json" else data
    )


@on_sqlite
async def test_backups_of_newer_versions_are_refused(store: Store, database: str, tmp_path: Path) -> None:
    await back_up(database, tmp_path / "b")
    edited(tmp_path / "b", tmp_path / "format", _with_manifest(format_version=2, new_field=1))
    with pytest.raises(BackupTooNew, match="newer muster"):
        open_backup(tmp_path / "format")
    edited(tmp_path / "b", tmp_path / "schema", _with_manifest(schema="9999"))
    with pytest.raises(DatabaseTooNew, match="9999"):
        open_backup(tmp_path / "schema")


@on_sqlite
async def test_an_existing_file_is_never_overwritten(store: Store, database: str, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("precious")
    with pytest.raises(AlreadyExists):
        await back_up(database, tmp_path / "b")
    assert (tmp_path / "b").read_text() == "precious"
    writer = BackupWriter(tmp_path / "c")
    (tmp_path / "c").write_text("came meanwhile")
    with pytest.raises(AlreadyExists):
        writer.publish()
    writer.discard()
    assert sorted(path.name for path in tmp_path.glob(".*partial")) == []


@on_sqlite
async def test_a_folder_that_is_not_there_is_named(store: Store, database: str, tmp_path: Path) -> None:
    with pytest.raises(DataFolderUnusable, match="No such file"):
        await back_up(database, tmp_path / "nowhere" / "b")


@on_sqlite
async def test_a_full_disk_leaves_no_half_backup(
    store: Store, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_day_of_work(store)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match=str(tmp_path)):
        await back_up(database, tmp_path / "b")
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".partial" or path.name == "b"] == []


@on_sqlite
async def test_a_backup_is_for_its_owner_only(store: Store, database: str, tmp_path: Path) -> None:
    """It holds the tokens of running leases."""
    await back_up(database, tmp_path / "b")
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0


@on_sqlite
async def test_progress_reaches_the_end(store: Store, database: str, tmp_path: Path) -> None:
    await a_day_of_work(store)
    told: list[tuple[int, int]] = []
    async with open_snapshot(place_of(database)) as snapshot:
        await write_backup(
            snapshot,
            tmp_path / "b",
            muster="1",
            schema=SCHEMA_VERSION,
            now=1,
            progress=lambda done, total, _: told.append((done, total)),
        )
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] > 0


def test_a_snapshot_of_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"nonsense" * 1000)

    async def look() -> None:
        async with open_snapshot(tmp_path / "x.db"):
            raise AssertionError("it opened")

    with pytest.raises(Exception, match="no SQLite database") as refusal:
        asyncio.run(look())
    assert isinstance(refusal.value.__cause__, apsw.NotADBError)
