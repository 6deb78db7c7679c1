"""Folders to choose from, below roots that nothing leads out of, and what git says of them at a glance."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.domain.errors import InvalidInput, NotFound
from muster.vcs.git import GitError, git, repository_of
from muster.vcs.private import create_private

MOST_FOLDERS: Final = 500
MOST_ASKED: Final = 20
AT_ONCE: Final = 4
SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder. `branch` and `dirty` only where it is the top of a repository and that could be told in time; `dirty`
    counts files that differ from the last commit or are not tracked."""

    name: str
    path: Path
    repository: bool
    branch: str | None = None
    dirty: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A folder with those in it; `root` is the one it is below, `more`: there are others that are not listed."""

    here: Folder
    root: Path
    folders: Sequence[Folder]
    more: bool
    within: Path | None = None
    """The top of the working copy it is in, not looked for above the root."""
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Roots:
    """Where folders may be chosen. Links are followed before anything is compared, so that none leads out."""

    folders: tuple[Path, ...]

    def inside(self, path: Path) -> tuple[Path, Path]:
        """The folder as it really is, and the root it is in. NotFound when it is none, InvalidInput outside of all."""
        if not path.is_absolute() or "\0" in str(path):
            raise InvalidInput(field="path", problem="must be an absolute path")
        real = Path(os.path.realpath(path))
        root = self.of(real)
        if root is None:
            raise InvalidInput(field="path", problem="is not in a folder of the setting directories.roots")
        if not _is_there(real):
            raise NotFound(noun="folder", id=str(path)[:200])
        return real, root

    def nearest(self, path: Path) -> Path:
        """The folder, or the first one above it that is there."""
        return next((place for place in (path, *path.parents) if _is_there(place)), path)

    def of(self, real: Path) -> Path | None:
        """The root that holds it, the innermost; None outside of all."""
        roots = [root for root in self.real() if real.is_relative_to(root)]
        return max(roots, key=lambda root: len(root.parts), default=None)

    def real(self) -> list[Path]:
        """The roots that are there, as they really are."""
        found = dict.fromkeys(Path(os.path.realpath(folder)) for folder in self.folders)
        return [folder for folder in found if folder.is_dir()]


def _is_there(path: Path) -> bool:
    """Whether it is a folder; one of a name that is too long for any file is not, and no error."""
    try:
        return path.is_dir()
    except OSError:
        return False


async def list_folders(roots: Roots, path: Path, *, hidden: bool) -> Listing:
    """What is in a folder, by name. NotFound, InvalidInput."""
    real, root = await asyncio.to_thread(roots.inside, path)
    problem: str | None = None
    found: list[Path] = []
    try:
        found = await asyncio.to_thread(_folders_in, roots, real, hidden)
    except OSError as error:
        problem = f"{real} cannot be read: {(error.strerror or str(error)).lower()}"
    here, *folders = await glance([real, *found[:MOST_FOLDERS]])
    return Listing(
        here=here,
        root=root,
        folders=folders,
        more=len(found) > MOST_FOLDERS,
        within=await asyncio.to_thread(_top_above, real, root),
        problem=problem,
    )


def _top_above(real: Path, root: Path) -> Path | None:
    return next(
        (place for place in (real, *real.parents) if place.is_relative_to(root) and _is_top(place)), None
    )


def _folders_in(roots: Roots, real: Path, hidden: bool) -> list[Path]:
    with os.scandir(real) as entries:
        names = [
            entry.name
            for entry in entries
            if (hidden or not entry.name.startswith(".")) and _is_folder(entry)
        ]
    found = [real / name for name in sorted(names, key=lambda name: (name.lower(), name))]
    return [
        path for path in found if not path.is_symlink() or roots.of(Path(os.path.realpath(path))) is not None
    ]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() and entry.name != ".git" and entry.name.isprintable()
    except OSError:
        return False


async def glance(paths: Sequence[Path]) -> list[Folder]:
    """The folders with what git says of the first repositories among them. The paths are known to be allowed."""
    kinds = await asyncio.to_thread(lambda: [_is_top(path) for path in paths])
    few = asyncio.Semaphore(AT_ONCE)
    asked = {path for path, top in zip(paths, kinds, strict=True) if top}
    asked = set([path for path in paths if path in asked][:MOST_ASKED])

    async def look(path: Path, top: bool) -> Folder:
        if path not in asked:
            return Folder(name=path.name or "/", path=path, repository=top)
        async with few:
            branch, dirty = await _told_by_git(path)
        return Folder(name=path.name or "/", path=path, repository=True, branch=branch, dirty=dirty)

    return list(await asyncio.gather(*(look(path, top) for path, top in zip(paths, kinds, strict=True))))


def _is_top(path: Path) -> bool:
    try:
        mode = (path / ".git").lstat().st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) or stat.S_ISREG(mode)


async def _told_by_git(top: Path) -> tuple[str | None, int | None]:
    """Branch and dirty files of a repository, as far as git can tell in time."""
    try:
        async with asyncio.timeout(SECONDS):
            repository = await repository_of(top)
            if repository is None or repository.top is None:
                return None, None
            told = await git(
                "symbolic-ref", "--quiet", "--short", "HEAD", git_dir=repository.git_dir, accepted=(0, 1)
            )
            branch = told.decode("utf-8", "replace").strip() or None
            return branch, await _dirty(repository.git_dir, repository.main, repository.top)
    except (GitError, OSError, TimeoutError):
        return None, None


async def _dirty(git_dir: Path, main: Path, top: Path) -> int | None:
    """Asked through a private repository with a copy of the index: nothing that the repository's configuration
    names (filters, monitors) runs."""
    told = await git("rev-parse", "--verify", "--quiet", "HEAD", git_dir=git_dir, accepted=(0, 1))
    commit = told.decode().strip() or None
    with tempfile.TemporaryDirectory(prefix="muster-glance-") as folder:
        own = Path(folder) / "git"
        await asyncio.to_thread(_copy, own, git_dir, main, commit)
        told = await git(
            *("status", "--porcelain=v1", "-z", "--untracked-files=normal", "--ignore-submodules=all"),
            *("--no-renames",),
            git_dir=own,
            work_tree=top,
            cwd=top,
        )
    return told.count(b"\0")


def _copy(own: Path, git_dir: Path, main: Path, commit: str | None) -> None:
    create_private(own, main, commit, "glance")
    for source, name in ((git_dir / "index", "index"), (main / "info" / "exclude", "info/exclude")):
        if source.is_file():
            shutil.copy2(source, own / name)
