"""Reviews and comments on results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain import ids
from muster.domain.errors import NotFound
from muster.store.database import Reader
from muster.store.statements import Statement


@dataclass(slots=True)
class ReviewRow:
    """A verdict that was given. Times are microseconds; an empty `commit` where the result had none."""

    review_id: int
    attempt: int | None
    verdict: str
    commit: str
    note: str
    message: str
    by: str | None
    created_at: int


@dataclass(slots=True)
class CommentRow:
    """A comment on lines of a file at `commit`; without a `review_id` it is a draft."""

    comment_id: int
    attempt: int | None
    review_id: int | None
    path: str
    side: str
    first: int
    last: int
    commit: str
    hunk: str
    text: str
    resolved_at: int | None
    by: str | None
    created_at: int
    updated_at: int


_REVIEWS: Final = Statement(
    "SELECT r.id, a.number, r.verdict, r.commit_id, r.note, r.message, r.created_by, r.created_at FROM reviews r "
    "LEFT JOIN attempts a ON a.id = r.attempt_id WHERE r.task_id = ?1 ORDER BY r.id DESC LIMIT 100"
)
_COMMENTS: Final = Statement(
    "SELECT c.id, a.number, c.review_id, c.path, c.side, c.first_line, c.last_line, c.commit_id, c.hunk, c.text, "
    "c.resolved_at, c.created_by, c.created_at, c.updated_at FROM review_comments c "
    "LEFT JOIN attempts a ON a.id = c.attempt_id WHERE c.task_id = ?1 ORDER BY c.id DESC LIMIT 1000"
)
_COMMITS: Final = Statement("SELECT head_commit FROM runs WHERE task_id = ?1 AND head_commit IS NOT NULL")
_UNREVIEWED: Final = Statement(
    "SELECT count(*) FROM tasks WHERE review = 1 AND review > 0 AND archived_at IS NULL"
)


MOST_UNSEEN: Final = 1_000
_UNSEEN: Final = Statement(
    "SELECT count(*) FROM (SELECT 1 FROM tasks WHERE review = 5 AND review > 0 AND archived_at IS NULL "
    f"LIMIT {MOST_UNSEEN}) u"
)
_UNSEEN_WORK: Final = Statement(
    "SELECT t.id, t.attempt_id, r.head_commit, r.base_branch FROM tasks t JOIN runs r ON r.attempt_id = t.attempt_id "
    "WHERE t.review = 5 AND t.review > 0 AND t.archived_at IS NULL ORDER BY t.id DESC LIMIT ?1"
)


@dataclass(frozen=True, slots=True)
class UnseenWork:
    """A result that nobody looked at: its last commit, and the branch its work began at."""

    task_id: int
    attempt_id: int
    commit: str
    base_branch: str | None


async def reviews_of(reader: Reader, task_id: int) -> list[ReviewRow]:
    """The verdicts on a task's results, the last first; a hundred at the most."""
    return [ReviewRow(*row) for row in await reader.rows(_REVIEWS, task_id)]


async def comments_of(reader: Reader, task_id: int) -> list[CommentRow]:
    """The comments on a task's results in their order, the last thousand."""
    return [CommentRow(*row) for row in reversed(await reader.rows(_COMMENTS, task_id))]


async def get_comment(reader: Reader, task_id: int, comment_id: int) -> CommentRow:
    """One of them; NotFound when the task has no such comment."""
    for row in await comments_of(reader, task_id):
        if row.comment_id == comment_id:
            return row
    raise NotFound(noun="comment", id=ids.encode(ids.COMMENT, comment_id))


async def commits_of(reader: Reader, task_id: int) -> set[str]:
    """What the attempts of a task left."""
    return {str(row[0]) for row in await reader.rows(_COMMITS, task_id)}


async def count_unseen(reader: Reader) -> int:
    """How many results left commits that nobody merged, decided on or set aside; cut at a thousand."""
    return int((await reader.rows(_UNSEEN))[0][0])


async def unseen_work(reader: Reader, limit: int) -> list[UnseenWork]:
    """The newest of these results."""
    return [UnseenWork(*row) for row in await reader.rows(_UNSEEN_WORK, limit)]


async def count_unreviewed(reader: Reader) -> int:
    """How many results wait for a verdict; archived ones are out of sight."""
    return int((await reader.rows(_UNREVIEWED))[0][0])
