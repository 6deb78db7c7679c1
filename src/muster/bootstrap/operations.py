"""What an operator does to an installation: look it over, verify it, back it up, restore it."""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import version
from pathlib import Path
from typing import Final

from muster.bootstrap.doctor import Check, doctor
from muster.bootstrap.settings import Settings
from muster.domain.errors import DatabaseTooOld, InvalidInput, NotFound
from muster.store.backup import BackupReport, Progress, write_backup
from muster.store.backup_restore import RestoreReport, open_backup, restore_postgres, restore_sqlite
from muster.store.blobs import BlobStore
from muster.store.migrate import behind, sqlite_version
from muster.store.open import SQLITE
from muster.store.snapshot import open_snapshot
from muster.store.tables import SCHEMA_VERSION
from muster.store.verification import VerifyReport, verify_snapshot

__all__ = [
    "BackupReport",
    "Check",
    "Progress",
    "RestoreReport",
    "VerifyReport",
    "backup",
    "blob_folder",
    "database_place",
    "doctor",
    "restore",
    "verify",
]

DISTRIBUTION: Final = "muster-fleet"


def database_place(settings: Settings) -> Path | str:
    """The path of the SQLite file in use, or the URL of the PostgreSQL database."""
    url = settings.database_url
    return Path(url.removeprefix(SQLITE)).expanduser().absolute() if url.startswith(SQLITE) else url


def blob_folder(settings: Settings) -> Path:
    """Where contents are kept: beside the SQLite file, or in the data directory of a server on PostgreSQL."""
    place = database_place(settings)
    return place.with_name(f"{place.name}-blobs") if isinstance(place, Path) else settings.data_dir / "blobs"


async def verify(settings: Settings, *, progress: Progress) -> VerifyReport:
    """Check the chain over the log and replay it against the rows; a server may run meanwhile."""
    place = database_place(settings)
    await _require_schema(place)
    async with open_snapshot(place) as snapshot:
        return await verify_snapshot(snapshot, progress)


async def backup(settings: Settings, target: Path, *, progress: Progress) -> BackupReport:
    """Copy the database into a new file and check that file; a server may run meanwhile."""
    place = database_place(settings)
    await _require_schema(place)
    async with open_snapshot(place) as snapshot:
        return await write_backup(
            snapshot,
            target,
            muster=version(DISTRIBUTION),
            schema=SCHEMA_VERSION,
            now=time.time_ns() // 1_000,
            blobs=BlobStore(blob_folder(settings)),
            progress=progress,
        )


async def restore(settings: Settings, source: Path, *, force: bool, progress: Progress) -> RestoreReport:
    """Put a backup in place of the database; no server may run.

    TargetNotEmpty unless `force` when there is work in the database already, and BackupDamaged unless
    `force` when the database that was backed up was damaged.
    """
    if not source.is_file():
        raise InvalidInput(field="source", problem=f"there is no file {source}")
    place, blobs = database_place(settings), BlobStore(blob_folder(settings))
    reader = await asyncio.to_thread(open_backup, source)
    try:
        if isinstance(place, Path):
            return await restore_sqlite(reader, place, blobs, force=force, progress=progress)
        return await restore_postgres(reader, place, blobs, force=force, progress=progress)
    finally:
        reader.close()


async def _require_schema(place: Path | str) -> None:
    if isinstance(place, str):
        from muster.store.postgres_migrate import require_current_postgres

        await require_current_postgres(place)
        return
    found = await asyncio.to_thread(sqlite_version, place)
    if found is None and not place.exists():
        raise NotFound(
            f"There is no database {place} yet. It is made when the server first starts: muster up"
        )
    if behind(found):
        raise DatabaseTooOld(found=found or "none", wanted=SCHEMA_VERSION)
