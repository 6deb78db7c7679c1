"""Working copies of large repositories: at once, apart from each other, and gone when they should be gone (SW-4i)."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.sandboxes.process import ProcessDriver
from muster.vcs.bases import Bases
from muster.vcs.changes import changes_between
from muster.vcs.checkout import Checkout, bundle_script, close_checkout, open_checkout, publish, take_in
from muster.vcs.git import repository_of
from muster.vcs.overlay import Overlay, can_mount, mounts_below, unmount_below
from muster.vcs.rescue import rescue, write_record
from muster.worker import workspace
from muster.worker.isolation import Isolation
from muster.worker.janitor import prune_bases, sweep
from muster.worker.workspace import Workspace
from tests.vcs.conftest import AGENT, run_git

FILES = 40


@pytest.fixture
def large(repository: Path) -> Path:
    for number in range(FILES):
        folder = repository / f"d{number % 5}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number}.txt").write_text(f"{number}\n")
    run_git(repository, "add", "-A")
    run_git(repository, "commit", "-qm", "many")
    return repository


@pytest.fixture
def bases(tmp_path: Path) -> Iterator[Bases]:
    """Kept checkouts from a few files on."""
    problem = can_mount(tmp_path)
    if problem is not None:
        pytest.skip(f"no overlay mounts here: {problem}")
    yield Bases(tmp_path / "bases", many_files=10)
    unmount_below(tmp_path)


async def opened(
    repository: Path, folder: Path, bases: Bases | None, attempt: str = "att_1", base: str | None = None
) -> Checkout:
    folder.mkdir(parents=True, exist_ok=True)
    found = await repository_of(repository)
    assert found is not None
    return await open_checkout(
        found.main, folder, task=attempt, attempt=attempt, base=base, identity=AGENT, bases=bases
    )


async def taken(checkout: Checkout) -> str:
    bundle = checkout.tree.parent / "agent.bundle"
    subprocess.run(list(bundle_script(checkout, bundle)), check=False, capture_output=True)
    return await take_in(checkout, bundle, "left", AGENT)


async def test_a_copy_of_a_large_repository_is_laid_over_a_kept_checkout(
    large: Path, bases: Bases, tmp_path: Path
) -> None:
    one = await opened(large, tmp_path / "a", bases)
    two = await opened(large, tmp_path / "b", bases, attempt="att_2")
    assert (one.way, two.way, one.lower) == ("overlay", "overlay", two.lower)
    assert run_git(one.tree, "status", "--porcelain") == ""
    (one.tree / "d0" / "f0.txt").write_text("mine\n")
    (one.tree / "d1" / "f1.txt").unlink()
    (one.tree / "d2").rename(one.tree / "moved")
    run_git(one.tree, "commit", "-qam", "the agent's own")
    (one.tree / "new.txt").write_text("left\n")
    assert (two.tree / "d0" / "f0.txt").read_text() == "0\n"
    commit = await taken(one)
    changes = await changes_between(one.git_dir, one.base_commit, commit)
    assert {"d0/f0.txt", "d1/f1.txt", "moved/f2.txt", "new.txt"} <= {change.path for change in changes}
    assert await taken(two) == two.base_commit
    branch = await publish(one, commit)
    assert run_git(large, "show", f"{branch}:d0/f0.txt") == "mine"
    assert one.lower is not None
    assert (one.lower / "d0" / "f0.txt").read_text() == "0\n"


async def test_a_commit_near_a_kept_checkout_takes_it_and_writes_what_differs(
    large: Path, bases: Bases, tmp_path: Path
) -> None:
    first = await opened(large, tmp_path / "a", bases)
    (large / "d0" / "f0.txt").write_text("later\n")
    (large / "d1" / "f1.txt").unlink()
    run_git(large, "commit", "-qam", "later")
    second = await opened(large, tmp_path / "b", bases, attempt="att_2")
    assert second.lower == first.lower
    assert (second.tree / "d0" / "f0.txt").read_text() == "later\n"
    assert not (second.tree / "d1" / "f1.txt").exists()
    assert run_git(second.tree, "status", "--porcelain") == ""
    assert (first.tree / "d1" / "f1.txt").exists()
    assert await taken(second) == second.base_commit


async def test_a_small_repository_is_checked_out_by_git(repository: Path, tmp_path: Path) -> None:
    checkout = await opened(repository, tmp_path / "a", Bases(tmp_path / "bases"))
    assert (checkout.way, checkout.lower) == ("checkout", None)
    assert not mounts_below(tmp_path)


async def test_where_nothing_can_be_mounted_or_cloned_git_writes_the_files(
    large: Path, tmp_path: Path
) -> None:
    """A file system without reflinks, asked for them, says so; the copy is there all the same."""
    plain = await opened(large, tmp_path / "a", Bases(tmp_path / "x", many_files=10, way="checkout"))
    assert (plain.way, run_git(plain.tree, "status", "--porcelain")) == ("checkout", "")
    comma = await opened(large, tmp_path / "b", Bases(tmp_path / "y,z", many_files=10, way="overlay"))
    assert comma.way in ("checkout", "reflink")
    assert run_git(comma.tree, "status", "--porcelain") == ""
    (comma.tree / "d0" / "f0.txt").write_text("x\n")
    assert await taken(comma) != comma.base_commit


async def test_what_a_killed_worker_left_in_an_overlay_is_kept_and_its_mount_goes(
    large: Path, bases: Bases, tmp_path: Path
) -> None:
    """The owner's record names no living process, as after kill -9."""
    place = workspace.create(tmp_path / "attempts", "att_0000000000001")
    checkout = await opened(large, place.root, bases, attempt=place.name)
    write_record(place.root, checkout, AGENT)
    (checkout.tree / "half.txt").write_text("half done\n")
    (place.root / workspace.RECORD).write_text("{}")
    assert await sweep(tmp_path / "attempts", Isolation(ProcessDriver())) == [place.name]
    assert run_git(large, "show", f"muster/{place.name}:half.txt") == "half done"
    assert not place.root.exists()
    assert not mounts_below(tmp_path)


