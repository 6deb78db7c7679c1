"""What a worker says of its host."""

from __future__ import annotations

import pytest

from muster.client.wire_hosts import Gpu
from muster.sandboxes.bubblewrap import BubblewrapDriver
from muster.worker.host_facts import MB, Host, gpus_of
from tests.waiting import eventually


def test_graphics_processors_are_read_from_the_drivers_table() -> None:
    table = "NVIDIA A100-SXM4-80GB, 81920, 1024\nNVIDIA T4, [N/A], 3\n\n"
    assert gpus_of(table) == [
        Gpu(name="NVIDIA A100-SXM4-80GB", memory_bytes=81920 * MB, memory_used_bytes=1024 * MB),
        Gpu(name="NVIDIA T4", memory_bytes=None, memory_used_bytes=3 * MB),
    ]


async def test_a_host_without_graphics_processors_tells_the_rest() -> None:
    facts = await Host().facts()
    assert facts.gpus == []
    assert facts.processors > 0


async def test_a_host_tells_of_the_sandboxes_that_stand_ready() -> None:
    """SW-10"""
    driver = BubblewrapDriver(warm=1)
    capabilities = await driver.probe()
    if not capabilities.available:
        await driver.close()
        pytest.skip(capabilities.reason)
    pool = driver.warm
    assert pool is not None
    await eventually(lambda: pool.ready == 1, timeout=20)
    told = (await Host(pool=pool).facts()).warm
    await driver.close()
    assert told is not None
    assert (told.wanted, told.ready, told.served, told.missed) == (1, 1, 0, 0)
    assert 100_000 < told.memory_bytes < 64 * MB
    assert (await Host().facts()).warm is None
