"""One starting point made of several tasks' work: their branches merged one after the other (SA-2b).

What does not merge is not lost: both sides stand in the file between git's conflict markers, and whoever starts from
there is told of it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.domain.prompt import Beginning
from muster.vcs.checkout import BRANCHES, KEPT, Identity, patiently
from muster.vcs.git import git
from muster.vcs.merging import merged_tree
from muster.vcs.private import create_private

SUFFIX: Final = ".base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrated:
    """`commit` holds the base and the work of all parts that were found."""

    commit: str
    parts: Sequence[Beginning]


async def integrate(
    main: Path, base: str, tasks: Sequence[str], *, task: str, attempt: str, identity: Identity
) -> Integrated:
    """Merge the branches of `tasks` onto commit `base`, for `attempt` of `task`. GitError.

    The result is kept in the repository under the attempt's name, as long as what the task leaves there.
    """
    parts: list[Beginning] = []
    with tempfile.TemporaryDirectory(prefix="muster-parts-") as folder:
        own = Path(folder) / "git"
        await asyncio.to_thread(create_private, own, main, base, "base")
        commit = base
        for name in tasks:
            theirs = await _work_of(main, name)
            if theirs is None:
                parts.append(Beginning(task=name, found=False))
                continue
            tree, conflicts = await merged_tree(own, commit, theirs)
            parts.append(Beginning(task=name, conflicts=tuple(conflicts)))
            commit = await _onto(own, commit, theirs, tree, _words(name, task), identity)
        if commit != base:
            kept = f"{KEPT}{attempt}{SUFFIX}"
            await git("update-ref", kept, commit, git_dir=own)
            await patiently("fetch", "--quiet", "--no-tags", str(own), f"+{kept}:{kept}", git_dir=main)
    return Integrated(commit=commit, parts=parts)


async def _work_of(main: Path, task: str) -> str | None:
    name = f"refs/heads/{BRANCHES}{task}^{{commit}}"
    told = await git("rev-parse", "--verify", "--quiet", name, git_dir=main, accepted=(0, 1))
    return told.decode().strip() or None


async def _onto(own: Path, ours: str, theirs: str, tree: str, message: str, identity: Identity) -> str:
    """The merge; `ours` itself when it has all of the work already."""
    if (await git("merge-base", ours, theirs, git_dir=own, accepted=(0, 1))).decode().strip() == theirs:
        return ours
    made = await git(
        *("commit-tree", tree, "-p", ours, "-p", theirs, "-F", "-"),
        git_dir=own,
        env=identity.env,
        stdin=message.encode(),
    )
    return made.decode().strip()


def _words(part: str, task: str) -> str:
    return f"Merge {BRANCHES}{part}\n\nA part that {task} begins with.\n\nMuster-Task: {task}\n"
