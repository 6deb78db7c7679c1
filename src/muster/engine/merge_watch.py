"""Finds out that work nobody looked at was merged by other means than muster's own."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from muster.commands.merges import found_merged
from muster.projections.reviews import UnseenWork, unseen_work
from muster.projections.tasks import task_rows
from muster.store.database import Store
from muster.vcs.git import GitError, repository_of
from muster.vcs.standing import head_of_branch, into_branch, standing_of

EVERY_SECONDS: Final = 30.0
MOST: Final = 200
"""Results that are looked at; the newest."""

log = logging.getLogger("muster.engine")


async def run_merge_watch(store: Store) -> None:
    """Look at the start and every half minute."""
    watch = MergeWatch(store)
    while True:
        await watch.look()
        await asyncio.sleep(EVERY_SECONDS)


@dataclass(frozen=True, slots=True)
class _Target:
    """A branch of a repository on this host, and where it is."""

    main: Path
    branch: str
    commit: str


@dataclass(slots=True)
class MergeWatch:
    """Compares each result once with every state of the branch it began at. Repositories elsewhere are left alone."""

    store: Store
    _compared: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])
    """Of each task: its commit and the branch's."""

    async def look(self) -> int:
        """Take what is merged by now out of the results nobody looked at; how many."""
        found = await unseen_work(self.store, MOST)
        rows = await task_rows(self.store, [work.task_id for work in found], self.store.now(), cut=1)
        folders = {row.id: row.working_dir for row in rows}
        targets: dict[tuple[str, str | None], _Target | None] = {}
        compared: dict[int, tuple[str, str]] = {}
        merged = 0
        for work in found:
            place = (folders.get(work.task_id) or "", work.base_branch)
            if place not in targets:
                targets[place] = await _target(*place)
            target = targets[place]
            if target is None:
                continue
            compared[work.task_id] = (work.commit, target.commit)
            if self._compared.get(work.task_id) != compared[work.task_id] and await _is_merged(work, target):
                merged += await self.store.execute(found_merged(work.task_id, work.attempt_id))
        self._compared = compared
        return merged


async def _target(folder: str, branch: str | None) -> _Target | None:
    place = Path(folder)
    try:
        repository = await repository_of(place) if place.is_absolute() and place.is_dir() else None
        if repository is None:
            return None
        into = await into_branch(repository.main, branch)
        commit = None if into is None else await head_of_branch(repository.main, into)
    except (GitError, OSError):
        return None
    return None if into is None or commit is None else _Target(repository.main, into, commit)


async def _is_merged(work: UnseenWork, target: _Target) -> bool:
    try:
        return bool((await standing_of(target.main, work.commit, target.branch)).merged)
    except (GitError, OSError) as error:
        log.info("whether %s is merged into %s cannot be told: %s", work.commit, target.branch, error)
        return False
