"""What a worker that was killed leaves, and how the next one clears it away."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from muster.sandboxes import cgroup
from muster.sandboxes.process import ProcessDriver
from muster.sandboxes.sandbox import Driver
from muster.worker import workspace
from muster.worker.identity import ProcessIdentity
from muster.worker.isolation import Isolation
from muster.worker.janitor import sweep
from tests.client.serving import Serving
from tests.sandboxes.bench import marker, processes_with
from tests.waiting import eventually
from tests.worker.conftest import Crew
from tests.worker.fake_server import FakeServer


async def test_a_worker_killed_in_mid_run_leaves_no_process_and_the_next_one_clears_its_folders(
    crew: Crew, server: FakeServer, any_driver: Driver
) -> None:
    """SW-4h"""
    name = marker()
    serving = Serving(server)
    await serving.start()
    attempt = await server.submit(
        payload={"script": f"(setsid sleep {name} >/dev/null 2>&1 &); echo begun; trap '' TERM; sleep {name}"}
    )
    program = str(Path(__file__).with_name("lone_worker.py"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, serving.url, any_driver.level, str(crew.folder / "state")
    )
    await server.until(lambda: server.text(attempt) == "begun")
    await eventually(lambda: len(processes_with(name)) >= 2)
    process.kill()
    await process.wait()
    await eventually(lambda: processes_with(name) == [], timeout=2)
    folder = crew.folder / "state" / "attempts"
    assert [path.name for path in folder.iterdir()] == [attempt]
    await crew.start(any_driver)
    await eventually(lambda: list(folder.iterdir()) == [])
    for parent in cgroup.writable_parents():
        assert [path for path in parent.path.iterdir() if path.name.startswith(f"muster-{attempt}")] == []
    await serving.stop()


async def test_a_process_of_a_left_attempt_is_ended(tmp_path: Path) -> None:
    """SW-4h"""
    place = workspace.create(tmp_path, "att_0000000000001")
    (place.root / workspace.RECORD).write_text(json.dumps({"pid": 1, "start": 1, "boot": "another"}))
    stray = await asyncio.create_subprocess_exec(
        "sleep", "60", env={"MUSTER_RESULT_FILE": str(place.result_file)}
    )
    other = await asyncio.create_subprocess_exec(
        "sleep", "60", env={"MUSTER_RESULT_FILE": f"{place.result_file}1"}
    )
    assert await sweep(tmp_path, Isolation(ProcessDriver())) == [place.name]
    assert await stray.wait() == -9
    assert other.returncode is None
    other.kill()
    await other.wait()


async def test_an_attempt_of_a_living_worker_is_left_alone(tmp_path: Path) -> None:
    """SW-4h"""
    place = workspace.create(tmp_path, "att_0000000000001")
    assert await sweep(tmp_path, Isolation(ProcessDriver())) == []
    assert place.box.is_dir()


async def test_a_broken_record_counts_as_left(tmp_path: Path) -> None:
    """SW-4h"""
    place = workspace.create(tmp_path, "att_0000000000001")
    (place.root / workspace.RECORD).write_text("{")
    assert await sweep(tmp_path, Isolation(ProcessDriver())) == [place.name]
    assert not place.root.exists()


async def test_a_process_is_told_apart_from_a_later_one_with_its_number() -> None:
    """SW-4h"""
    own = ProcessIdentity.own()
    assert own.alive()
    assert not ProcessIdentity(own.pid, own.start + 1, own.boot).alive()
    assert not ProcessIdentity(own.pid, own.start, "another boot").alive()
    assert own.pid == os.getpid()


async def test_a_link_in_an_attempts_folder_is_not_followed(tmp_path: Path) -> None:
    """SW-4h"""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("")
    place = workspace.create(tmp_path / "attempts", "att_0000000000001")
    (place.box / "link").symlink_to(kept)
    place.remove()
    assert (kept / "file").exists()
