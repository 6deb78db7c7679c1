"""The Firecracker driver against a server of its API. The same driver on the real program: tests/real_firecracker."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from muster.sandboxes import firecracker
from muster.sandboxes.firecracker import FirecrackerDriver, shape_for
from muster.sandboxes.machine_place import FIRST_ID
from muster.sandboxes.sandbox import MB, Ending, Health, Limits, SandboxError, SandboxSpec
from muster.sandboxes.stdin import Stdin

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Firecracker needs Linux")
FAKE = Path(__file__).with_name("fake_firecracker.py")
SOURCES = FAKE.parent.parent.parent / "src"


class Stage:
    """A driver with a stand-in for Firecracker, and an image that nothing looks into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.images = folder / "images"
        self.work, self.scratch = folder / "work", folder / "scratch"
        for made in (self.images / "one", self.work, self.scratch):
            made.mkdir(parents=True)
        for name in ("vmlinux", "root.ext4", "initrd.cpio"):
            (self.images / "one" / name).touch()
        about = {
            "folder": "",
            "id": "one",
            "kernel_version": "6",
            "root_from": "/",
            "initrd": True,
            "left_out": 0,
        }
        (self.images / "one" / "image.json").write_text(json.dumps(about))
        (self.images / "current").symlink_to("one")
        (folder / "kvm").touch()
        self.drivers: list[FirecrackerDriver] = []

    def driver(self, trial_seconds: float = 20.0, jailer: str = "", **config: Any) -> FirecrackerDriver:
        (self.folder / "config").write_text(json.dumps({"log": str(self.log), **config}))
        program = self.folder / "firecracker"
        if not program.exists():
            program.write_text(
                f'#!/bin/sh\nPYTHONPATH={SOURCES} exec {sys.executable} -S {FAKE} {self.folder / "config"} "$@"\n'
            )
        program.chmod(0o755)
        driver = FirecrackerDriver(
            self.images,
            program=str(program),
            jailer=jailer,
            nft="",
            kvm=self.folder / "kvm",
            trial_seconds=trial_seconds,
        )
        self.drivers.append(driver)
        return driver

    def spec(self, **more: Any) -> SandboxSpec:
        limits = Limits(memory_bytes=128 * MB, disk_bytes=100 * MB)
        return SandboxSpec(
            name="one", working_dir=self.work, scratch=self.scratch, **{"limits": limits, **more}
        )

    @property
    def noted(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    @property
    def calls(self) -> list[str]:
        return [f"{entry['method']} {entry['path']}" for entry in self.noted if "path" in entry]

    @property
    def alive(self) -> list[int]:
        pids = [entry["started"] for entry in self.noted if "started" in entry]
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    if shutil.which("mke2fs", path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
        pytest.skip("mke2fs is not installed")
    stage = Stage(tmp_path)
    yield stage
    for driver in stage.drivers:
        await driver.close()
    assert stage.alive == []


def collect(into: bytearray) -> Callable[[str, bytes], None]:
    return lambda _, data: into.extend(data)


async def test_a_guest_is_started_once_and_every_sandbox_goes_on_from_its_snapshot(stage: Stage) -> None:
    """SW-4f"""
    driver = stage.driver()
    assert (await driver.probe()).available
    first = stage.calls
    assert first == [
        "PUT /boot-source",
        "PUT /drives/root",
        "PUT /drives/disk",
        "PUT /drives/shared",
        "PUT /vsock",
        "PUT /machine-config",
        "PUT /actions",
        "PATCH /vm",
        "PUT /snapshot/create",
    ]
    root = next(entry["body"] for entry in stage.noted if entry.get("path") == "/drives/root")
    assert root["is_read_only"] is True
    assert root["is_root_device"] is True
    limits = Limits(memory_bytes=128 * MB, disk_bytes=100 * MB, cpus=1)
    for _ in range(2):
        sandbox = await driver.open(stage.spec(limits=limits))
        await sandbox.close()
    restored = ["PUT /snapshot/load", "PATCH /drives/shared", "PATCH /vm"]
    assert stage.calls[len(first) :] == restored * 2
    names = {entry["hostname"] for entry in stage.noted if "hostname" in entry}
    assert len(names) == 2, "each machine has a name of its own"


async def test_folders_are_carried_in_and_what_changed_is_carried_out(stage: Stage) -> None:
    """SW-4f"""
    sandbox = await stage.driver().open(stage.spec())
    (stage.work / "given").write_text("given")
    (stage.work / "gone").write_text("gone")
    said = bytearray()
    argv = ["sh", "-c", "cat given; rm gone; mkdir d; echo made > d/made; ln -s given link; exit 3"]
    status = await sandbox.exec(argv, env={}, on_output=collect(said))
    assert (status.code, status.reason, said) == (3, Ending.EXIT, b"given")
    assert not (stage.work / "gone").exists()
    assert (stage.work / "d" / "made").read_text() == "made\n"
    assert (stage.work / "link").readlink() == Path("given")
    (stage.work / "later").write_text("later")
    said.clear()
    await sandbox.exec(["cat", "later", "d/made"], env={}, on_output=collect(said))
    assert said == b"latermade\n"
    await sandbox.close()
    assert list(stage.scratch.iterdir()) == []


async def test_standard_input_is_written_while_the_program_runs(stage: Stage) -> None:
    """SW-4f"""
    sandbox = await stage.driver().open(stage.spec())
    stdin, said = Stdin(), bytearray()

    def hear(_: str, data: bytes) -> None:
        said.extend(data)
        stdin.write(b"answer\n") if said == b"ready\n" else stdin.close()

    await sandbox.exec(["sh", "-c", "echo ready; cat"], env={}, on_output=hear, stdin=stdin)
    assert said == b"ready\nanswer\n"
    assert await sandbox.health() is Health.IDLE
    await sandbox.close()


async def test_what_firecracker_refuses_is_told_and_nothing_is_left(stage: Stage) -> None:
    """SW-4f"""
    assert (await stage.driver().probe()).available
    driver = stage.driver(refuse="/snapshot/load")
    with pytest.raises(SandboxError, match="PUT /snapshot/load: it was refused"):
        await driver.open(stage.spec())
    assert list(stage.scratch.iterdir()) == []
    assert stage.alive == []


async def test_a_host_on_which_no_guest_answers_is_told_of_and_not_tried_again(stage: Stage) -> None:
    """SW-4f: a device /dev/kvm alone does not say that guests start on it"""
    found = await stage.driver(mute=True, trial_seconds=1.0).probe()
    assert not found.available
    assert "no guest starts on it" in found.reason
    assert "did not" in found.reason
    before = len(stage.noted)
    again = await stage.driver(mute=True, trial_seconds=1.0).probe()
    assert again.reason == found.reason
    assert len(stage.noted) == before
    with pytest.raises(SandboxError, match="no guest starts on it"):
        await stage.drivers[-1].open(stage.spec())


async def test_a_firecracker_that_ends_at_once_is_told_of_with_its_own_words(stage: Stage) -> None:
    """SW-4f"""
    found = await stage.driver(dies="no luck today").probe()
    assert "no luck today" in found.reason


async def test_a_host_that_lacks_something_says_what(stage: Stage, tmp_path: Path) -> None:
    """SW-4f"""
    program = stage.driver()._program
    kvm = tmp_path / "kvm"
    for driver, reason in (
        (FirecrackerDriver(stage.images, program=program, kvm=tmp_path / "no"), "this host has no"),
        (FirecrackerDriver(tmp_path / "no", program=program, kvm=kvm), "muster image build"),
        (FirecrackerDriver(None, program=program, kvm=kvm), "muster image build"),
    ):
        found = await driver.probe()
        assert not found.available
        assert reason in found.reason
        await driver.close()


async def test_an_open_network_that_cannot_be_made_is_refused_and_not_left_out_silently(stage: Stage) -> None:
    """SW-4f"""
    with pytest.raises(SandboxError, match="no open network"):
        await stage.driver().open(stage.spec(network=True))


async def test_a_time_limit_asks_first_and_work_done_until_then_comes_out(stage: Stage) -> None:
    """SW-4f"""
    sandbox = await stage.driver().open(stage.spec())
    script = "trap 'echo asked > asked; exit 9' TERM; echo ready; while :; do read x; done"
    stdin = Stdin()
    status = await sandbox.exec(
        ["sh", "-c", script], env={}, on_output=lambda *_: None, timeout=1.0, stdin=stdin
    )
    assert status.reason is Ending.TIMEOUT
    assert (stage.work / "asked").read_text() == "asked\n"
    await sandbox.close()


async def test_a_guest_that_ends_nothing_is_ended_with_its_machine(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SW-4h"""
    monkeypatch.setattr("muster.sandboxes.microvm_sandbox.KILL_SECONDS", 0.2)
    sandbox = await stage.driver(stuck=True).open(stage.spec(grace_seconds=0.1))
    running = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        program = group.create_task(
            sandbox.exec(["sh", "-c", "echo; exec sleep 60"], env={}, on_output=lambda *_: running.set())
        )
        await running.wait()
        assert await sandbox.health() is Health.WELL
        sandbox.kill()
    assert program.result().reason is Ending.KILLED
    assert (await sandbox.exec(["true"], env={}, on_output=lambda *_: None)).reason is Ending.KILLED
    await sandbox.close()
    await sandbox.close()


async def test_what_a_killed_worker_left_beside_the_image_is_removed(stage: Stage) -> None:
    """SW-4h: jails, by the name of the sandbox or of one that begins with it"""
    machines = stage.images / "machines"
    for name in ("one-1", "one-acceptance-2", "other-3"):
        (machines / name / "firecracker" / "id" / "root").mkdir(parents=True)
    await stage.driver().forget("one")
    assert [path.name for path in machines.iterdir()] == ["other-3"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make jails")
async def test_a_jailed_machine_has_links_to_its_files_and_they_go_with_it(
    stage: Stage, tmp_path: Path
) -> None:
    """SW-4f: with a stand-in for the jailer, which makes no jail"""
    jailer = tmp_path / "jailer"
    jailer.write_text(
        '#!/bin/sh\nwhile [ "$1" != -- ]; do [ "$1" = --id ] && i=$2; [ "$1" = --exec-file ] && e=$2; '
        '[ "$1" = --chroot-base-dir ] && b=$2; shift; done; shift; cd $b/firecracker/$i/root && exec $e "$@"\n'
    )
    jailer.chmod(0o755)
    driver = stage.driver(jailer=str(jailer))
    assert "jailer" in (await driver.probe()).hardening
    sandbox = await driver.open(stage.spec())
    roots = list((stage.images / "machines").glob("one-*/firecracker/*/root"))
    assert len(roots) == 1
    assert (roots[0] / "memory").stat().st_nlink >= 2
    assert (roots[0] / "disk.ext4").stat().st_uid >= FIRST_ID
    said = bytearray()
    await sandbox.exec(["echo", "in jail"], env={}, on_output=collect(said))
    assert said == b"in jail\n"
    await sandbox.close()
    assert list((stage.images / "machines").iterdir()) == []


def test_machines_come_in_few_shapes_and_hold_what_the_limits_ask_for() -> None:
    """SW-4f: one snapshot serves all of a shape"""
    one, other = (shape_for(Limits(disk_bytes=size * MB, cpus=1)) for size in (300, 310))
    assert one == other
    assert one.disk_bytes >= 310 * MB
    assert one.memory_mib == 4096
    assert one.vcpus == 1
    assert shape_for(Limits(memory_bytes=MB)).memory_mib == firecracker.LEAST_MIB
