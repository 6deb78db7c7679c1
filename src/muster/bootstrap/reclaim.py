"""What attempts left on this host: work in a repository, folders of dead attempts, kept checkouts, agents' homes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from muster.bootstrap.settings import Settings
from muster.domain.errors import NotFound
from muster.domain.reclaim import ENDED
from muster.sandboxes.registry import survey as survey_levels
from muster.vcs.bases import Bases
from muster.vcs.branches import TaskWork, drop_works, size_of, works_in
from muster.vcs.git import Repository, repository_of
from muster.vcs.rescue import read_record
from muster.vcs.standing import into_branch
from muster.worker.isolation import Isolation
from muster.worker.janitor import sweep
from muster.worker.workspace import leftovers

DAY: Final = 86_400.0
StateOf = Callable[[str], str | None]
"""The state of a task, `gone` when there is none, None when nobody can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder that may go: an `attempt` of a dead worker, a `checkout` that is kept, or a `home` of agents."""

    kind: str
    path: Path
    size: int


@dataclass(slots=True, kw_only=True)
class Survey:
    """What was found. Sizes are bytes."""

    repository: Repository
    into: str | None
    works: list[TaskWork] = field(default_factory=list[TaskWork])
    folders: list[Folder] = field(default_factory=list[Folder])


async def survey(
    settings: Settings, place: Path, into: str | None, state_of: StateOf, older_days: float
) -> Survey:
    """Look everything over; nothing is changed. NotFound when `place` is in no repository, or it has no such branch."""
    repository = await repository_of(place) if place.is_dir() else None
    if repository is None:
        raise NotFound(f"There is no git repository at {place}; name one with --repository.")
    target = await into_branch(repository.git_dir, into)
    if into is not None and target != into:
        raise NotFound(noun="branch", id=into)
    works = await works_in(repository.main, target)
    folders = [
        folder
        for worker in _workers(settings)
        for folder in (*_attempts(worker), *_checkouts(worker), *_homes(worker, state_of, older_days))
    ]
    return Survey(repository=repository, into=target, works=works, folders=folders)


async def unshared_size(found: Survey, works: Sequence[TaskWork]) -> int:
    """Bytes that only these need together."""
    return await size_of(found.repository.main, works)


async def reclaim(settings: Settings, found: Survey, works: Sequence[TaskWork]) -> None:
    """Remove the work and the folders. What lies uncommitted in an attempt's folder becomes a branch first."""
    await drop_works(found.repository.main, works)
    kinds = {folder.kind for folder in found.folders}
    if "attempt" in kinds:
        levels = await survey_levels("auto", weaker=True)
        isolation = Isolation(levels.usual, levels.others)
        try:
            for worker in _workers(settings):
                await sweep(worker / "attempts", isolation)
        finally:
            await isolation.close()
    for folder in found.folders:
        if folder.kind != "attempt":
            shutil.rmtree(folder.path, ignore_errors=True)


def _workers(settings: Settings) -> list[Path]:
    """Folders of the server's own worker, and of those that `muster worker start` made beside it."""
    others = settings.data_dir / "workers"
    return [settings.data_dir / "worker", *(sorted(others.iterdir()) if others.is_dir() else ())]


def _attempts(worker: Path) -> list[Folder]:
    return [
        Folder(kind="attempt", path=left.root, size=disk_bytes(left.root))
        for left in leftovers(worker / "attempts")
    ]


def _checkouts(worker: Path) -> list[Folder]:
    attempts = worker / "attempts"
    records = [read_record(place) for place in attempts.iterdir()] if attempts.is_dir() else []
    used = [found[0].lower for found in records if found is not None and found[0].lower is not None]
    unused = Bases(worker / "bases").unused(used)
    return [Folder(kind="checkout", path=path, size=disk_bytes(path)) for path in unused]


def _homes(worker: Path, state_of: StateOf, older_days: float) -> list[Folder]:
    """Homes of tasks that are over, or gone, and were not used for so long: their sessions cannot be resumed any more."""
    folder, now = worker / "homes", time.time()  # noqa: TID251 - compared with the times of files
    homes = sorted(folder.iterdir()) if folder.is_dir() else []
    old = [home for home in homes if now - home.stat().st_mtime >= older_days * DAY]
    return [
        Folder(kind="home", path=home, size=disk_bytes(home))
        for home in old
        if state_of(home.name) in (*ENDED, "gone")
    ]


def disk_bytes(place: Path) -> int:
    """Bytes allocated below a folder, without what is mounted there."""
    total, waiting = 0, [place]
    device = place.lstat().st_dev
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            found = entry.stat(follow_symlinks=False)
            if found.st_dev != device:
                continue
            total += found.st_blocks * 512
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
    return total
