"""A real store for every test, on each database in turn."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster.store.database import Durability, Store
from muster.store.migrate import migrate_sqlite
from muster.store.open import open_store
from muster.store.postgres_migrate import migrate_postgres


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "muster.db"
    migrate_sqlite(path)
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a migrated, empty database is: a path or a URL, for `open_store`."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_template")(migrate_postgres)
        return url
    shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "muster.db")
    return str(tmp_path / "muster.db")


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    """An open store, SQLite and PostgreSQL in turn."""
    opened = await open_store(database, durability=Durability.DEFAULT, clock=lambda: time.time_ns() // 1000)
    yield opened
    await opened.close()
