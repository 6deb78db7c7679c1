"""A real store for every test."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest
from sqlalchemy import create_engine

from muster.store.database import Durability, Store
from muster.store.sqlite import SqliteStore
from muster.store.tables import metadata


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    path = tmp_path / "muster.db"
    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    connection = apsw.Connection(str(path))
    connection.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS task_search "
        "USING fts5(title, description, tags, content='', contentless_delete=1)"
    )
    connection.close()
    opened = SqliteStore(path, durability=Durability.RELAXED, clock=lambda: time.time_ns() // 1000)
    yield opened
    await opened.close()
