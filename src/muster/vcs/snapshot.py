"""What changed in a folder that an agent works in as it is: compared with how it was before.

A git directory of the host's own keeps both states; nothing is written into the folder, and a repository that it may
be is neither used nor believed. Files that a `.gitignore` names are left out.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.vcs.git import GitError, git
from muster.vcs.private import create_private, exclude

MOST_FILES: Final = 20_000
MOST_BYTES: Final = 256 * 1024 * 1024
SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """`before` names the state of `folder` at the start, in `git_dir`."""

    folder: Path
    git_dir: Path
    before: str


async def take_snapshot(
    folder: Path, git_dir: Path, *, main: Path | None = None, hidden: Sequence[Path] = ()
) -> Snapshot | None:
    """Remember a folder as it is; None for one that is too large for that (20,000 files or 256 MiB).

    `main` is the repository it belongs to, if it does: what is committed there need not be copied.
    """
    if main is None and await asyncio.to_thread(_too_large, folder):
        return None
    try:
        await asyncio.to_thread(create_private, git_dir, main, None, "snapshot")
        exclude(git_dir, [str(path.relative_to(folder)) for path in hidden if path.is_relative_to(folder)])
        return Snapshot(folder=folder, git_dir=git_dir, before=await _state(folder, git_dir))
    except GitError:
        return None


async def state_now(snapshot: Snapshot) -> str:
    """The name of the folder's state as it is now. GitError."""
    return await _state(snapshot.folder, snapshot.git_dir)


async def _state(folder: Path, git_dir: Path) -> str:
    await git(
        *("add", "-A", "--ignore-errors", "."),
        git_dir=git_dir,
        work_tree=folder,
        cwd=folder,
        seconds=SECONDS,
    )
    return (await git("write-tree", git_dir=git_dir)).decode().strip()


def _too_large(folder: Path) -> bool:
    files = size = 0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        files += len(names)
        for name in names:
            try:
                size += (Path(place) / name).lstat().st_size
            except OSError:
                continue
        if files > MOST_FILES or size > MOST_BYTES:
            return True
    return False
