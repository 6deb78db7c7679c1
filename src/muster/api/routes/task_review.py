"""Reviewing results: verdicts, comments on lines, and what is new since the last look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from fastapi import Query
from starlette.responses import PlainTextResponse, Response

from muster.api.review_shapes import comment_shape, new_changes, verdict_shape
from muster.api.routing import Route
from muster.api.schemas import reviews as shapes
from muster.api.schemas.shape import Done
from muster.api.services import Services, ServicesHere
from muster.api.task_output import Wanted, find_attempt
from muster.commands.reviews import (
    GiveVerdict,
    edit_comment,
    give_verdict,
    remove_comment,
    set_aside,
    take_back,
    write_comment,
)
from muster.domain import ids
from muster.domain.errors import InvalidInput, NotFound, WrongState
from muster.domain.review import (
    AFTER,
    MAX_HUNK,
    Comment,
    ReviewState,
    Side,
    Verdict,
    WorkMoved,
    standing_words,
)
from muster.projections.reviews import CommentRow, ReviewRow, comments_of, commits_of, get_comment, reviews_of
from muster.projections.runs import runs_of
from muster.projections.tasks import TaskDetail, get_task
from muster.vcs.changes import changes_between, diff_of
from muster.vcs.following import Follower, Place, commits_since, has_file, lines_at
from muster.vcs.git import GitError, repository_of
from muster.vcs.standing import commit_kept


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """The present work of a task. Without a repository on this host `main` is None."""

    number: int
    task: TaskDetail
    attempt: tuple[int, int] | None
    commit: str = ""
    base: str = ""
    main: Path | None = None

    @property
    def attempt_id(self) -> int | None:
        return None if self.attempt is None else self.attempt[0]

    def at(self, side: str) -> str:
        """The commit whose lines a side counts."""
        return self.base if side == Side.OLD else self.commit


async def _work(services: Services, task_id: str, attempt: int | None = None) -> _Work:
    number = ids.decode(ids.TASK, task_id)
    task = await get_task(services.store, number, services.store.now())
    found = await find_attempt(services.store, Wanted(number, attempt))
    if found is None:
        return _Work(number=number, task=task, attempt=None)
    run = (await runs_of(services.store, [found[0]])).get(found[0])
    if run is None:
        return _Work(number=number, task=task, attempt=found)
    main = await _repository(task.spec.working_dir or "")
    commit = run.head_commit
    if commit is None and main is not None:
        commit = await commit_kept(main, task_id, ids.encode(ids.ATTEMPT, found[0]))
    return _Work(
        number=number, task=task, attempt=found, commit=commit or "", base=run.base_commit or "", main=main
    )


async def _repository(folder: str) -> Path | None:
    place = Path(folder)
    try:
        found = await repository_of(place) if place.is_absolute() and place.is_dir() else None
    except (GitError, OSError):
        return None
    return None if found is None else found.main


async def get_task_review(services: ServicesHere, task_id: str) -> shapes.TaskReview:
    """How a task's result stands with people: the last verdict, comments, and whether the work moved since."""
    return await _shown(services, await _work(services, task_id), task_id)


async def _shown(services: Services, work: _Work, task_id: str) -> shapes.TaskReview:
    given = await reviews_of(services.store, work.number)
    comments = await comments_of(services.store, work.number)
    row, last = work.task.row, given[0] if given else None
    void = last is not None and (
        row.review in (ReviewState.NONE, ReviewState.UNSEEN, ReviewState.PENDING)
        or (row.review is not ReviewState.CHANGES_REQUESTED and last.commit != work.commit)
    )
    new = await _new_commits(work, last) if void else None
    said = None if last is None else AFTER[Verdict(last.verdict)]
    return shapes.TaskReview(
        task_id=task_id,
        state=row.review.label,  # pyright: ignore[reportArgumentType] - the labels are these words
        required=row.strict or row.review is ReviewState.PENDING,
        attempt=0 if work.attempt is None else work.attempt[1],
        commit=work.commit or None,
        base_commit=work.base or None,
        last=None if last is None else verdict_shape(last),
        void=void,
        new_commits=new,
        words=standing_words(
            row.review, last=said, commit="" if last is None else last.commit, void=void, new_commits=new
        ),
        comments=await _placed(work, comments),
        reviews=[verdict_shape(one) for one in given],
    )


