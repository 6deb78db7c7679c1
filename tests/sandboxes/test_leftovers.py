"""What a worker that was killed leaves of its sandboxes, on every level, and that it can be removed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from muster.sandboxes import cgroup
from muster.sandboxes.gvisor import container_name, state_folder
from muster.sandboxes.private_etc import PREFIX, PrivateEtc
from muster.sandboxes.sandbox import Limits
from tests.sandboxes.bench import Bench, marker, processes_with
from tests.waiting import eventually


def remains(level: str, name: str) -> list[str]:
    """Control groups, containers, and files of runsc."""
    groups = cgroup.existing(cgroup.writable_parents(), f"muster-{name}")
    found = [str(group.procs) for group in groups]
    if level == "container":
        listing = ["podman", "ps", "--all", "--format", "{{.Names}}", "--filter", f"name=^muster-{name}"]
        found += subprocess.run(listing, capture_output=True, check=True, text=True).stdout.split()
    if level == "gvisor":
        found += [str(path) for path in state_folder().glob(f"*{container_name(name)}-*")]
    return found


async def test_what_a_killed_worker_left_of_a_sandbox_is_removed(bench: Bench) -> None:
    """SW-4h: without its supervisor, which would have ended it"""
    name = marker()
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("lone_worker.py")),
        bench.driver.level,
        str(bench.work),
        str(bench.scratch),
        name,
        f"echo ready > ready; sleep {name}",
        str(bench.warm),
    )
    await eventually((bench.work / "ready").exists, timeout=20)
    worker.kill()
    await worker.wait()
    await eventually(lambda: processes_with(name) == [], timeout=10)
    await bench.driver.forget(f"test-{name}")
    assert remains(bench.driver.level, f"test-{name}") == []
    await bench.driver.forget(f"test-{name}")


async def test_what_still_runs_in_the_group_of_a_killed_worker_is_ended() -> None:
    """SW-4h: and the group goes, once the kernel counts nobody in it"""
    name = f"test-{marker()}"
    group = cgroup.create(cgroup.writable_parents(), f"muster-{name}", Limits())
    if group is None:
        pytest.skip("no control group can be made here")
    joins = "; ".join(f"echo 0 > {path}" for path in group.joins)
    left = await asyncio.create_subprocess_exec("sh", "-c", f"{joins}; exec sleep 100")
    await eventually(lambda: left.pid in group.members())
    await asyncio.to_thread(cgroup.forget, name)
    assert await left.wait() == -signal.SIGKILL
    assert remains("bubblewrap", name) == []


def test_the_private_etc_has_what_programs_need_and_no_secrets(tmp_path: Path) -> None:
    """SW-4f"""
    source = tmp_path / "etc"
    (source / "ssl" / "certs").mkdir(parents=True)
    (source / "ssl" / "certs" / "a.pem").symlink_to("/usr/share/ca-certificates/a.crt")
    (source / "ssl" / "private").mkdir()
    (source / "shadow").write_text("root:secret")
    (source / "profile").write_text("umask 022")
    (source / "resolv.conf").write_text("nameserver 192.0.2.1")
    etc = PrivateEtc(source)
    folder = etc.folder()
    assert (folder / "profile").read_text() == "umask 022"
    assert (folder / "ssl" / "certs" / "a.pem").is_symlink()
    assert not (folder / "shadow").exists()
    assert not (folder / "ssl" / "private").exists()
    assert "muster" in (folder / "passwd").read_text()
    assert etc.live() == {"resolv.conf": source / "resolv.conf"}
    etc.close()
    assert not folder.exists()


def test_the_private_etc_is_made_anew_only_when_the_hosts_changes(tmp_path: Path) -> None:
    """SW-4f"""
    (tmp_path / "profile").write_text("old")
    etc = PrivateEtc(tmp_path, fresh_seconds=0)
    first = etc.folder()
    assert etc.folder() == first
    (tmp_path / "profile").unlink()
    (tmp_path / "shells").write_text("/bin/sh")
    second = etc.folder()
    assert second != first
    assert first.exists(), "a sandbox may show it"
    assert not (second / "profile").exists()
    etc.close()


def test_copies_of_a_worker_that_crashed_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SW-4h"""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    orphan = tmp_path / f"{PREFIX}999999999-abc"
    (orphan / "etc").mkdir(parents=True)
    etc = PrivateEtc(tmp_path)
    assert etc.folder().is_dir()
    assert not orphan.exists()
    etc.close()


def test_copies_are_kept_in_memory_where_there_is_room_and_elsewhere_if_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SW-4f, SW-4h: those of a worker that crashed are removed there too"""
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr("muster.sandboxes.private_etc.MEMORY", memory)
    orphan = memory / f"{PREFIX}999999999-abc"
    orphan.mkdir()
    etc = PrivateEtc(tmp_path)
    assert etc.folder().is_relative_to(memory)
    assert not orphan.exists()
    etc.close()
    assert list(memory.iterdir()) == []
    monkeypatch.setattr("muster.sandboxes.private_etc.MEMORY_BYTES", 1 << 60)
    assert not etc.folder().is_relative_to(memory)
    etc.close()
