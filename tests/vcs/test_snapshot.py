"""Folders that agents work in as they are: what changed is found by comparing (OD-7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.domain.transcript import ChangeKind
from muster.vcs.changes import changes_between
from muster.vcs.contents import contents_of
from muster.vcs.git import repository_of
from muster.vcs.snapshot import state_now, take_snapshot
from tests.vcs.conftest import run_git


async def content_of(git_dir: Path, blob: str) -> bytes:
    return (await contents_of(git_dir, [blob]))[blob]


async def test_changes_of_a_folder_without_git_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("before\n")
    (folder / "b.txt").write_text("stays the same, moves\n")
    (folder / "c.txt").write_text("goes\n")
    taken = await take_snapshot(folder, tmp_path / "git")
    assert taken is not None
    (folder / "a.txt").write_text("after\n")
    (folder / "b.txt").rename(folder / "moved.txt")
    (folder / "c.txt").unlink()
    (folder / "new").mkdir()
    (folder / "new" / "d.txt").write_text("new\n")
    changes = await changes_between(taken.git_dir, taken.before, await state_now(taken), ["new/"])
    assert {change.path: change.change for change in changes} == {
        "a.txt": ChangeKind.MODIFIED,
        "moved.txt": ChangeKind.RENAMED,
        "c.txt": ChangeKind.DELETED,
        "new/d.txt": ChangeKind.CREATED,
    }
    assert [change.path for change in changes if not change.outside] == ["new/d.txt"]
    assert await content_of(taken.git_dir, changes[0].before) == b"before\n"
    assert {path.name for path in folder.iterdir()} == {"a.txt", "moved.txt", "new"}


async def test_work_in_place_in_a_repository_touches_nothing_of_its_git(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "hello.py").write_text("changed before the agent came\n")
    found = await repository_of(repository)
    assert found is not None
    taken = await take_snapshot(repository, tmp_path / "git", main=found.main)
    assert taken is not None
    (repository / "x.env").write_text("ignored\n")
    (repository / "new.txt").write_text("new\n")
    run_git(repository, "add", "new.txt")
    before = run_git(repository, "status", "--porcelain")
    changes = await changes_between(taken.git_dir, taken.before, await state_now(taken))
    assert [change.path for change in changes] == ["new.txt"]
    assert run_git(repository, "status", "--porcelain") == before


async def test_hidden_folders_are_not_looked_into(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    (folder / ".muster").mkdir(parents=True)
    taken = await take_snapshot(folder, tmp_path / "git", hidden=[folder / ".muster"])
    assert taken is not None
    (folder / ".muster" / "x").write_text("x")
    assert await state_now(taken) == taken.before


async def test_a_folder_that_is_too_large_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster.vcs.snapshot.MOST_FILES", 3)
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}").write_text("x")
    assert await take_snapshot(folder, tmp_path / "git") is None