async def _new_commits(work: _Work, last: ReviewRow | None) -> int | None:
    if last is None or not last.commit or not work.commit or work.main is None:
        return None
    return await commits_since(work.main, last.commit, work.commit)


async def _placed(work: _Work, comments: list[CommentRow]) -> list[shapes.ReviewComment]:
    """The comments with where their lines are in the present work."""
    follower = None if work.main is None else Follower(work.main)
    found: list[shapes.ReviewComment] = []
    for row in comments:
        place: Place | None = Place(row.path, row.first, row.last)
        if row.commit != work.at(row.side):
            place = (
                None
                if follower is None or not row.commit or not work.at(row.side)
                else await follower.follow(place, row.commit, work.at(row.side))
            )
        found.append(comment_shape(row, place))
    return found


async def review_task(services: ServicesHere, task_id: str, body: shapes.ReviewRequest) -> shapes.TaskReview:
    """Give a verdict on a task's result, and send all drafts with it.

    It counts for the commit that was looked at: when the work is another by now, 409. `request_changes` puts the task
    back into its queue; its next attempt goes on in the same agent session and is told everything as one message.
    """
    work = await _work(services, task_id, body.attempt)
    seen = body.commit or ""
    if work.task.row.state.label == "succeeded" and seen != work.commit:
        raise WorkMoved(now=work.commit or "no commit", seen=seen or "no commit")
    given = GiveVerdict(
        task_id=work.number,
        attempt_id=work.attempt_id,
        verdict=Verdict(body.verdict),
        commit=seen,
        note=body.note,
        by=body.by or "",
    )
    await services.store.execute(give_verdict(given))
    return await get_task_review(services, task_id)


async def mark_seen(
    services: ServicesHere, task_id: str, body: shapes.SeenRequest | None = None
) -> shapes.TaskReview:
    """Set a result aside without a verdict: it is no longer among those nobody looked at.

    Doing it twice is doing it once. 409 for a task that is not done, and for a result that waits for a verdict.
    """
    by = (body.by if body else None) or ""
    await services.store.execute(set_aside(ids.decode(ids.TASK, task_id), by))
    return await get_task_review(services, task_id)


async def mark_unseen(
    services: ServicesHere, task_id: str, body: shapes.SeenRequest | None = None
) -> shapes.TaskReview:
    """Take a result that was set aside back among those nobody looked at.

    Doing it twice is doing it once. 409 for what was not set aside, or was merged, decided on or tried again since.
    """
    by = (body.by if body else None) or ""
    await services.store.execute(take_back(ids.decode(ids.TASK, task_id), by))
    return await get_task_review(services, task_id)


async def create_comment(
    services: ServicesHere, task_id: str, body: shapes.CommentCreate
) -> shapes.ReviewComment:
    """Draft a comment on lines of a task's work.

    Nobody is told before the review is sent.
    """
    work = await _work(services, task_id)
    commit, ends = body.commit or work.at(body.side), sorted((body.line, body.end_line or body.line))
    comment = Comment(
        path=body.path,
        text=body.text,
        commit=commit,
        side=body.side,
        first=ends[0],
        last=ends[1],
        hunk=await _lines(work, commit, body.path, ends),
    )
    number = await services.store.execute(write_comment(work.number, comment, body.by or ""))
    return await _one(services, work, number)


