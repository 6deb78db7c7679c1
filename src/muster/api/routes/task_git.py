"""How a task's work stands in git: asked of the repository, where it is on this host."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, cast

from fastapi import Query

from muster.api.routing import Route
from muster.api.schemas.runs import AttemptQuery
from muster.api.schemas.task_git import MergeDone, TaskGit
from muster.api.services import Services, ServicesHere
from muster.api.task_output import Wanted, find_attempt
from muster.api.times import iso
from muster.domain import ids
from muster.projections.merges import MergeRow, last_merge_of
from muster.projections.runs import RunRow, runs_of
from muster.projections.tasks import get_task
from muster.vcs.git import GitError, repository_of
from muster.vcs.rescue import read_record
from muster.vcs.standing import Standing, commit_kept, into_branch, standing_of, unkept_files


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the repository says."""

    standing: Standing = field(default_factory=Standing)
    dirty: int | None = None
    problem: str | None = None


async def get_task_git(
    services: ServicesHere, task_id: str, query: Annotated[AttemptQuery, Query()]
) -> TaskGit:
    """How the work of a task stands: its commit, ahead and behind, merged or not, and what is not kept yet."""
    number = ids.decode(ids.TASK, task_id)
    attempt = await find_attempt(services.store, Wanted(number, query.attempt))
    if attempt is None:
        return _shape(task_id, 0, None, None, _Found(problem="the task has not been tried yet"))
    run = (await runs_of(services.store, [attempt[0]])).get(attempt[0])
    name = ids.encode(ids.ATTEMPT, attempt[0])
    if run is None or run.branch is None:
        return _shape(task_id, attempt[1], name, run, _Found(problem="the attempt had no branch"))
    folder = (await get_task(services.store, number, services.store.now())).spec.working_dir or ""
    found = await _look(services, folder, task_id, name, run)
    return _shape(task_id, attempt[1], name, run, found, await last_merge_of(services.store, number))


async def _look(services: Services, folder: str, task_id: str, attempt: str, run: RunRow) -> _Found:
    place = Path(folder)
    try:
        repository = await repository_of(place) if place.is_absolute() and place.is_dir() else None
        if repository is None:
            return _Found(problem=f"the repository {folder} is not on the server's host")
        commit = await commit_kept(repository.main, task_id, attempt)
        into = await into_branch(repository.main, run.base_branch)
        standing = await standing_of(repository.main, commit, into)
        return _Found(standing=standing, dirty=await _dirty(services, attempt))
    except (GitError, OSError) as error:
        return _Found(problem=str(error))


async def _dirty(services: Services, attempt: str) -> int | None:
    """Of a working copy of this server's own worker."""
    if services.attempts is None:
        return None
    found = read_record(services.attempts / attempt)
    if found is None or (found[0].overlay is not None and not found[0].overlay.mounted):
        return None
    return await unkept_files(found[0])


def _merge(row: MergeRow) -> MergeDone:
    return MergeDone(
        commit=row.commit,
        into=row.into,
        merge_commit=row.merge_commit,
        way=cast(Any, row.way),
        by=row.by or None,
        at=iso(row.at),
    )


def _shape(
    task_id: str,
    number: int,
    attempt: str | None,
    run: RunRow | None,
    found: _Found,
    merge: MergeRow | None = None,
) -> TaskGit:
    standing = found.standing
    return TaskGit(
        task_id=task_id,
        attempt=number,
        attempt_id=attempt,
        branch=run.branch if run else None,
        base_branch=run.base_branch if run else None,
        base_commit=run.base_commit if run else None,
        workspace_kind=run.workspace_kind if run else None,
        pushed_to=run.pushed_to if run else None,
        pull_request=run.pull_request if run else None,
        commit=standing.commit or (run.head_commit if run else None),
        into=standing.into,
        ahead=standing.ahead,
        behind=standing.behind,
        merged=standing.merged,
        dirty=found.dirty,
        last_merge=None if merge is None else _merge(merge),
        problem=found.problem,
    )


ROUTES: Final = (Route("GET", "/tasks/{task_id}/git", get_task_git, (404,)),)
