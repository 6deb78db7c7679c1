"""The database's schema: what it has, and bringing it up to this version."""

from __future__ import annotations

from dataclasses import dataclass

from muster.bootstrap.operations import database_place
from muster.bootstrap.settings import Settings
from muster.store.migrate import migrate_sqlite, sqlite_version
from muster.store.open import FileLock
from muster.store.tables import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class SchemaReport:
    """`found` is the schema of the database (None: empty), `wanted` that of this version; `changed`: it was brought there."""

    found: str | None
    wanted: str
    changed: bool = False


async def current(settings: Settings) -> SchemaReport:
    """Look at the schema."""
    return SchemaReport(await _version(settings), SCHEMA_VERSION)


async def upgrade(settings: Settings) -> SchemaReport:
    """Run the migrations the database lacks. A SQLite database must not be open in a server."""
    found = await _version(settings)
    place = database_place(settings)
    if isinstance(place, str):
        from muster.store.postgres_migrate import migrate_postgres

        return SchemaReport(found, SCHEMA_VERSION, await migrate_postgres(place))
    lock = FileLock(place)
    try:
        return SchemaReport(found, SCHEMA_VERSION, migrate_sqlite(place))
    finally:
        lock.release()


async def is_empty_postgres(settings: Settings) -> bool:
    """Whether the database is a PostgreSQL one that nothing was ever put into."""
    return isinstance(database_place(settings), str) and await _version(settings) is None


async def _version(settings: Settings) -> str | None:
    place = database_place(settings)
    if isinstance(place, str):
        from muster.store.postgres_migrate import postgres_version

        return await postgres_version(place)
    return sqlite_version(place)
