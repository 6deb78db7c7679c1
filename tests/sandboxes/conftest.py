from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster.sandboxes.bubblewrap import BubblewrapDriver
from muster.sandboxes.process import ProcessDriver
from muster.sandboxes.registry import LEVELS, make_driver
from muster.sandboxes.sandbox import Driver
from tests.sandboxes.bench import Bench


@pytest.fixture(params=LEVELS)
async def driver(request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    """Every driver that works on this host."""
    driver = make_driver(request.param)
    capabilities = await driver.probe()
    if not capabilities.available:
        await driver.close()
        pytest.skip(capabilities.reason)
    yield driver
    await driver.close()


@pytest.fixture
async def bench(driver: Driver, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(driver, tmp_path)
    yield bench
    await bench.close()


@pytest.fixture
async def isolated(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench of the bubblewrap driver."""
    driver = BubblewrapDriver()
    capabilities = await driver.probe()
    if not capabilities.available:
        await driver.close()
        pytest.skip(capabilities.reason)
    bench = Bench(driver, tmp_path)
    yield bench
    await bench.close()
    await driver.close()


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench of the process driver."""
    driver = ProcessDriver()
    bench = Bench(driver, tmp_path)
    yield bench
    await bench.close()
    await driver.close()
