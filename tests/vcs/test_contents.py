from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from muster.domain.changes import Change
from muster.domain.transcript import ChangeKind
from muster.vcs.changes import changes_between, diff_of
from muster.vcs.contents import BATCH_FILES, Told, contents_of, told_of
from tests.vcs.conftest import run_git

LONGEST = 512 * 1024


def commit(repository: Path) -> str:
    run_git(repository, "add", "-A")
    run_git(repository, "commit", "-qm", "more")
    return run_git(repository, "rev-parse", "HEAD")


async def everything(
    repository: Path, before: str, after: str, longest: int = LONGEST
) -> tuple[list[Change], list[list[Told]]]:
    changes = await changes_between(repository / ".git", before, after)
    batches = [list(batch) async for batch in told_of(repository / ".git", before, after, changes, longest)]
    return changes, batches


@pytest.fixture
def before(repository: Path) -> str:
    return run_git(repository, "rev-parse", "HEAD")


async def test_five_hundred_changed_files_are_told_in_a_few_batches(repository: Path) -> None:
    """OD-7"""
    for number in range(500):
        (repository / f"file {number:03}.txt").write_text(f"{number}\n" * 3)
    before = commit(repository)
    for number in range(500):
        (repository / f"file {number:03}.txt").write_text(f"{number}\n" * 2 + "diff --git a/x b/x\n")
    after = commit(repository)
    changes, batches = await everything(repository, before, after)
    assert [len(batch) for batch in batches] == [BATCH_FILES, BATCH_FILES, 500 - 2 * BATCH_FILES]
    told = [each for batch in batches for each in batch]
    assert [each.change for each in told] == changes
    assert [each.before for each in told] == [f"{number}\n".encode() * 3 for number in range(500)]
    assert all(each.after and each.after.endswith(b"diff --git a/x b/x\n") for each in told)
    for number in (0, 199, 200, 499):
        assert told[number].diff == await diff_of(repository / ".git", before, after, changes[number])


async def test_every_kind_of_change_is_told_as_if_it_were_alone(repository: Path) -> None:
    """OD-7"""
    (repository / "turns").write_text("into a link\n")
    (repository / "empty").write_text("")
    (repository / "mode").write_text("#!/bin/sh\n")
    (repository / "gone").write_text("something of its own\nthat is like nothing else\n")
    (repository / "moved a bit").write_text("".join(f"line {number}\n" for number in range(40)))
    before = commit(repository)
    (repository / "turns").unlink()
    (repository / "turns").symlink_to("hello.py")
    (repository / "README.md").rename(repository / "READ.md")
    moved = (repository / "moved a bit").read_text().replace("line 7\n", "line seven\n")
    (repository / "moved a bit").unlink()
    (repository / "moved\ta bit").write_text(moved)
    (repository / "mode").chmod(0o755)
    (repository / "gone").unlink()
    (repository / "empty").write_text("full\n")
    (repository / "new and empty").write_text("")
    (repository / "bin.dat").write_bytes(b"\0\1\2")
    (repository / "odd\nname -x").write_text("no newline at the end")
    (repository / "hello.py").write_bytes(b"def hello():\r\n\xff\n\n")
    after = commit(repository)
    changes, [told] = await everything(repository, before, after)
    assert [each.change for each in told] == changes
    assert {change.change for change in changes} == set(ChangeKind)
    for each in told:
        assert each.diff == await diff_of(repository / ".git", before, after, each.change)
    sides = {each.change.path: (each.before, each.after) for each in told}
    assert sides["turns"] == (b"into a link\n", b"hello.py")
    assert sides["empty"] == (b"", b"full\n")
    assert sides["bin.dat"] == (None, b"\0\1\2")


async def test_a_content_that_is_too_long_is_left_out(repository: Path, before: str) -> None:
    (repository / "long.txt").write_text("x" * 101)
    (repository / "short.txt").write_text("x" * 100)
    changes, [told] = await everything(repository, before, commit(repository), longest=100)
    assert [(change.path, each.after) for change, each in zip(changes, told, strict=True)] == [
        ("long.txt", None),
        ("short.txt", b"x" * 100),
    ]
    assert all(each.diff for each in told)


async def test_a_commit_of_another_repository_has_no_content_here(repository: Path, before: str) -> None:
    """A submodule's entry names a commit that this repository does not have."""
    foreign = "1234567890" * 4
    subprocess.run(
        ["git", "update-index", "--add", "--cacheinfo", f"160000,{foreign},vendored"],
        cwd=repository,
        check=True,
    )
    run_git(repository, "commit", "-qm", "a submodule")
    after = run_git(repository, "rev-parse", "HEAD")
    [change], [[told]] = await everything(repository, before, after)
    assert (change.path, change.after, told.after) == ("vendored", foreign, None)
    assert foreign.encode() in told.diff
    assert await contents_of(repository / ".git", [foreign]) == {}
