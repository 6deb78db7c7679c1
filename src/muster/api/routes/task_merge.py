"""Merging a task's work into a branch of its repository, where that is on this host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.api.routing import Route
from muster.api.schemas.task_git import MergeRequest, TaskMerge
from muster.api.services import Services, ServicesHere
from muster.api.task_output import Wanted, find_attempt
from muster.commands.merges import found_merged, note_merge
from muster.domain import ids
from muster.domain.errors import Conflict, InvalidInput, WrongState
from muster.domain.events_runs import TaskMerged
from muster.domain.review import AFTER, NotReviewed, ReviewState, Verdict, standing_words
from muster.domain.task import TaskState
from muster.projections.reviews import reviews_of
from muster.projections.runs import RunRow, runs_of
from muster.projections.tasks import TaskRow, get_task
from muster.vcs.git import repository_of
from muster.vcs.merging import Merge, merge_work, owner_of
from muster.vcs.standing import commit_kept, into_branch


class NothingToMerge(Conflict):
    """There is nothing of task {task} to merge: {problem}"""

    code = "nothing_to_merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """Work that can be merged, and where."""

    main: Path
    run: RunRow
    attempt: int
    attempt_id: int
    commit: str


async def merge_task(services: ServicesHere, task_id: str, body: MergeRequest) -> TaskMerge:
    """Merge the work of a task that succeeded into a branch of its repository.

    Where the branch is checked out its files follow; files changed by hand are never overwritten. What does not merge
    changes nothing: 409 names the files.
    """
    number = ids.decode(ids.TASK, task_id)
    task = await get_task(services.store, number, services.store.now())
    if task.row.state is not TaskState.SUCCEEDED:
        wanted = "only work that succeeded is merged"
        raise WrongState(noun="task", id=task_id, state=task.row.state.label, wanted=wanted)
    work = await _work(services, Wanted(number, body.attempt), task.spec.working_dir or "")
    if work.commit != body.commit:
        wanted = f"{body.commit} was to be merged. Look at it again"
        raise WrongState(noun="the work of task", id=task_id, state=f"at {work.commit}", wanted=wanted)
    await _refuse_unreviewed(services, task.row, work)
    merge = await _planned(services, task_id, task.row.title, work, body)
    merged = await merge_work(work.main, merge)
    already = merged.commit == merged.before
    told = TaskMerged(work.commit, merge.into, merged.commit, body.way, body.by or "")
    await services.store.execute(
        found_merged(number, work.attempt_id) if already else note_merge(number, work.attempt_id, told)
    )
    return TaskMerge(
        task_id=task_id,
        attempt=work.attempt,
        commit=work.commit,
        into=merge.into,
        way=body.way,
        before=merged.before,
        merge_commit=merged.commit,
        already=already,
    )


async def _refuse_unreviewed(services: Services, row: TaskRow, work: _Work) -> None:
    """What has to be reviewed is merged only once it is approved at exactly this commit; what was refused, not at all."""
    given = await reviews_of(services.store, row.id)
    last = given[0] if given else None
    approved = last is not None and last.verdict == Verdict.APPROVE and last.commit == work.commit
    wanted = row.strict or row.review not in (ReviewState.NONE, ReviewState.UNSEEN, ReviewState.APPROVED)
    if approved or not wanted:
        return
    task = ids.encode(ids.TASK, row.id)
    said = None if last is None else AFTER[Verdict(last.verdict)]
    void = last is not None and last.commit != work.commit
    words = standing_words(row.review, last=said, commit="" if last is None else last.commit, void=void)
    raise NotReviewed(task=task, problem=words[:1].lower() + words[1:])


async def _work(services: Services, wanted: Wanted, folder: str) -> _Work:
    """What there is to merge."""
    task = ids.encode(ids.TASK, wanted.task_id)
    found = await find_attempt(services.store, wanted)
    run = None if found is None else (await runs_of(services.store, [found[0]])).get(found[0])
    if found is None or run is None or run.branch is None:
        raise NothingToMerge(task=task, problem="it left no branch")
    place = Path(folder)
    repository = await repository_of(place) if place.is_absolute() and place.is_dir() else None
    if repository is None:
        problem = f"the repository {folder} is not on the server's host. Merge {run.branch} where it is"
        raise NothingToMerge(task=task, problem=problem)
    commit = await commit_kept(repository.main, task, ids.encode(ids.ATTEMPT, found[0]))
    if commit is None:
        raise NothingToMerge(task=task, problem="the repository does not have its commit any more")
    return _Work(main=repository.main, run=run, attempt=found[1], attempt_id=found[0], commit=commit)


async def _planned(services: Services, task_id: str, title: str, work: _Work, body: MergeRequest) -> Merge:
    into = body.into or await into_branch(work.main, work.run.base_branch)
    if into is None:
        problem = "is wanted: the branch the work began at is not there any more"
        raise InvalidInput(field="into", problem=problem)
    subject = " ".join(title.split())[:200]
    first = f"Merge into {into}: {subject}" if body.way == "merge" else subject
    return Merge(
        commit=work.commit,
        branch=work.run.branch or work.commit,
        into=into,
        message=body.message or f"{first}\n\nMuster-Task: {task_id}\n",
        author=await owner_of(work.main, services.user_environment),
        user=services.user_environment,
        way=body.way,
    )


ROUTES: Final = (Route("POST", "/tasks/{task_id}/merge", merge_task, (404, 409)),)
