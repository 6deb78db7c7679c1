from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.client.transport import Transport
from muster.sandboxes.registry import AUTOMATIC, make_driver
from muster.sandboxes.sandbox import Driver
from muster.worker.isolation import Isolation
from muster.worker.options import WorkerOptions
from muster.worker.worker import Worker
from tests.worker.fake_server import FakeServer


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
async def driver() -> AsyncIterator[Driver]:
    driver = make_driver("process")
    yield driver
    await driver.close()


@pytest.fixture(params=AUTOMATIC)
async def any_driver(request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    driver = make_driver(request.param)
    capabilities = await driver.probe()
    if not capabilities.available:
        await driver.close()
        pytest.skip(capabilities.reason)
    yield driver
    await driver.close()


class Crew:
    """Starts workers and drains them at the end."""

    def __init__(self, server: FakeServer, folder: Path, group: asyncio.TaskGroup) -> None:
        self.server = server
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir()
        self.group = group
        self.workers: list[tuple[Worker, asyncio.Task[None]]] = []

    async def start(
        self, driver: Driver, *, transport: Transport | None = None, **fields: Any
    ) -> tuple[Worker, asyncio.Task[None]]:
        transport = transport or InProcessTransport(self.server)
        values: dict[str, Any] = {
            "worker_id": "worker-1",
            "agent_id": "agent-1",
            "state_dir": self.folder / "state",
            "capacity": 2,
            "grace_seconds": 0.2,
            "drain_seconds": 5,
        }
        worker = Worker(Client(transport), Isolation(driver), WorkerOptions(**values | fields))
        task = self.group.create_task(worker.run())
        self.workers.append((worker, task))
        return worker, task

    async def stop(self) -> None:
        for worker, task in self.workers:
            worker.stop()
            async with asyncio.timeout(20):
                await task


@pytest.fixture
async def crew(server: FakeServer, tmp_path: Path) -> AsyncIterator[Crew]:
    async with asyncio.TaskGroup() as group:
        crew = Crew(server, tmp_path, group)
        yield crew
        await crew.stop()
