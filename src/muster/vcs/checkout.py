"""A working copy for one attempt: the agent's own, with a repository of its own, on a branch of its own.

Two git directories belong to it. The agent's is `.git` in the tree: it may do there what it likes, so
nothing of it is ever run or believed on the host. The host's stands outside the sandbox; from it the
tree is made, and into it comes what is kept: the agent's commits as a bundle (data, checked on
arrival) and whatever else lies in the tree as a commit on top. Both borrow the main repository's
objects and write nothing to it until the work is published as a branch.

How the files get there is said in `bases`: large repositories are laid over a kept checkout.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from muster.vcs.bases import Base, Bases, Way
from muster.vcs.git import GitError, commit_of, git, line
from muster.vcs.overlay import Overlay, unmount_below
from muster.vcs.private import Owner, create_private, exclude, lenders

log = logging.getLogger(__name__)

BRANCHES: Final = "muster/"
KEPT: Final = "refs/muster/attempts/"
INCLUDE: Final = ".worktreeinclude"
TREE_SECONDS: Final = 600.0
LOCK_TRIES: Final = 20
LOCK_PAUSE: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Owner):
    """Whose name commits carry."""

    @property
    def env(self) -> Mapping[str, str]:
        """For git."""
        return {
            "GIT_AUTHOR_NAME": self.name,
            "GIT_AUTHOR_EMAIL": self.email,
            "GIT_COMMITTER_NAME": self.name,
            "GIT_COMMITTER_EMAIL": self.email,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """`tree` is the agent's, `git_dir` the host's; `main` is the git directory of the user's repository.

    `way` says how the files came there, `lower` is the kept checkout they lie over, `target` the branch of the user's
    that the work starts from, where it starts from one.
    """

    main: Path
    tree: Path
    git_dir: Path
    branch: str
    attempt: str
    base_commit: str
    way: Way = "checkout"
    lower: Path | None = None
    target: str | None = None
    told_from: str | None = None
    """What its changes are told against, when it goes on with work that is there already."""

    @property
    def since(self) -> str:
        """The commit its changes are told against."""
        return self.told_from or self.base_commit

    @property
    def objects(self) -> Sequence[Path]:
        """Folders of the main repository's objects: the sandbox must be able to read them."""
        return lenders(self.main)

    @property
    def overlay(self) -> Overlay | None:
        """The mount that `tree` is."""
        return None if self.lower is None else Overlay(self.lower, self.tree)


async def open_checkout(
    main: Path,
    folder: Path,
    *,
    task: str,
    attempt: str,
    base: str | None,
    source: Path | None = None,
    identity: Identity,
    bases: Bases | None = None,
    head: Path | None = None,
    start: str | None = None,
) -> Checkout:
    """Make a working copy of `base` below `folder` (tree and git). GitError for a base that does not exist.

    `source` is the user's working copy: what its `.worktreeinclude` names is carried over. `head` is its git
    directory, where that is not `main`: without a `base` the work starts from what is checked out there. `start` is a
    commit that was made of the base to start from instead.
    """
    commit = start or await commit_of(head or main, base)
    checkout = Checkout(
        main=main,
        tree=folder / "tree",
        git_dir=folder / "git",
        branch=f"{BRANCHES}{task}",
        attempt=attempt,
        base_commit=commit,
        target=await branch_named(head or main, base),
    )
    await asyncio.to_thread(create_private, checkout.git_dir, main, commit, checkout.branch)
    found = None if bases is None else await bases.near(main, commit)
    checkout = await _laid_over(checkout, found) if bases is not None and found is not None else checkout
    if checkout.way == "checkout":
        checkout.tree.mkdir(mode=0o755)
        await _write_files(checkout, "--reset")
    await asyncio.to_thread(_give_repository, checkout, identity)
    if source is not None:
        names = await carry_over(source, checkout.tree)
        for git_dir in (checkout.git_dir, checkout.tree / ".git"):
            exclude(git_dir, names)
    return checkout


