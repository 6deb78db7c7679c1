"""Bringing a database to the schema of this version.

Alembic is slow to import, so the version row is read directly first. SQLite files are migrated by
the standard library's sqlite3, which has closed the file before apsw opens it again: two SQLite
libraries in one process must never hold one file at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from muster.domain.errors import DatabaseDamaged, DatabaseTooNew
from muster.store.sqlite_errors import explained
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
# Its vocabulary, from which beginnings of words are completed.
_SEARCH_WORDS: Final = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS task_search_words USING fts5vocab(task_search, 'instance')"
)


def sqlite_version(path: Path) -> str | None:
    """The schema a SQLite file has; None when it is missing or empty. DatabaseDamaged when it is something else."""
    if path.is_dir():
        raise DatabaseDamaged(path=str(path), problem="it is a folder")
    if not path.exists() or path.stat().st_size == 0:
        return None
    with explained(path):
        connection = open_connection(path, read_only=True, interactive=False)
        try:
            return _version_row(connection, path)
        finally:
            connection.close()


def _version_row(connection: SqliteConnection, path: Path) -> str | None:
    names = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if "alembic_version" in names:
        row = next(connection.execute("SELECT version_num FROM alembic_version"), None)
        return None if row is None else str(row[0])
    # A first migration that was killed leaves the search tables, which are made before all others.
    if any(not name.startswith("task_search") for name in names):
        raise DatabaseDamaged(path=str(path), problem="it holds tables of another program")
    return None


def migrate_sqlite(path: Path) -> bool:
    """Bring a SQLite file, new or old, to this version's schema; whether there was anything to do.

    Nothing else may have the file open. DatabaseTooNew leaves it as it was.
    """
    found = sqlite_version(path)
    if not behind(found):
        return False
    with explained(path):
        connection = open_connection(path)
        try:
            connection.execute(_SEARCH)
            connection.execute(_SEARCH_WORDS)
        finally:
            connection.close()
        _on_sqlite(path, upgrade)
    return True


def stamp_sqlite(path: Path, version: str) -> None:
    """Write down that a file has the schema `version`, without changing the schema."""
    _on_sqlite(path, lambda config: stamp(config, version))


def _on_sqlite(path: Path, work: Callable[[Config], None]) -> None:
    from sqlalchemy import create_engine, event  # noqa: PLC0415 - slow to import, rarely needed

    engine = create_engine(f"sqlite:///{path}", connect_args={"isolation_level": None})
    # Left alone, sqlite3 would run each change of the schema in a transaction of its own.
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            with_config(connection, work)
    finally:
        engine.dispose()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def behind(found: str | None) -> bool:
    """Whether a schema is older than this version's; DatabaseTooNew when it is newer."""
    if found is None or found < SCHEMA_VERSION:
        return True
    if found > SCHEMA_VERSION:
        raise DatabaseTooNew(found=found, known=SCHEMA_VERSION)
    return False


def with_config(connection: Connection, work: Callable[[Config], None]) -> None:
    """Do `work` with an Alembic configuration that knows our migrations and runs them on `connection`."""
    from alembic.config import Config  # noqa: PLC0415 - slow to import, rarely needed

    with as_file(files("muster.store") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        work(config)


def upgrade(config: Config) -> None:
    """Run all migrations the database lacks."""
    from alembic import command  # noqa: PLC0415 - slow to import, rarely needed

    command.upgrade(config, "head")


def stamp(config: Config, version: str) -> None:
    """Write the version row and nothing else."""
    from alembic import command  # noqa: PLC0415 - slow to import, rarely needed

    command.stamp(config, version, purge=True)
