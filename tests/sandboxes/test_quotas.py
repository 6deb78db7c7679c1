"""Limits where no control group can be made: resource limits and the supervisor's watch."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster.sandboxes import cgroup
from muster.sandboxes.bubblewrap import BubblewrapDriver
from muster.sandboxes.process import ProcessDriver
from muster.sandboxes.quota import Quotas
from muster.sandboxes.sandbox import MB, Ending, Limits
from tests.sandboxes.bench import Bench, marker, processes_with


@pytest.fixture(params=["bubblewrap", "process"])
async def watched(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    quotas = Quotas(())
    driver = (
        BubblewrapDriver(quotas=quotas) if request.param == "bubblewrap" else ProcessDriver(quotas=quotas)
    )
    capabilities = await driver.probe()
    if not capabilities.available:
        await driver.close()
        pytest.skip(capabilities.reason)
    bench = Bench(driver, tmp_path)
    yield bench
    await bench.close()
    await driver.close()


async def test_too_many_processes_are_noticed_and_ended(watched: Bench) -> None:
    """SW-4f"""
    name = marker()
    bomb = f"for i in $(seq 60); do sleep {name} & done; sleep {name}"
    status = await watched.run(bomb, limits=Limits(processes=20))
    assert status.reason is Ending.PROCESS_LIMIT
    assert processes_with(name) == []


async def test_a_fork_bomb_is_ended(watched: Bench) -> None:
    """SW-4f. It doubles ten times a second: without control groups the processes are only watched, and a bomb
    without any pause would take the whole machine, and the tests beside this one, with it."""
    name = marker()
    bomb = f"bomb() {{ sleep {name} & sleep 0.1; bomb | bomb & }}; bomb; sleep {name}"
    status = await watched.run(bomb, limits=Limits(processes=40))
    assert status.reason is Ending.PROCESS_LIMIT
    assert processes_with(name) == []


async def test_memory_of_all_processes_together_is_watched(watched: Bench) -> None:
    """SW-4f"""
    hog = "python3 -c 'import time; a = b\"x\" * 40_000_000; time.sleep(20)' &"
    status = await watched.run(f"{hog} {hog} {hog} {hog} wait", limits=Limits(memory_bytes=100 * MB))
    assert status.reason is Ending.OOM


async def test_one_process_cannot_take_more_than_the_limit(watched: Bench) -> None:
    """SW-4f"""
    status = await watched.run(
        "python3 -c 'len(bytearray(200_000_000))' && echo took", limits=Limits(memory_bytes=64 * MB)
    )
    assert status.code != 0
    assert watched.said == ""


async def test_no_control_group_is_claimed(watched: Bench) -> None:
    """SW-4f"""
    quotas = (await watched.driver.probe()).quotas
    assert not [mechanism for mechanism in quotas.values() if "cgroup" in mechanism]


async def test_control_groups_are_removed_with_the_sandbox(plain: Bench) -> None:
    """SW-4h"""
    parents = cgroup.writable_parents()
    if not parents:
        pytest.skip("no control group can be made on this host")
    sandbox = await plain.open(name=f"test-groups-{os.getpid()}", limits=Limits(cpus=1))
    made = [parent.path / f"muster-test-groups-{os.getpid()}" for parent in parents]
    await plain.run("sleep 0 &", sandbox=sandbox)
    assert all(path.is_dir() for path in made)
    await sandbox.close()
    assert not any(path.exists() for path in made)
