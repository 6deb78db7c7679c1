"""Reviews: verdicts on results, and the comments that come with them.

A verdict counts for the commit that was looked at. Approved work frees those that wait for it; work that is to be
changed goes back into its queue, and its next attempt is told everything at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from muster.commands.approvals import PENDING
from muster.commands.attempts import free_dependents
from muster.commands.lifecycle import Head, load_head, requeue_head
from muster.domain import ids
from muster.domain.checks import check_fields
from muster.domain.errors import InvalidInput, NotFound, WrongState
from muster.domain.events_reviews import (
    CommentEdited,
    CommentRemoved,
    CommentWritten,
    TaskReviewed,
    TaskSeen,
    TaskUnseen,
)
from muster.domain.events_runs import TaskMerged
from muster.domain.review import (
    AFTER,
    MAX_DRAFTS,
    Comment,
    ReviewState,
    Verdict,
    WorkMoved,
    check_comment,
    check_verdict,
    message_for,
)
from muster.domain.task import TaskState
from muster.store import tables
from muster.store.codec import from_json
from muster.store.statements import Row, Statement, insert
from muster.store.unit_of_work import UnitOfWork, command


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveVerdict:
    """A person's word on a task's result. `attempt_id` and `commit` are what was looked at; without a commit, empty."""

    task_id: int
    attempt_id: int | None
    verdict: Verdict
    commit: str = ""
    note: str = ""
    by: str = ""


_COMMIT: Final = Statement(
    "SELECT coalesce(r.head_commit, '') FROM tasks t LEFT JOIN runs r ON r.attempt_id = t.attempt_id WHERE t.id = ?1"
)
_NEW: Final = insert(
    tables.reviews,
    ["id", "task_id", "attempt_id", "verdict", "commit_id", "note", "message", "created_by", "created_at"],
)
_STAND: Final = Statement("UPDATE tasks SET review = ?2, review_id = ?3, updated_at = ?4 WHERE id = ?1")
_DRAFTS: Final = Statement(
    "SELECT id, path, text, commit_id, side, first_line, last_line, hunk FROM review_comments "
    "WHERE task_id = ?1 AND review_id IS NULL ORDER BY path, first_line, id"
)
_SEND: Final = Statement(
    "UPDATE review_comments SET review_id = ?2, updated_at = ?3 WHERE task_id = ?1 AND review_id IS NULL"
)


@command()
async def give_verdict(uow: UnitOfWork, given: GiveVerdict) -> int:
    """Send a review with all drafts; its id. The last verdict counts.

    WrongState for a task that is not done, WorkMoved when its work is not at that commit.
    """
    head = await load_head(uow, given.task_id)
    await _refuse_unseen(uow, head, given)
    drafts = await uow.rows(_DRAFTS, given.task_id)
    comments = [_comment(row) for row in drafts]
    check_verdict(given.verdict, given.note, comments)
    message = ""
    if given.verdict is Verdict.REQUEST_CHANGES:
        message = message_for(given.commit, given.note, comments)
        await requeue_head(uow, head, "changes_requested")
    review = uow.new_id()
    by = given.by or "somebody"
    row = (review, head.id, head.attempt_id, str(given.verdict), given.commit, given.note, message, by)
    await uow.run_many(_NEW, [(*row, uow.now)])
    await uow.run(_STAND, head.id, int(AFTER[given.verdict]), review, uow.now)
    await uow.run(_SEND, head.id, review, uow.now)
    names = [ids.encode(ids.COMMENT, row[0]) for row in drafts]
    payload = TaskReviewed(
        ids.encode(ids.REVIEW, review), str(given.verdict), given.commit, given.note, by, message, names
    )
    uow.journal.fact(payload, task=head.id, attempt=head.attempt_id, project=head.project_id)
    uow.journal.topics.add(PENDING)
    if given.verdict is Verdict.APPROVE:
        await free_dependents(uow, [head.id])
    return review


async def _refuse_unseen(uow: UnitOfWork, head: Head, given: GiveVerdict) -> None:
    if head.state is not TaskState.SUCCEEDED:
        wanted = "only a result is reviewed"
        raise WrongState(noun="task", id=head.public, state=head.state.label, wanted=wanted)
    now = (await uow.rows(_COMMIT, head.id))[0][0]
    if head.attempt_id != given.attempt_id or (now and given.commit != now):
        raise WorkMoved(now=now or "another attempt", seen=given.commit or "an earlier attempt")


def _comment(row: Row) -> Comment:
    return Comment(
        path=row[1], text=row[2], commit=row[3], side=row[4], first=row[5], last=row[6], hunk=row[7]
    )


_REVIEW: Final = Statement("SELECT review FROM tasks WHERE id = ?1")
_SEEN: Final = Statement("UPDATE tasks SET review = 0, updated_at = ?2 WHERE id = ?1 AND review = 5")


@command()
async def set_aside(uow: UnitOfWork, task_id: int, by: str = "") -> bool:
    """Take a result out of those nobody looked at, without a verdict; False when it was not among them. WrongState for a task
    that is not done, or that waits for a verdict."""
    head = await load_head(uow, task_id)
    if head.state is not TaskState.SUCCEEDED:
        raise WrongState(
            noun="task", id=head.public, state=head.state.label, wanted="only a result is set aside"
        )
    if (await uow.rows(_REVIEW, task_id))[0][0] == ReviewState.PENDING:
        wanted = "its queue wants a verdict: approve it, reject it or request changes"
        raise WrongState(noun="task", id=head.public, state="to be reviewed", wanted=wanted)
    return await leave_unseen(uow, head, TaskSeen("seen", by or "somebody"))


async def leave_unseen(uow: UnitOfWork, head: Head, seen: TaskSeen) -> bool:
    """As part of another command: a result that nobody looked at is not one any more; False when it was not one."""
    if await uow.run(_SEEN, head.id, uow.now) == 0:
        return False
    uow.journal.fact(seen, task=head.id, attempt=head.attempt_id, project=head.project_id)
    return True


_UNSEEN: Final = Statement("UPDATE tasks SET review = 5, updated_at = ?2 WHERE id = ?1 AND review = 0")
_LAST_SEEN: Final = Statement(
    "SELECT attempt_id, kind, data FROM events WHERE task_id = ?1 "
    f"AND kind IN ('{TaskSeen.kind}', '{TaskUnseen.kind}', '{TaskMerged.kind}') ORDER BY seq DESC LIMIT 1"
)


@command()
async def take_back(uow: UnitOfWork, task_id: int, by: str = "") -> bool:
    """Put a result that was set aside back among those nobody looked at; False when it is there. WrongState for one that
    is there no more for another reason: it was merged or decided on since, or never among them."""
    head = await load_head(uow, task_id)
    review = ReviewState((await uow.rows(_REVIEW, task_id))[0][0])
    if review is ReviewState.UNSEEN:
        return False
    aside = any(
        attempt == head.attempt_id and kind == TaskSeen.kind and from_json(data)["how"] == "seen"
        for attempt, kind, data in await uow.rows(_LAST_SEEN, task_id)
    )
    if head.state is not TaskState.SUCCEEDED or review is not ReviewState.NONE or not aside:
        state = head.state.label if review is ReviewState.NONE else review.label
        raise WrongState(
            noun="task", id=head.public, state=state, wanted="only what was set aside is taken back"
        )
    await uow.run(_UNSEEN, task_id, uow.now)
    uow.journal.fact(
        TaskUnseen(by or "somebody"), task=task_id, attempt=head.attempt_id, project=head.project_id
    )
    return True


_COLUMNS: Final = ("path", "side", "first_line", "last_line", "commit_id", "hunk", "text", "created_by")
_WRITE: Final = insert(
    tables.review_comments, ["id", "task_id", "attempt_id", *_COLUMNS, "created_at", "updated_at"]
)
_COUNT: Final = Statement("SELECT count(*) FROM review_comments WHERE task_id = ?1 AND review_id IS NULL")


@command()
async def write_comment(uow: UnitOfWork, task_id: int, comment: Comment, by: str = "") -> int:
    """Draft a comment on a task's latest attempt; its id. InvalidInput beyond 200 drafts."""
    head = await load_head(uow, task_id)
    if head.attempt_id is None:
        wanted = "there is nothing to comment on before it was tried"
        raise WrongState(noun="task", id=head.public, state=head.state.label, wanted=wanted)
    if (await uow.rows(_COUNT, task_id))[0][0] >= MAX_DRAFTS:
        raise InvalidInput(field="comments", problem=f"there are {MAX_DRAFTS} drafts: send the review first")
    number = uow.new_id()
    values = (
        comment.path,
        str(comment.side),
        comment.first,
        comment.last,
        comment.commit,
        comment.hunk,
        comment.text,
        by or "somebody",
    )
    await uow.run_many(_WRITE, [(number, task_id, head.attempt_id, *values, uow.now, uow.now)])
    uow.journal.fact(
        CommentWritten(ids.encode(ids.COMMENT, number), dict(zip(_COLUMNS, values, strict=True))),
        task=task_id,
        attempt=head.attempt_id,
        project=head.project_id,
    )
    return number