async def test_work_in_an_overlay_outlives_a_restart_of_the_machine(
    large: Path, bases: Bases, tmp_path: Path
) -> None:
    checkout = await opened(large, tmp_path / "a", bases)
    write_record(tmp_path / "a", checkout, AGENT)
    (checkout.tree / "half.txt").write_text("half done\n")
    close_checkout(checkout)
    assert not (checkout.tree / "README.md").exists()
    assert await rescue(tmp_path / "a") == "muster/att_1"
    assert run_git(large, "show", "muster/att_1:half.txt") == "half done"
    assert run_git(large, "show", "--name-only", "--format=", "muster/att_1") == "half.txt"


async def test_a_removed_folder_takes_its_mounts_along_and_not_the_files_below_them(
    large: Path, bases: Bases, tmp_path: Path
) -> None:
    place = Workspace(tmp_path / "attempts" / "att_0000000000001")
    checkout = await opened(large, place.root, bases)
    assert checkout.lower is not None
    place.remove()
    assert not place.root.exists()
    assert (checkout.lower / "d0" / "f0.txt").read_text() == "0\n"


async def test_kept_checkouts_that_nobody_uses_go_and_others_stay(
    large: Path, bases: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = tmp_path / "attempts"
    place = workspace.create(attempts, "att_0000000000001")
    used = await opened(large, place.root, bases)
    write_record(place.root, used, AGENT)
    assert used.lower is not None
    other = await bases.near(Path(shutil.copytree(large, tmp_path / "other") / ".git"), used.base_commit)
    assert other is not None
    half = bases.folder / "making-999999999-x"
    half.mkdir()
    assert prune_bases(attempts, bases) == [half]
    monkeypatch.setattr("muster.vcs.bases.FRESH_SECONDS", -1.0)
    monkeypatch.setattr("muster.vcs.bases.UNUSED_SECONDS", -1.0)
    assert prune_bases(attempts, bases) == [other.folder]
    assert used.lower.is_dir()


def test_an_overlay_that_cannot_be_mounted_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="comma"):
        Overlay(tmp_path / "a,b", tmp_path / "tree").mount()


async def test_copies_asked_for_at_once_try_the_ways_one_after_another(tmp_path: Path) -> None:
    """The trial of one must not be cleared away under another."""
    bases = Bases(tmp_path / "bases")
    found = await asyncio.gather(*(bases.way() for _ in range(16)))
    assert len(set(found)) == 1
    assert list((tmp_path / "bases").iterdir()) == []
