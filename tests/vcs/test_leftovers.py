"""What a check leaves lying is not the agent's work; all that is the agent's stays (SQ-9, SW-4i)."""

from __future__ import annotations

import os
from pathlib import Path

from muster.vcs.checkout import Checkout, take_in
from muster.vcs.leftovers import Leftovers
from tests.vcs.conftest import AGENT, run_git
from tests.vcs.test_checkout import opened


async def kept(checkout: Checkout, leftovers: Leftovers) -> list[str]:
    """What is committed beside what was there."""
    await take_in(
        checkout, checkout.tree.parent / "none.bundle", "work", AGENT, without=await leftovers.names()
    )
    told = run_git(
        checkout.git_dir, "diff", "--name-only", checkout.base_commit, f"refs/heads/{checkout.branch}"
    )
    return told.splitlines()


async def test_what_appears_only_while_a_check_runs_is_not_committed(
    repository: Path, tmp_path: Path
) -> None:
    """SQ-9"""
    checkout = await opened(repository, tmp_path / "a")
    tree, leftovers = checkout.tree, Leftovers(checkout)
    (tree / "calc").mkdir()
    (tree / "calc" / "__init__.py").write_text("the agent's\n")
    (tree / "notes.txt").write_text("the agent's\n")
    async with leftovers.noticed():
        (tree / "calc" / "__pycache__").mkdir()
        (tree / "calc" / "__pycache__" / "calc.pyc").write_bytes(b"\0one")
        (tree / "report\n.xml").write_text("<r/>\n")
        (tree / os.fsdecode(b"odd\xff.log")).write_text("x\n")
        (tree / "notes.txt").write_text("changed by the check, the agent's all the same\n")
        (tree / "hello.py").write_text("a file of the repository\n")
    assert await kept(checkout, leftovers) == ["calc/__init__.py", "hello.py", "notes.txt"]
    assert (tree / "calc" / "__pycache__" / "calc.pyc").exists()


async def test_checks_between_turns_leave_nothing_and_what_the_agent_takes_up_is_its_own(
    repository: Path, tmp_path: Path
) -> None:
    """SQ-9: a bounded cycle of checks and mending in the same working copy."""
    checkout = await opened(repository, tmp_path / "a")
    tree, leftovers = checkout.tree, Leftovers(checkout)
    async with leftovers.noticed():
        for name in ("cache.pyc", "snapshot.txt", "gone.txt"):
            (tree / name).write_text("first\n")
    (tree / "snapshot.txt").write_text("looked at and mended by the agent\n")
    (tree / "mended.py").write_text("the agent's\n")
    (tree / "gone.txt").unlink()
    async with leftovers.noticed():
        (tree / "cache.pyc").write_text("second run\n")
        (tree / "late.pyc").write_text("second run\n")
    assert await kept(checkout, leftovers) == ["mended.py", "snapshot.txt"]


async def test_what_the_agent_committed_is_kept_though_a_check_made_it(
    repository: Path, tmp_path: Path
) -> None:
    checkout = await opened(repository, tmp_path / "a")
    tree, leftovers = checkout.tree, Leftovers(checkout)
    async with leftovers.noticed():
        (tree / "golden.txt").write_text("made by the check\n")
        (tree / "cache.pyc").write_text("x\n")
    run_git(tree, "add", "golden.txt")
    run_git(tree, "commit", "-qm", "the agent's own")
    bundle = tmp_path / "a" / "agent.bundle"
    run_git(tree, "bundle", "create", "-q", str(bundle), "HEAD", "--not", checkout.base_commit)
    commit = await take_in(checkout, bundle, "work", AGENT, without=await leftovers.names())
    assert (
        run_git(checkout.git_dir, "ls-tree", "--name-only", commit, "golden.txt", "cache.pyc") == "golden.txt"
    )


async def test_a_check_that_alone_left_something_leaves_no_commit(repository: Path, tmp_path: Path) -> None:
    checkout = await opened(repository, tmp_path / "a")
    leftovers = Leftovers(checkout)
    async with leftovers.noticed():
        (checkout.tree / "cache.pyc").write_text("x\n")
    assert await kept(checkout, leftovers) == []


async def test_where_git_cannot_tell_everything_is_kept(repository: Path, tmp_path: Path) -> None:
    checkout = await opened(repository, tmp_path / "a")
    leftovers = Leftovers(checkout)
    index = checkout.git_dir / "index"
    index.rename(index.with_name("aside"))
    index.write_bytes(b"no index")
    async with leftovers.noticed():
        (checkout.tree / "cache.pyc").write_text("x\n")
    assert await leftovers.names() == []
