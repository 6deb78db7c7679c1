"""Migrations: the schema they make, and what is done with databases of other versions."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from muster.domain.errors import (
    DatabaseDamaged,
    DatabaseLocked,
    DatabaseTooNew,
    DatabaseTooOld,
    DataFolderUnusable,
    InvalidInput,
)
from muster.store.database import Durability
from muster.store.migrate import migrate_sqlite, sqlite_version, stamp_sqlite, with_config
from muster.store.open import open_store
from muster.store.postgres_migrate import migrate_postgres, postgres_version, stamp_postgres
from muster.store.statements import Statement
from muster.store.tables import SCHEMA_VERSION, metadata

SEARCH_PREFIX = "task_search"


def now() -> int:
    return time.time_ns() // 1000


def differences(connection: Connection) -> list[Any]:
    """What autogenerate would still change; the search tables are made by hand."""
    context = MigrationContext.configure(
        connection,
        opts={
            "include_name": lambda name, kind, _parents: (
                kind != "table" or not str(name).startswith(SEARCH_PREFIX)
            ),
            "compare_type": True,
            "compare_server_default": True,
        },
    )
    return compare_metadata(context, metadata)


def test_the_newest_migration_is_the_version_this_muster_names() -> None:
    with as_file(files("muster.store") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.set_main_option("path_separator", "os")
        assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


def test_a_migrated_sqlite_file_has_the_schema_of_the_tables(tmp_path: Path) -> None:
    """A difference here means that tables.py was changed without a migration."""
    migrate_sqlite(tmp_path / "m.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'm.db'}")
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


async def test_a_migrated_postgresql_database_has_the_schema_of_the_tables(postgres_url: str) -> None:
    await migrate_postgres(postgres_url)
    engine = create_async_engine(postgres_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


def test_the_indexes_of_a_sqlite_file_are_those_of_the_tables(tmp_path: Path) -> None:
    """Autogenerate does not compare partial indexes, so their statements are compared."""
    migrate_sqlite(tmp_path / "migrated.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'made.db'}")
    metadata.create_all(engine)
    engine.dispose()
    assert statements_of(tmp_path / "migrated.db") == statements_of(tmp_path / "made.db")


def statements_of(path: Path) -> dict[str, str]:
    connection = apsw.Connection(str(path))
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {
        str(name): " ".join(str(sql).split())
        for name, sql in rows
        if not str(name).startswith((SEARCH_PREFIX, "alembic"))
    }


async def test_the_indexes_of_a_postgresql_database_are_those_of_the_tables(
    postgres_url: str, postgres_template: Callable[[Any], str]
) -> None:
    migrated = postgres_template(migrate_postgres)
    engine = create_async_engine(postgres_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    assert await indexes_of(migrated) == await indexes_of(postgres_url)


async def indexes_of(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    await connection.close()
    return {row[0]: row[1] for row in rows if not row[0].startswith((SEARCH_PREFIX, "alembic"))}


def test_migrating_twice_is_migrating_once(tmp_path: Path) -> None:
    assert migrate_sqlite(tmp_path / "m.db") is True
    assert migrate_sqlite(tmp_path / "m.db") is False
    assert sqlite_version(tmp_path / "m.db") == SCHEMA_VERSION


async def test_servers_that_start_together_migrate_postgresql_once(postgres_url: str) -> None:
    await asyncio.gather(*(migrate_postgres(postgres_url) for _ in range(4)))
    assert await postgres_version(postgres_url) == SCHEMA_VERSION


async def test_a_sqlite_file_is_made_with_its_folder_and_opened(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "muster.db"
    store = await open_store(f"sqlite:///{path}", durability=Durability.DEFAULT, clock=now)
    assert await store.rows(Statement("SELECT seq FROM log_head")) == [(0,)]
    await store.close()


async def test_a_sqlite_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    migrate_sqlite(path)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(DatabaseTooNew, match="9999"):
        await open_store(path, durability=Durability.DEFAULT, clock=now)
    assert sqlite_version(path) == "9999"


async def test_a_postgresql_database_of_a_newer_version_is_refused(postgres_url: str) -> None:
    await migrate_postgres(postgres_url)
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    for migrate in (True, False):
        with pytest.raises(DatabaseTooNew, match="9999"):
            await open_store(postgres_url, durability=Durability.DEFAULT, clock=now, migrate=migrate)


async def test_an_unmigrated_postgresql_database_is_refused_with_what_to_run(postgres_url: str) -> None:
    with pytest.raises(DatabaseTooOld, match="muster db upgrade"):
        await open_store(postgres_url, durability=Durability.DEFAULT, clock=now)
    store = await open_store(postgres_url, durability=Durability.DEFAULT, clock=now, migrate=True)
    await store.close()


async def test_a_version_can_be_written_down_without_migrating(tmp_path: Path, postgres_url: str) -> None:
    stamp_sqlite(tmp_path / "m.db", SCHEMA_VERSION)
    assert sqlite_version(tmp_path / "m.db") == SCHEMA_VERSION
    await stamp_postgres(postgres_url, SCHEMA_VERSION)
    assert await postgres_version(postgres_url) == SCHEMA_VERSION


async def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE VIEW workers AS SELECT 'kept' AS mine")
    connection.close()
    with pytest.raises(Exception, match="workers already exists"):
        migrate_sqlite(path)
    connection = apsw.Connection(str(path))
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    assert {name for name in names if not str(name).startswith(SEARCH_PREFIX)} == {"workers"}
    assert connection.execute("SELECT mine FROM workers").fetchall() == [("kept",)]
    connection.close()


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """OD-42"""
    path = tmp_path / "m.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseDamaged, match="tables of another program"):
        migrate_sqlite(path)
    assert path.read_bytes() == before


async def test_a_second_server_on_one_file_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    code = (
        "import asyncio, sys\n"
        "from muster.store.database import Durability\n"
        "from muster.store.open import open_store\n"
        "async def main():\n"
        "    store = await open_store(sys.argv[1], durability=Durability.DEFAULT, clock=lambda: 1)\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.read()\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        with pytest.raises(DatabaseLocked, match=str(first.pid)):
            await open_store(path, durability=Durability.DEFAULT, clock=now)
        first.kill()
        first.wait()
    store = await open_store(path, durability=Durability.DEFAULT, clock=now)
    await store.close()
    again = await open_store(path, durability=Durability.DEFAULT, clock=now)
    await again.close()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataFolderUnusable, match="file"):
        await open_store(tmp_path / "file" / "m.db", durability=Durability.DEFAULT, clock=now)


ROLES_OF_0007 = (
    "INSERT INTO events (seq, at, kind, data) VALUES "
    """(1, 10, 'role.set', '{"name":"a","role_kind":"custom","description":"old","doc":"{}"}'), """
    """(2, 20, 'role.set', '{"name":"b","role_kind":"custom","description":"gone","doc":"{}"}'), """
    """(3, 30, 'role.deleted', '{"name":"b"}'), """
    """(4, 40, 'role.set', '{"name":"a","role_kind":"custom","description":"new","doc":"{}"}')""",
    "INSERT INTO roles (name, kind, description, doc) VALUES ('a', 'custom', 'new', '{}')",
)
VERSIONS = (
    "SELECT name, version, description, created_at, created_by FROM role_versions ORDER BY name, version"
)
FOUND = [("a", 1, "old", 10, None), ("a", 2, "new", 40, None), ("b", 1, "gone", 20, None)]


def to_0007(connection: Connection) -> None:
    with_config(connection, lambda config: command.upgrade(config, "0007"))
    for statement in ROLES_OF_0007:
        connection.exec_driver_sql(statement)


def test_the_versions_of_roles_are_taken_from_the_log(tmp_path: Path) -> None:
    """OD-5"""
    engine = create_engine(f"sqlite:///{tmp_path / 'm.db'}")
    with engine.begin() as connection:
        to_0007(connection)
    engine.dispose()
    assert migrate_sqlite(tmp_path / "m.db") is True
    migrated = apsw.Connection(str(tmp_path / "m.db"))
    assert migrated.execute(VERSIONS).fetchall() == FOUND
    assert migrated.execute("SELECT name, version FROM roles").fetchall() == [("a", 2)]
    migrated.close()


async def test_the_versions_of_roles_are_taken_from_the_log_of_postgresql(postgres_url: str) -> None:
    """OD-5"""
    engine = create_async_engine(postgres_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(to_0007)
    await engine.dispose()
    assert await migrate_postgres(postgres_url) is True
    migrated = await asyncpg.connect(postgres_url)
    assert [tuple(row) for row in await migrated.fetch(VERSIONS)] == FOUND
    assert [tuple(row) for row in await migrated.fetch("SELECT name, version FROM roles")] == [("a", 2)]
    await migrated.close()


async def test_an_unknown_kind_of_database_is_refused() -> None:
    with pytest.raises(InvalidInput, match="postgresql://"):
        await open_store("mysql://localhost/muster", durability=Durability.DEFAULT, clock=now)


def test_opening_a_migrated_file_does_not_load_alembic(tmp_path: Path) -> None:
    migrate_sqlite(tmp_path / "m.db")
    code = (
        "import asyncio, sys\n"
        "from muster.store.database import Durability\n"
        "from muster.store.open import open_store\n"
        "async def main():\n"
        "    await (await open_store(sys.argv[1], durability=Durability.DEFAULT, clock=lambda: 1)).close()\n"
        "asyncio.run(main())\n"
        "print(sorted(name for name in sys.modules if name in ('alembic', 'asyncpg', 'sqlite3')))\n"
    )
    # Measuring coverage loads sqlite3 by itself.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    answer = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "m.db"],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
    )
    assert answer.stdout == "[]\n"
