"""An API over a real store, on both databases unless a module says otherwise."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI

from muster.api.app import App
from muster.api.native import create_native_app, native_router
from muster.api.services import ApiSettings, Services
from muster.api.stream_limits import StreamLimits
from muster.commands.defaults import ensure_defaults
from muster.domain.task_class import TaskClass
from muster.scripts.index import ScriptIndex
from muster.store.blobs import BlobStore
from muster.store.database import Durability, Store
from muster.store.open import open_store
from tests.api.asgi import Api
from tests.api.live import LiveServer

CLASSES = [
    TaskClass("FAST_SCRIPT", 30_000_000),
    TaskClass("MEDIUM_SCRIPT", 300_000_000),
    TaskClass("LLM_LITE", 300_000_000, network=True),
    TaskClass("LLM_HEAVY", 900_000_000, network=True),
]
VERSION = "0.0.test"
ECHO = "#!/usr/bin/env bash\n# name: echo\n# description: Says it\n# inputs:\n#   text: string required\n# tags: demo\necho\n"


def wall_clock() -> int:
    return time.time_ns() // 1000


async def seeded(url: str | Path, *, migrate: bool = False) -> Store:
    opened = await open_store(url, durability=Durability.RELAXED, clock=wall_clock, migrate=migrate)
    await opened.execute(ensure_defaults(CLASSES))
    return opened


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "muster.db"

    async def make() -> None:
        await (await seeded(path)).close()

    asyncio.run(make())
    return path


async def migrate_and_seed(url: str) -> None:
    await (await seeded(url, migrate=True)).close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    if request.param == "postgres":
        return request.getfixturevalue("postgres_template")(migrate_and_seed)
    path = tmp_path / "muster.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), path)
    return path


@pytest.fixture
async def store(where: str | Path) -> AsyncIterator[Store]:
    opened = await open_store(where, durability=Durability.RELAXED, clock=wall_clock)
    yield opened
    await opened.close()


@pytest.fixture
def scripts(tmp_path: Path) -> ScriptIndex:
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "echo.sh").write_text(ECHO)
    index = ScriptIndex([folder])
    index.reload()
    return index


@pytest.fixture
def services(store: Store, scripts: ScriptIndex, tmp_path: Path) -> Services:
    return Services(
        store=store,
        settings=ApiSettings(version=VERSION),
        scripts=scripts,
        blobs=BlobStore(tmp_path / "blobs"),
        instance="t",
        started_at=store.now(),
    )


@pytest.fixture(scope="session")
def router() -> FastAPI:
    """Taken over by one test after the other."""
    return native_router(VERSION)


@pytest.fixture(scope="session")
def live_router() -> FastAPI:
    """The same for servers, which some tests have beside an app."""
    return native_router(VERSION)


@pytest.fixture
def app(services: Services, router: FastAPI) -> App:
    return create_native_app(services, router)


@pytest.fixture
def api(app: App) -> Api:
    return Api(app)


@pytest.fixture
def limits() -> StreamLimits:
    return StreamLimits()


@pytest.fixture
async def live(services: Services, limits: StreamLimits, live_router: FastAPI) -> AsyncIterator[LiveServer]:
    server = LiveServer(create_native_app(replace(services, streams=limits), live_router))
    await server.start()
    yield server
    await server.stop()
