"""How a task's branch stands to the branch it is to go into: ahead, behind, merged, and what is not committed yet.

Repositories are only read for names and objects. What git works out with them happens in a private one, so that
nothing in their configuration (merge drivers, filters) runs.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from muster.vcs.checkout import BRANCHES, KEPT, Checkout, branch_named
from muster.vcs.git import GitError, git, line
from muster.vcs.private import create_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`ahead` and `behind` count commits against `into`; `merged`: all its work is in there, however it came there.

    Without a commit nothing was kept yet, without `into` there is nothing to compare with.
    """

    commit: str | None = None
    into: str | None = None
    ahead: int | None = None
    behind: int | None = None
    merged: bool | None = None


async def commit_kept(main: Path, task: str, attempt: str | None) -> str | None:
    """The commit of the attempt, else of the task's branch; None when the repository has neither."""
    names = [f"refs/heads/{BRANCHES}{task}"] if attempt is None else [f"{KEPT}{attempt}"]
    told = await line("for-each-ref", "--format=%(objectname)", *names, git_dir=main)
    return told.splitlines()[0] if told else None


async def into_branch(main: Path, wanted: str | None) -> str | None:
    """The branch to compare with: the one wanted if it is there, else the one that is checked out."""
    if wanted is not None:
        told = await line("for-each-ref", "--format=%(refname)", f"refs/heads/{wanted}", git_dir=main)
        if f"refs/heads/{wanted}" in told.splitlines():
            return wanted
    try:
        return await branch_named(main, None)
    except GitError:
        return None


async def head_of_branch(main: Path, branch: str) -> str | None:
    """The commit a local branch is at; None when there is no such branch."""
    name = f"refs/heads/{branch}"
    told = await line("for-each-ref", "--format=%(refname)%00%(objectname)", name, git_dir=main)
    return dict(row.split("\0") for row in told.splitlines()).get(name)


async def standing_of(main: Path, commit: str | None, into: str | None) -> Standing:
    """How a commit stands to a branch. GitError for a branch that is not there."""
    if commit is None or into is None:
        return Standing(commit=commit, into=into)
    target = await line("rev-parse", "--verify", f"refs/heads/{into}^{{commit}}", git_dir=main)
    with tempfile.TemporaryDirectory(prefix="muster-standing-") as folder:
        own = Path(folder) / "git"
        await asyncio.to_thread(create_private, own, main, target, "into")
        told = await line("rev-list", "--left-right", "--count", f"{target}...{commit}", git_dir=own)
        behind, ahead = (int(word) for word in told.split())
        merged = ahead == 0 or await _contained(own, target, commit)
    return Standing(commit=commit, into=into, ahead=ahead, behind=behind, merged=merged)


async def _contained(own: Path, target: str, commit: str) -> bool:
    """Whether merging would change nothing: so it is after a squash, a rebase or cherry-picks too."""
    try:
        told = await git("merge-tree", "--write-tree", target, commit, git_dir=own)
        return told.decode().split("\n")[0] == await line("rev-parse", f"{target}^{{tree}}", git_dir=own)
    except GitError:
        # A conflict; or a git before 2.38, which cannot tell.
        return False


async def unkept_files(checkout: Checkout) -> int:
    """How many files of a working copy in use differ from its base and are not ignored. GitError."""
    index = checkout.git_dir / "asked.index"
    await asyncio.to_thread(shutil.copy2, checkout.git_dir / "index", index)
    told = await git(
        *("ls-files", "-z", "--modified", "--others", "--exclude-standard", "--deduplicate"),
        git_dir=checkout.git_dir,
        work_tree=checkout.tree,
        cwd=checkout.tree,
        index=index,
    )
    return told.count(b"\0")
