from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster.sandboxes.bubblewrap import BubblewrapDriver
from muster.sandboxes.process import ProcessDriver
from muster.sandboxes.registry import LEVELS, make_driver
from muster.sandboxes.sandbox import Driver
from tests.sandboxes.bench import Bench
from tests.waiting import eventually

WARM = "bubblewrap from the warm pool"
FINDINGS = {
    "container": ("_capabilities", "_runtime", "_grouped"),
    "gvisor": ("_capabilities", "_platform", "_quotas"),
}
FOUND: dict[str, dict[str, Any]] = {}
"""What the first driver of a level found out by its trial run, which takes longer than most tests: others are told."""


async def probed(level: str) -> Driver:
    """A driver of its own that knows whether it works."""
    driver = make_driver(level)
    vars(driver).update(FOUND.get(level, {}))
    await driver.probe()
    FOUND[level] = {name: vars(driver)[name] for name in FINDINGS.get(level, ())}
    return driver


@pytest.fixture(params=(*LEVELS, WARM))
async def driver(request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    """Every driver that works on this host, and bubblewrap's sandboxes that stood before they were needed."""
    driver = BubblewrapDriver(warm=3) if request.param == WARM else await probed(request.param)
    capabilities = await driver.probe()
    if not capabilities.available:
        await driver.close()
        pytest.skip(capabilities.reason)
    await stand(driver)
    yield driver
    await driver.close()


@pytest.fixture
async def bench(driver: Driver, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(driver, tmp_path)
    yield bench
    assert_warm(driver)
    await bench.close()


async def stand(driver: Driver) -> None:
    """Wait until a warm pool is full."""
    pool = driver.warm if isinstance(driver, BubblewrapDriver) else None
    if pool is not None:
        await eventually(lambda: pool.ready == 3, timeout=20)


def assert_warm(driver: Driver) -> None:
    """What was to run in the pool did: no sandbox of it was found unfit."""
    pool = driver.warm if isinstance(driver, BubblewrapDriver) else None
    assert pool is None or pool.unfit == 0


@pytest.fixture(params=[(0, None), (3, None), (3, False)], ids=["cold", "warm", "warm, without root"])
async def isolated(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench of the bubblewrap driver, without and with a warm pool."""
    warm, privileged = request.param
    driver = BubblewrapDriver(warm=warm, privileged=privileged)
    capabilities = await driver.probe()
    if not capabilities.available:
        await driver.close()
        pytest.skip(capabilities.reason)
    await stand(driver)
    bench = Bench(driver, tmp_path)
    yield bench
    assert_warm(driver)
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
