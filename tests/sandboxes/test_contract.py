"""What every driver offers beside running a program: HOME that stays, pausing, figures, limits on disk and processors."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from muster.sandboxes.sandbox import MB, Ending, ExitStatus, Limits
from muster.sandboxes.usage import DiskMeter
from tests.sandboxes.bench import Bench, marker
from tests.waiting import eventually


async def test_a_given_home_is_written_and_stays(bench: Bench, tmp_path: Path) -> None:
    """SW-4f"""
    home = tmp_path / "home"
    home.mkdir()
    (home / "login").write_text("kept")
    sandbox = await bench.open(home=home)
    await bench.run('cat "$HOME/login"; echo more > "$HOME/.made"', sandbox=sandbox)
    await sandbox.close()
    assert bench.said == "kept"
    assert (home / ".made").read_text() == "more\n"


async def test_a_paused_program_does_nothing_until_it_is_resumed(bench: Bench) -> None:
    """SW-4f"""
    sandbox = await bench.open()
    counting = "while :; do echo x; sleep 0.01; done"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(bench.run(counting, sandbox=sandbox))
        await eventually(lambda: len(bench.out) > 4)
        sandbox.pause()
        assert (await sandbox.stats()).paused
        seen = await _settled(bench)
        sandbox.resume()
        await eventually(lambda: len(bench.out) > seen + 4)
        sandbox.kill()
        await running


async def _settled(bench: Bench) -> int:
    """The length of the output once it has not grown for 0.2 s, twenty turns of the loop that writes it."""
    size, since = len(bench.out), time.monotonic()

    def quiet() -> bool:
        nonlocal size, since
        if len(bench.out) != size:
            size, since = len(bench.out), time.monotonic()
        return time.monotonic() - since > 0.2

    await eventually(quiet)
    return size


async def test_a_paused_program_is_killed_like_any_other(bench: Bench) -> None:
    """OD-2"""
    name = marker()
    sandbox = await bench.open(grace_seconds=0.2)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(bench.run(f"echo ready; sleep {name}", sandbox=sandbox))
        await eventually(lambda: "ready" in bench.said)
        sandbox.pause()
        sandbox.kill()
        status = await running
    assert status.reason is Ending.KILLED
    assert bench.left(name) == []


async def test_figures_are_those_of_the_programs(bench: Bench) -> None:
    """SW-4f"""
    sandbox = await bench.open()
    hog = "a = b'x' * 60_000_000\nfor _ in range(3_000_000): pass\nprint('ready', flush=True)\ninput()"
    assert (await sandbox.stats()).processes == 0
    async with asyncio.TaskGroup() as group:
        running = group.create_task(
            bench.run(f'head -c 3000000 /dev/zero > f; sleep 60 | python3 -c "{hog}"', sandbox=sandbox)
        )
        await eventually(lambda: "ready" in bench.said)
        stats = await sandbox.stats()
        sandbox.kill()
        await running
    assert stats.processes == 3 or (stats.processes > 3 and not bench.shows_programs)
    assert 60_000_000 < stats.memory_bytes < (200_000_000 if bench.shows_programs else 400_000_000)
    assert stats.cpu_seconds > 0
    assert not stats.paused


async def test_a_full_folder_ends_the_program(bench: Bench) -> None:
    """SW-4f"""
    filling = "for i in $(seq 1000); do head -c 1000000 /dev/zero > f$i; sleep 0.02; done"
    status = await bench.run(filling, limits=Limits(disk_bytes=5 * MB))
    assert status.reason is Ending.DISK_LIMIT


async def test_a_program_below_its_disk_limit_is_left_alone(bench: Bench) -> None:
    """SW-4f"""
    status = await bench.run("head -c 1000000 /dev/zero > f", limits=Limits(disk_bytes=5 * MB))
    assert status == ExitStatus(code=0)


async def test_a_share_of_a_processor_is_not_exceeded(bench: Bench) -> None:
    """SW-4f"""
    if "cpus" not in (await bench.driver.probe()).quotas:
        pytest.skip("nothing here limits processors")
    if not bench.shows_programs:
        pytest.skip("its own clock of processor time is not the host's")
    busy = "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass\nprint(time.process_time())"
    await bench.run(f'python3 -c "{busy}"', limits=Limits(cpus=0.2))
    assert float(bench.said) < 0.5


def test_a_disk_is_measured_with_hard_links_once(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_bytes(b"x" * MB)
    (tmp_path / "b").hardlink_to(tmp_path / "d" / "a")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert MB <= DiskMeter([tmp_path, tmp_path / "d"]).measure() < 1.2 * MB


def test_a_folder_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    assert DiskMeter([tmp_path / "none"]).measure() == 0