async def _lines(work: _Work, commit: str, path: str, ends: list[int]) -> str:
    """How the lines read; empty where the server cannot look."""
    if work.main is None or not commit:
        return ""
    lines = await lines_at(work.main, commit, path)
    if lines is None:
        if not await has_file(work.main, commit, path):
            raise InvalidInput(field="path", problem=f"{path[:200]} is not in the work at {commit[:8]}")
        return ""
    if ends[1] > len(lines):
        raise InvalidInput(field="line", problem=f"{path} has {len(lines)} lines at {commit[:8]}")
    return "\n".join(lines[ends[0] - 1 : ends[1]])[:MAX_HUNK]


async def _one(services: Services, work: _Work, number: int) -> shapes.ReviewComment:
    return (await _placed(work, [await get_comment(services.store, work.number, number)]))[0]


async def patch_comment(
    services: ServicesHere, task_id: str, comment_id: str, body: shapes.CommentPatch
) -> shapes.ReviewComment:
    """Change a draft's words, or resolve a comment."""
    work = await _work(services, task_id)
    number = ids.decode(ids.COMMENT, comment_id)
    changes = body.model_dump(exclude_unset=True)
    await services.store.execute(edit_comment(work.number, number, changes))
    return await _one(services, work, number)


async def delete_comment(services: ServicesHere, task_id: str, comment_id: str) -> Done:
    """Take a draft back."""
    task, number = ids.decode(ids.TASK, task_id), ids.decode(ids.COMMENT, comment_id)
    await services.store.execute(remove_comment(task, number))
    return Done(id=comment_id, done="deleted")


async def get_new_changes(
    services: ServicesHere, task_id: str, query: Annotated[shapes.SinceQuery, Query()]
) -> shapes.NewChanges:
    """Files that changed in a task's work since the last review, or since a commit."""
    main, since, commit = await _since(services, task_id, query.since)
    return new_changes(task_id, since, commit, await changes_between(main, since, commit))


async def get_new_diff(
    services: ServicesHere, task_id: str, query: Annotated[shapes.SinceFileQuery, Query()]
) -> Response:
    """The unified diff of one of these files."""
    main, since, commit = await _since(services, task_id, query.since)
    for change in await changes_between(main, since, commit):
        if change.path == query.path:
            told = await diff_of(main, since, commit, change)
            return PlainTextResponse(told.decode("utf-8", "replace"))
    raise NotFound(noun="changed file", id=query.path[:200])


async def _since(services: Services, task_id: str, since: str) -> tuple[Path, str, str]:
    """The repository, and the commits to compare; both are the task's own, so that nothing else is shown."""
    work = await _work(services, task_id)
    given = await reviews_of(services.store, work.number)
    known = [row.commit for row in given if row.commit] + [work.base]
    if since == "last-review":
        since = next((commit for commit in known if commit), "")
    known += await commits_of(services.store, work.number)
    if work.main is None or not work.commit or since not in known:
        wanted = "there is no reviewed commit of it in a repository on the server's host"
        raise WrongState(noun="task", id=task_id, state=work.task.row.review.label, wanted=wanted)
    return work.main, since, work.commit


ROUTES: Final = (
    Route("GET", "/tasks/{task_id}/review", get_task_review, (404,)),
    Route("POST", "/tasks/{task_id}/review", review_task, (404, 409)),
    Route("POST", "/tasks/{task_id}/seen", mark_seen, (404, 409)),
    Route("POST", "/tasks/{task_id}/unseen", mark_unseen, (404, 409)),
    Route("GET", "/tasks/{task_id}/review/changes", get_new_changes, (404, 409)),
    Route("GET", "/tasks/{task_id}/review/diff", get_new_diff, (404, 409), text=True),
    Route("POST", "/tasks/{task_id}/comments", create_comment, (404, 409), 201),
    Route("PATCH", "/tasks/{task_id}/comments/{comment_id}", patch_comment, (404, 409)),
    Route("DELETE", "/tasks/{task_id}/comments/{comment_id}", delete_comment, (404, 409)),
)