_FIND: Final = Statement(
    "SELECT c.task_id, c.review_id, c.text, c.resolved_at, t.project_id FROM review_comments c "
    "JOIN tasks t ON t.id = c.task_id WHERE c.id = ?1 FOR UPDATE OF c"
)
_CHANGE: Final = Statement(
    "UPDATE review_comments SET text = ?2, resolved_at = ?3, updated_at = ?4 WHERE id = ?1"
)
_DELETE: Final = Statement("DELETE FROM review_comments WHERE id = ?1")


async def _found(uow: UnitOfWork, task_id: int, comment_id: int) -> Row:
    rows = await uow.rows(_FIND, comment_id)
    if not rows or rows[0][0] != task_id:
        raise NotFound(noun="comment", id=ids.encode(ids.COMMENT, comment_id))
    return rows[0]


@command()
async def edit_comment(uow: UnitOfWork, task_id: int, comment_id: int, changes: Mapping[str, Any]) -> None:
    """Change a draft's `text`, or say whether a comment is `resolved`. What was sent keeps its words."""
    check_fields(changes, ("text", "resolved"))
    _, review, text, resolved, project = await _found(uow, task_id, comment_id)
    changed: dict[str, Any] = {}
    if "text" in changes and changes["text"] != text:
        _refuse_sent(comment_id, review)
        check_comment(changes["text"])
        changed["text"] = changes["text"]
    if "resolved" in changes and changes["resolved"] is not (resolved is not None):
        changed["resolved_at"] = uow.now if changes["resolved"] else None
    if not changed:
        return
    await uow.run(
        _CHANGE, comment_id, changed.get("text", text), changed.get("resolved_at", resolved), uow.now
    )
    uow.journal.fact(
        CommentEdited(ids.encode(ids.COMMENT, comment_id), changed), task=task_id, project=project
    )


@command()
async def remove_comment(uow: UnitOfWork, task_id: int, comment_id: int) -> None:
    """Take a draft back."""
    row = await _found(uow, task_id, comment_id)
    _refuse_sent(comment_id, row[1])
    await uow.run(_DELETE, comment_id)
    uow.journal.fact(CommentRemoved(ids.encode(ids.COMMENT, comment_id)), task=task_id, project=row[4])


def _refuse_sent(comment_id: int, review: int | None) -> None:
    if review is not None:
        raise WrongState(
            noun="comment",
            id=ids.encode(ids.COMMENT, comment_id),
            state="sent",
            wanted="it keeps its words; resolve it instead",
        )
