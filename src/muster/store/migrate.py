"""Bringing a database to the schema of this version.

Alembic is slow to import, so the version row is read directly first. SQLite files are migrated by
the standard library's sqlite3, which has closed the file before apsw opens it again: two SQLite
libraries in one process must never hold one file at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import apsw
import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it ships none

from muster.domain.errors import DatabaseTooNew, DatabaseTooOld
from muster.store.postgres_connection import WRITER_SETTINGS, connect
from muster.store.sqlite_files import SqliteConnection, open_connection
from muster.store.tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

# The standard library's SQLite may be too old for this one, so apsw makes it.
_SEARCH: Final = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS task_search USING "
    "fts5(title, description, tags, content='', contentless_delete=1)"
)
_MIGRATIONS_LOCK: Final = 0x6D7573746572


def sqlite_version(path: Path) -> str | None:
    """The schema a SQLite file has; None when it is missing or empty."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    connection = open_connection(path, read_only=True, interactive=False)
    try:
        return _version_row(connection)
    finally:
        connection.close()


def _version_row(connection: SqliteConnection) -> str | None:
    try:
        row = next(connection.execute("SELECT version_num FROM alembic_version"), None)
    except apsw.SQLError:
        return None
    return None if row is None else str(row[0])


def migrate_sqlite(path: Path) -> bool:
    """Bring a SQLite file, new or old, to this version's schema; whether there was anything to do.

    Nothing else may have the file open. DatabaseTooNew leaves it as it was.
    """
    found = sqlite_version(path)
    if not behind(found):
        return False
    connection = open_connection(path)
    try:
        connection.execute(_SEARCH)
    finally:
        connection.close()
    _on_sqlite(path, _upgrade)
    return True


def stamp_sqlite(path: Path, version: str) -> None:
    """Write down that a file has the schema `version`, without changing the schema."""
    _on_sqlite(path, lambda config: _stamp(config, version))


def _on_sqlite(path: Path, work: Callable[[Config], None]) -> None:
    from sqlalchemy import create_engine, event  # noqa: PLC0415 - slow to import, rarely needed

    engine = create_engine(f"sqlite:///{path}", connect_args={"isolation_level": None})
    # Left alone, sqlite3 would run each change of the schema in a transaction of its own.
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            _with_config(connection, work)
    finally:
        engine.dispose()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


async def postgres_version(url: str) -> str | None:
    """The schema a PostgreSQL database has; None when it has none."""
    connection = await connect(url, "muster schema", WRITER_SETTINGS)
    try:
        version: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return version


async def migrate_postgres(url: str) -> bool:
    """Bring a PostgreSQL database to this version's schema; whether there was anything to do.

    Servers that start together wait for the one that migrates.
    """
    if not behind(await postgres_version(url)):
        return False
    await _on_postgres(url, _upgrade)
    return True


async def stamp_postgres(url: str, version: str) -> None:
    """Write down that a database has the schema `version`, without changing the schema."""
    await _on_postgres(url, lambda config: _stamp(config, version))


async def _on_postgres(url: str, work: Callable[[Config], None]) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - slow to import, rarely needed
    from sqlalchemy.pool import NullPool  # noqa: PLC0415 - as above

    async def opened() -> Any:
        return await connect(url, "muster schema", {})

    engine = create_async_engine("postgresql+asyncpg://", async_creator=opened, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATIONS_LOCK})")
            await connection.run_sync(_with_config, work)
    finally:
        await engine.dispose()


def behind(found: str | None) -> bool:
    """Whether a schema is older than this version's; DatabaseTooNew when it is newer."""
    if found is None or found < SCHEMA_VERSION:
        return True
    if found > SCHEMA_VERSION:
        raise DatabaseTooNew(found=found, known=SCHEMA_VERSION)
    return False


async def require_current_postgres(url: str) -> None:
    """Refuse a PostgreSQL database whose schema is not this version's, and say what to run."""
    found = await postgres_version(url)
    if behind(found):
        raise DatabaseTooOld(found=found or "none", wanted=SCHEMA_VERSION)


def _with_config(connection: Connection, work: Callable[[Config], None]) -> None:
    from alembic.config import Config  # noqa: PLC0415 - slow to import, rarely needed

    with as_file(files("muster.store") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        work(config)


def _upgrade(config: Config) -> None:
    from alembic import command  # noqa: PLC0415 - slow to import, rarely needed

    command.upgrade(config, "head")


def _stamp(config: Config, version: str) -> None:
    from alembic import command  # noqa: PLC0415 - slow to import, rarely needed

    command.stamp(config, version, purge=True)
