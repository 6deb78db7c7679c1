"""Merging work into a branch: all of it or nothing, and never over what somebody changed by hand (SW-4i)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from muster.vcs.checkout import Identity
from muster.vcs.merging import NOBODY, Merge, MergeConflict, MergeRefused, Way, merge_work, owner_of
from tests.vcs.conftest import run_git

ANN = Identity(name="Ann", email="ann@example.org")


def work_on(repository: Path, branch: str, **files: str) -> str:
    """A commit on a new branch, made without touching the working copy; its id."""
    tree = repository.parent / f"tree-{branch}"
    run_git(repository, "worktree", "add", "-q", "-b", f"muster/{branch}", str(tree), "main")
    for name, text in files.items():
        (tree / f"{name}.py").write_text(text)
    run_git(tree, "add", "-A")
    run_git(tree, "commit", "-qm", f"work of {branch}")
    commit = run_git(tree, "rev-parse", "HEAD")
    run_git(repository, "worktree", "remove", "--force", str(tree))
    return commit


def merge_of(commit: str, branch: str = "a", way: Way = "merge", into: str = "main") -> Merge:
    return Merge(
        commit=commit,
        branch=f"muster/{branch}",
        into=into,
        message="Take it in\n",
        author=ANN,
        user={},
        way=way,
    )


async def test_the_files_of_a_branch_that_is_checked_out_follow(repository: Path) -> None:
    """SW-4i"""
    before = run_git(repository, "rev-parse", "main")
    commit = work_on(repository, "a", new="x = 1\n")
    merged = await merge_work(repository / ".git", merge_of(commit))
    assert merged.before == before
    assert run_git(repository, "rev-parse", "main") == merged.commit
    assert (
        run_git(repository, "log", "-1", "--format=%P|%an|%s", "main") == f"{before} {commit}|Ann|Take it in"
    )
    assert (repository / "new.py").read_text() == "x = 1\n"
    assert run_git(repository, "status", "--porcelain") == ""


async def test_squashed_work_is_one_commit_and_merging_it_again_changes_nothing(repository: Path) -> None:
    """SW-4i"""
    before = run_git(repository, "rev-parse", "main")
    commit = work_on(repository, "a", new="x = 1\n")
    squashed = await merge_work(repository / ".git", merge_of(commit, way="squash"))
    assert run_git(repository, "log", "-1", "--format=%P", "main") == before
    again = await merge_work(repository / ".git", merge_of(commit))
    assert again.commit == again.before == squashed.commit


async def test_work_changed_on_both_sides_changes_nothing_and_names_the_files(repository: Path) -> None:
    """SW-4i"""
    one = work_on(repository, "a", hello="def hello():\n    return 'one'\n")
    two = work_on(repository, "b", hello="def hello():\n    return 'two'\n", other="fine\n")
    await merge_work(repository / ".git", merge_of(one))
    at = run_git(repository, "rev-parse", "main")
    with pytest.raises(MergeConflict, match=r"1 files were changed on both sides \(hello.py\)") as refused:
        await merge_work(repository / ".git", merge_of(two, "b"))
    assert refused.value.details["files"] == ["hello.py"]
    assert run_git(repository, "rev-parse", "main") == at
    assert run_git(repository, "status", "--porcelain") == ""
    assert not (repository / "other.py").exists()


async def test_what_somebody_changed_by_hand_is_not_overwritten(repository: Path) -> None:
    """SW-4i"""
    at = run_git(repository, "rev-parse", "main")
    commit = work_on(repository, "a", hello="def hello():\n    return 'agent'\n")
    (repository / "hello.py").write_text("mine\n")
    with pytest.raises(MergeRefused, match="local changes"):
        await merge_work(repository / ".git", merge_of(commit))
    assert (repository / "hello.py").read_text() == "mine\n"
    assert run_git(repository, "rev-parse", "main") == at
    run_git(repository, "checkout", "-q", "hello.py")
    (repository / "README.md").write_text("mine too\n")
    await merge_work(repository / ".git", merge_of(commit))
    assert (repository / "README.md").read_text() == "mine too\n"
    assert "agent" in (repository / "hello.py").read_text()


async def test_a_branch_that_is_not_checked_out_moves_alone(repository: Path) -> None:
    """SW-4i"""
    run_git(repository, "branch", "release")
    commit = work_on(repository, "a", new="x = 1\n")
    merged = await merge_work(repository / ".git", merge_of(commit, into="release"))
    assert run_git(repository, "rev-parse", "release") == merged.commit
    assert not (repository / "new.py").exists()
    with pytest.raises(MergeRefused, match="no such branch"):
        await merge_work(repository / ".git", merge_of(commit, into="nowhere"))


async def test_many_merges_at_a_time_all_go_in(repository: Path) -> None:
    """SW-4i: each sees where the branch is by then."""
    run_git(repository, "branch", "release")
    commits = [work_on(repository, name, **{name: "x\n"}) for name in ("a", "b", "c")]
    await asyncio.gather(
        *(merge_work(repository / ".git", merge_of(commit, into="release")) for commit in commits)
    )
    listed = run_git(repository, "ls-tree", "--name-only", "release").split()
    assert {"a.py", "b.py", "c.py"} <= set(listed)


async def test_hooks_and_drivers_of_what_was_written_do_not_run(repository: Path, tmp_path: Path) -> None:
    """SW-4i: attributes in the work name a driver; hooks lie in the repository."""
    ran = tmp_path / "ran"
    for name in ("post-merge", "pre-merge-commit", "reference-transaction"):
        hook = repository / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
        hook.chmod(0o755)
    run_git(repository, "config", "merge.evil.driver", f"touch {ran}; false")
    tree_of = work_on(repository, "a", hello="def hello():\n    return 'one'\n")
    ran.unlink(missing_ok=True)
    (repository / "hello.py").write_text("# first\ndef hello():\n    return 'hello'\n")
    (repository / ".gitattributes").write_text("*.py merge=evil\n")
    run_git(repository, "add", "-A")
    run_git(repository, "-c", "core.hooksPath=/dev/null", "commit", "-qm", "mine")
    await merge_work(repository / ".git", merge_of(tree_of))
    assert not ran.exists()
    assert (repository / "hello.py").read_text() == "# first\ndef hello():\n    return 'one'\n"


async def test_a_merge_carries_the_name_that_git_is_set_up_with(repository: Path, tmp_path: Path) -> None:
    """SW-4i"""
    bare = {"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "PATH": "/usr/bin:/bin"}
    assert await owner_of(repository / ".git", bare) == NOBODY
    run_git(repository, "config", "user.name", "Ann")
    run_git(repository, "config", "user.email", "ann@example.org")
    assert await owner_of(repository / ".git", bare) == ANN
