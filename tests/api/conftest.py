"""An API over a real store."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from muster.api.app import App
from muster.api.native import create_native_app
from muster.api.services import ApiSettings, Services
from muster.store.database import Durability, Store
from muster.store.sqlite import SqliteStore
from muster.store.tables import metadata
from tests.api.asgi import Api


def wall_clock() -> int:
    return time.time_ns() // 1000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    path = tmp_path / "muster.db"
    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    opened = SqliteStore(path, durability=Durability.RELAXED, clock=wall_clock)
    yield opened
    await opened.close()


@pytest.fixture
def services(store: Store) -> Services:
    return Services(
        store=store, settings=ApiSettings(version="0.0.test"), instance="t", started_at=store.now()
    )


@pytest.fixture
def app(services: Services) -> App:
    return create_native_app(services)


@pytest.fixture
def api(app: App) -> Api:
    return Api(app)