async def branch_named(git_dir: Path, base: str | None) -> str | None:
    """The local branch that a base names; without a base the one that is checked out. None for a tag or a commit."""
    wanted = base or "HEAD"
    name = await line("rev-parse", "--symbolic-full-name", "--verify", "--quiet", wanted, git_dir=git_dir)
    return name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else None


async def _laid_over(checkout: Checkout, base: Base) -> Checkout:
    """The files as a copy of a kept checkout, without copying; the checkout as it was where that did not work."""
    overlay = Overlay(base.tree, checkout.tree)
    try:
        await asyncio.to_thread(overlay.mount)
        made = replace(checkout, way="overlay", lower=base.tree)
    except OSError as error:
        log.info("%s: no overlay mount (%s)", checkout.attempt, error.strerror)
        if not await _cloned(base.tree, checkout.tree):
            return checkout
        made = replace(checkout, way="reflink")
    await asyncio.to_thread(shutil.copy2, base.index, checkout.git_dir / "index")
    if base.commit != checkout.base_commit:
        await _write_files(checkout, "-m")
    return made


async def _cloned(source: Path, target: Path) -> bool:
    """Copy a tree so that the copies share their blocks; False where the file system cannot."""
    process = await asyncio.create_subprocess_exec(
        *("cp", "-a", "--reflink=always", "--", str(source), str(target)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if status != 0:
        await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
    return status == 0


async def _write_files(checkout: Checkout, how: str) -> None:
    await git(
        *("-c", "checkout.workers=0", "read-tree", "-u", how, checkout.base_commit),
        git_dir=checkout.git_dir,
        work_tree=checkout.tree,
        seconds=TREE_SECONDS,
    )


def _give_repository(checkout: Checkout, identity: Identity) -> None:
    """The agent's own git directory: the same commit and index, no remotes, nothing of the user's configuration."""
    own = checkout.tree / ".git"
    create_private(
        own,
        checkout.main,
        checkout.base_commit,
        checkout.branch,
        owner=identity,
        minimal=checkout.way == "reflink",
    )
    shutil.copy2(checkout.git_dir / "index", own / "index")


def close_checkout(checkout: Checkout) -> None:
    """End the mount, if it is one. What was not kept by now is gone with the folder."""
    unmount_below(checkout.tree)


async def carry_over(source: Path, tree: Path) -> list[str]:
    """Copy untracked and ignored files that `.worktreeinclude` (as .gitignore) names; what was copied."""
    include = source / INCLUDE
    if not include.is_file():
        return []
    told = await git("ls-files", "--others", "--ignored", f"--exclude-from={include}", "-z", cwd=source)
    copied: list[str] = []
    for raw in told.split(b"\0"):
        name = raw.decode("utf-8", "surrogateescape")
        if name and await asyncio.to_thread(_copy_file, source / name, tree / name):
            copied.append(name)
    return copied


def _copy_file(source: Path, target: Path) -> bool:
    if source.is_symlink() or not source.is_file() or target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
    return True


def bundle_script(checkout: Checkout, bundle: Path) -> Sequence[str]:
    """What to run inside the sandbox so that the agent's commits come out as a bundle; it makes none when there are none."""
    script = (
        'cd "$1" && head=$(git rev-parse -q --verify HEAD^{commit}) && '
        'if [ "$head" != "$3" ]; then git bundle create -q "$2" HEAD --not "$3"; fi'
    )
    return ["sh", "-c", script, "sh", str(checkout.tree), str(bundle), checkout.base_commit]


async def take_in(
    checkout: Checkout, bundle: Path, message: str, identity: Identity, without: Sequence[str] = ()
) -> str:
    """Keep what the attempt left: its commits from the bundle, if that is whole, and what is not committed as a commit of
    its own, except for new files `without` names. The id of the last commit; the base's when nothing changed."""
    parent = await _unbundled(checkout, bundle) or checkout.base_commit
    at, index = checkout.git_dir, checkout.git_dir / "leftovers.index"
    if checkout.way != "reflink":
        # With what is known of the files' times, those that were not touched need not be read.
        await asyncio.to_thread(shutil.copy2, at / "index", index)
    await git("read-tree", "--reset", parent, git_dir=at, index=index, work_tree=checkout.tree)
    await git(
        *("add", "-A", "."),
        git_dir=at,
        index=index,
        work_tree=checkout.tree,
        cwd=checkout.tree,
        seconds=TREE_SECONDS,
    )
    if without:
        await _leave_out(checkout, index, parent, without)
    tree = (await git("write-tree", git_dir=at, index=index)).decode().strip()
    commit = parent
    if tree != await line("rev-parse", f"{parent}^{{tree}}", git_dir=checkout.git_dir):
        made = await git(
            *("commit-tree", tree, "-p", parent, "-F", "-"),
            git_dir=checkout.git_dir,
            env=identity.env,
            stdin=message.encode(),
        )
        commit = made.decode().strip()
    await git("update-ref", f"refs/heads/{checkout.branch}", commit, git_dir=checkout.git_dir)
    return commit


async def _leave_out(checkout: Checkout, index: Path, parent: str, without: Sequence[str]) -> None:
    """Take these files out of an index, where they are new in it."""
    at, tree = checkout.git_dir, checkout.tree
    told = await git(
        *("diff-index", "--cached", "--no-renames", "--diff-filter=A", "--name-only", "-z", parent),
        git_dir=at,
        index=index,
    )
    names = sorted({os.fsencode(name) for name in without} & set(told.split(b"\0")))
    await git(
        *("update-index", "--force-remove", "-z", "--stdin"),
        git_dir=at,
        index=index,
        work_tree=tree,
        cwd=tree,
        stdin=b"".join(name + b"\0" for name in names),
    )


async def _unbundled(checkout: Checkout, bundle: Path) -> str | None:
    """The agent's last commit; None when it made none, or when what it made cannot be trusted to be whole."""
    if bundle.is_symlink() or not bundle.is_file():
        return None
    try:
        await git(
            *("-c", "fetch.fsckObjects=true", "fetch", "--quiet", "--no-tags", "--no-recurse-submodules"),
            *(str(bundle), f"+HEAD:{KEPT}{checkout.attempt}"),
            git_dir=checkout.git_dir,
        )
    except GitError:
        return None
    return await commit_of(checkout.git_dir, f"{KEPT}{checkout.attempt}")


async def publish(checkout: Checkout, commit: str, *, as_branch: bool = True) -> str:
    """Put the work into the main repository: as the task's branch, and under the attempt for good. The branch's name.

    A branch that somebody has checked out is left alone; the attempt's own name always works, and is the only one
    without `as_branch`.
    """
    kept = f"{KEPT}{checkout.attempt}"
    await git("update-ref", kept, commit, git_dir=checkout.git_dir)
    await patiently(
        "fetch", "--quiet", "--no-tags", str(checkout.git_dir), f"+{kept}:{kept}", git_dir=checkout.main
    )
    if not as_branch:
        return kept
    try:
        await patiently(
            *("fetch", "--quiet", "--no-tags", str(checkout.git_dir)),
            f"+{kept}:refs/heads/{checkout.branch}",
            git_dir=checkout.main,
        )
    except GitError:
        return kept
    return checkout.branch


async def patiently(*args: str, git_dir: Path) -> None:
    """Run git in a repository that several attempts write to at a time: wait for each other's locks. GitError."""
    for _ in range(LOCK_TRIES):
        try:
            await git(*args, git_dir=git_dir)
        except GitError as error:
            if ".lock" not in error.message and "cannot lock" not in error.message:
                raise
            await asyncio.sleep(LOCK_PAUSE)
        else:
            return
    await git(*args, git_dir=git_dir)
