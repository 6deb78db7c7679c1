"""Kept checkouts of large repositories: a working copy is laid over one instead of being written file by file.

A kept checkout is never written to. Copies of its own commit take it as it is; copies of a commit near
it take it and write what differs. Which way a copy is made depends on the host: an overlay mount where
the worker may mount, copies that share their blocks (reflinks) where the file system has them, else
git writes the files, as for small repositories.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2s
from pathlib import Path
from typing import Final, Literal

from muster.vcs.git import GitError, git
from muster.vcs.overlay import can_mount
from muster.vcs.private import create_private

log = logging.getLogger(__name__)

Way = Literal["overlay", "reflink", "checkout"]
MANY_FILES: Final = 2_000
"""Below this git writes the files as quickly."""
MUCH_CHANGED: Final = 2_000
"""A commit that differs in more files gets a kept checkout of its own."""
KEPT_EACH: Final = 3
"""Kept checkouts of one repository, beside those in use."""
UNUSED_SECONDS: Final = 3 * 24 * 3600.0
FRESH_SECONDS: Final = 600.0
MAKING: Final = "making-"
TREE_SECONDS: Final = 1_800.0
_FICLONE: Final = 0x40049409


@dataclass(frozen=True, slots=True)
class Base:
    """A kept checkout."""

    folder: Path
    commit: str

    @property
    def tree(self) -> Path:
        """The files."""
        return self.folder / "tree"

    @property
    def index(self) -> Path:
        """What git knows of them."""
        return self.folder / "git" / "index"


class Bases:
    """The kept checkouts below a folder."""

    def __init__(self, folder: Path, *, many_files: int = MANY_FILES, way: Way | None = None) -> None:
        self.folder = folder
        self._many_files = many_files
        self._way: Way | None = way
        self._trying = asyncio.Lock()
        self._making: dict[str, asyncio.Lock] = {}

    async def way(self) -> Way:
        """How copies of large repositories are made here, found out by trying."""
        async with self._trying:
            if self._way is None:
                self._way = await asyncio.to_thread(_found_way, self.folder)
        return self._way

    async def near(self, main: Path, commit: str) -> Base | None:
        """A kept checkout of a commit, or one near it; made now if need be. None where git should write the files."""
        if await self.way() == "checkout":
            return None
        name = _name_of(main)
        async with self._making.setdefault(name, asyncio.Lock()):
            found = await self._kept(main, commit) or await self._made(main, commit)
        if found is not None:
            await asyncio.to_thread(os.utime, found.folder / "base.json")
        return found

    async def _kept(self, main: Path, commit: str) -> Base | None:
        exact = self._place(main, commit)
        if (exact.folder / "base.json").is_file():
            return exact
        for base in await asyncio.to_thread(self._of, main):
            if await _differing(main, base.commit, commit) <= MUCH_CHANGED:
                return base
        return None

    async def _made(self, main: Path, commit: str) -> Base | None:
        listed = await git("ls-tree", "-r", "-z", "--name-only", commit, git_dir=main)
        files = listed.count(b"\0")
        if files < self._many_files:
            return None
        made = self._place(main, commit)
        making = Base(self.folder / f"{MAKING}{os.getpid()}-{made.folder.name}", commit)
        await asyncio.to_thread(shutil.rmtree, making.folder, ignore_errors=True)
        try:
            making.tree.mkdir(parents=True)
            create_private(making.folder / "git", main, commit, "base")
            await git(
                *("-c", "checkout.workers=0", "read-tree", "-u", "--reset", commit),
                git_dir=making.folder / "git",
                work_tree=making.tree,
                seconds=TREE_SECONDS,
            )
            known = {"main": str(main), "commit": commit, "files": files}
            (making.folder / "base.json").write_text(json.dumps(known))
            making.folder.rename(made.folder)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, making.folder, ignore_errors=True)
            if not made.tree.is_dir():
                raise
        log.info("%s: %d files of %s are kept for working copies", main, files, commit[:12])
        return made

    def _place(self, main: Path, commit: str) -> Base:
        return Base(self.folder / f"{_name_of(main)}-{commit[:20]}", commit)

    def _of(self, main: Path) -> list[Base]:
        """Kept checkouts of a repository, the last used first."""
        found = [base for base in self.all() if base.folder.name.startswith(f"{_name_of(main)}-")]
        return sorted(found, key=_used, reverse=True)

    def all(self) -> list[Base]:
        """Every kept checkout."""
        places = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        return [found for place in places if (found := _read(place)) is not None]

    def unused(self, in_use: Iterable[Path]) -> list[Path]:
        """Kept checkouts that no copy lies over now, and half-made ones of processes that are gone."""
        now, used = time.time(), set(in_use)  # noqa: TID251 - compared with the times of files
        bases = sorted(self.all(), key=_used, reverse=True)
        idle = [base for base in bases if base.tree not in used and now - _used(base) >= FRESH_SECONDS]
        half = [place for place in self.folder.glob(f"{MAKING}*") if not _maker_lives(place)]
        return [*(base.folder for base in idle), *half]

    def prune(self, in_use: Iterable[Path]) -> list[Path]:
        """Remove those that nobody asked for lately, or that are too many of one repository."""
        now = time.time()  # noqa: TID251 - compared with the times of files
        removed: list[Path] = []
        kept: dict[str, int] = {}
        for place in self.unused(in_use):
            base = _read(place)
            group = place.name.split("-")[0]
            kept[group] = kept.get(group, 0) + 1
            if base is None or kept[group] > KEPT_EACH or now - _used(base) > UNUSED_SECONDS:
                shutil.rmtree(place, ignore_errors=True)
                removed.append(place)
        return removed


def _read(place: Path) -> Base | None:
    try:
        known = json.loads((place / "base.json").read_text())
        return None if place.name.startswith(MAKING) else Base(place, str(known["commit"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _used(base: Base) -> float:
    try:
        return (base.folder / "base.json").stat().st_mtime
    except OSError:
        return 0.0


def _maker_lives(place: Path) -> bool:
    maker = place.name.removeprefix(MAKING).split("-")[0]
    try:
        os.kill(int(maker), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _name_of(main: Path) -> str:
    return blake2s(os.fsencode(main), digest_size=6).hexdigest()


async def _differing(main: Path, before: str, after: str) -> int:
    """In how many files two commits differ; very many when one of them is not there any more."""
    try:
        told = await git("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after, git_dir=main)
    except GitError:
        return MUCH_CHANGED + 1
    return told.count(b"\0")


def _found_way(folder: Path) -> Way:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    problem = can_mount(folder)
    if problem is None:
        return "overlay"
    log.info("no overlay mounts for working copies: %s", problem)
    return "reflink" if _can_reflink(folder) else "checkout"


def _can_reflink(folder: Path) -> bool:
    source, target = folder / f"trial-{os.getpid()}-a", folder / f"trial-{os.getpid()}-b"
    try:
        source.write_bytes(b"x" * 4096)
        with source.open("rb") as one, target.open("wb") as other:
            fcntl.ioctl(other, _FICLONE, one.fileno())
    except OSError:
        return False
    finally:
        source.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
    return True
