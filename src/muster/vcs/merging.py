"""Merging a task's work into a branch of the user's repository.

The merge is worked out in a private repository, without any working copy: nothing of the user's files moves before it
is known to succeed. Then the branch is moved from the commit it was seen at, or not at all. Where the branch is checked
out its files follow, as `git merge --ff-only` does it: files changed by hand are never overwritten.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from muster.domain.errors import Conflict
from muster.vcs.checkout import Identity
from muster.vcs.git import GitError, git, line
from muster.vcs.private import create_private
from muster.vcs.remote import as_user

Way = Literal["merge", "squash"]
TRIES: Final = 10
NAMED: Final = 20
"""Files in conflict that an error names."""
NOBODY: Final = Identity(name="muster", email="muster@agents.muster.invalid")
_FIELDS: Final = "%(objectname)%00%(worktreepath)"


class MergeConflict(Conflict):
    """{branch} does not merge into {into}: {count} files were changed on both sides ({shown}). Nothing was changed. Have
    the task run again on the present {into}, or merge by hand: git merge {branch}"""

    code = "merge_conflict"


class MergeRefused(Conflict):
    """{branch} was not merged into {into}: {problem}"""

    code = "merge_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What to merge: `commit`, known as `branch`, into the branch `into`, with this message in this person's name."""

    commit: str
    branch: str
    into: str
    message: str
    author: Identity
    user: Mapping[str, str]
    """The environment in which git acts as the owner of the repository."""
    way: Way = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """`commit` is where the branch is now; `before` where it was. They are the same when there was nothing to merge."""

    commit: str
    before: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where a branch is: its commit, and the working copy that has it checked out."""

    commit: str
    checked_out: Path | None


async def owner_of(main: Path, user: Mapping[str, str]) -> Identity:
    """Whose name a merge in this repository carries: the one git is set up with there, else muster's."""
    told: list[str] = []
    for name in ("user.name", "user.email"):
        found = await git("config", "--get", name, git_dir=main, user=as_user(user), accepted=(0, 1))
        told.append(found.decode("utf-8", "replace").strip())
    return Identity(name=told[0], email=told[1]) if all(told) else NOBODY


async def merge_work(main: Path, wanted: Merge) -> Merged:
    """Merge, or leave everything as it is. MergeConflict, MergeRefused, GitError."""
    for _ in range(TRIES):
        target = await _target(main, wanted)
        with tempfile.TemporaryDirectory(prefix="muster-merge-") as folder:
            own = Path(folder) / "git"
            await asyncio.to_thread(create_private, own, main, target.commit, "into")
            made = await _made(own, wanted, target.commit)
            if made is None:
                return Merged(commit=target.commit, before=target.commit)
            await git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(own), made, git_dir=main)
        if await _move(main, wanted, target, made):
            return Merged(commit=made, before=target.commit)
    raise MergeRefused(branch=wanted.branch, into=wanted.into, problem="that branch keeps moving; try again")


async def _target(main: Path, wanted: Merge) -> Target:
    name = f"refs/heads/{wanted.into}"
    told = await line("for-each-ref", f"--format=%(refname)%00{_FIELDS}", name, git_dir=main)
    for row in told.splitlines():
        ref, commit, place = row.split("\0")
        if ref == name:
            return Target(commit, Path(place) if place and Path(place).is_dir() else None)
    raise MergeRefused(branch=wanted.branch, into=wanted.into, problem="the repository has no such branch")


async def _made(own: Path, wanted: Merge, target: str) -> str | None:
    """The merge commit, in the private repository; None when the branch has all of the work already."""
    tree, conflicts = await merged_tree(own, target, wanted.commit)
    if conflicts:
        shown = ", ".join(conflicts[:NAMED])
        raise MergeConflict(
            branch=wanted.branch, into=wanted.into, count=len(conflicts), shown=shown, files=conflicts[:NAMED]
        )
    if tree == await line("rev-parse", f"{target}^{{tree}}", git_dir=own):
        return None
    parents = [target] if wanted.way == "squash" else [target, wanted.commit]
    made = await git(
        *("commit-tree", tree, *(word for parent in parents for word in ("-p", parent)), "-F", "-"),
        git_dir=own,
        env=wanted.author.env,
        stdin=wanted.message.encode(),
    )
    commit = made.decode().strip()
    await git("update-ref", "refs/heads/into", commit, git_dir=own)
    return commit


async def merged_tree(own: Path, ours: str, theirs: str) -> tuple[str, list[str]]:
    """The tree of a merge and the names of files in conflict, which stand in it with conflict markers. GitError."""
    told = await git(
        *("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs),
        git_dir=own,
        accepted=(0, 1),
    )
    tree, *names = told.decode("utf-8", "replace").split("\0")
    return tree.strip(), list(dict.fromkeys(name for name in names if name))


async def _move(main: Path, wanted: Merge, target: Target, commit: str) -> bool:
    """Move the branch; False when it is not where it was seen."""
    try:
        if target.checked_out is None:
            await git("update-ref", f"refs/heads/{wanted.into}", commit, target.commit, git_dir=main)
        else:
            # The working copy's own configuration counts here (line ends, large files), as when its owner merges.
            await git(
                *("merge", "--ff-only", "--quiet", "--no-autostash", commit),
                cwd=target.checked_out,
                user=as_user(wanted.user),
            )
    except GitError as error:
        if (await _target(main, wanted)).commit != target.commit:
            return False
        raise MergeRefused(
            branch=wanted.branch, into=wanted.into, problem=str(error.details.get("problem", error.message))
        ) from error
    return True
