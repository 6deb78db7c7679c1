"""Events about reviews and comments, and the rows they leave."""

from __future__ import annotations

from typing import assert_never

from muster.domain import ids
from muster.domain.events_reviews import (
    CommentEdited,
    CommentRemoved,
    CommentWritten,
    TaskReviewed,
    TaskSeen,
    TaskUnseen,
)
from muster.domain.replay_world import Fact, PlaceRow, TaskRow, World
from muster.domain.review import AFTER, ReviewState, Verdict

ReviewPayload = TaskReviewed | TaskSeen | TaskUnseen | CommentWritten | CommentEdited | CommentRemoved


def evolve_review(world: World, fact: Fact, payload: ReviewPayload) -> None:
    """Fold one event about a review."""
    task = world.task(fact)
    if task is None:
        return
    match payload:
        case TaskReviewed():
            _review(world, fact, payload, task)
        case TaskSeen():
            task.review = ReviewState.NONE
            task.updated_at = fact.at
        case TaskUnseen():
            task.review = ReviewState.UNSEEN
            task.updated_at = fact.at
        case CommentWritten():
            number = ids.decode(ids.COMMENT, payload.comment_id)
            own = {"task_id": task.id, "attempt_id": fact.attempt_id, "review_id": None, "resolved_at": None}
            times = {"created_at": fact.at, "updated_at": fact.at}
            world.review_comments[number] = PlaceRow(fact.seq, own | times | payload.fields)
            task.comment_ids.append(number)
        case CommentEdited():
            row = world.review_comments.get(ids.decode(ids.COMMENT, payload.comment_id))
            if row is None:
                world.stray(fact, "changes a comment that is not there")
                return
            row.columns |= payload.changes | {"updated_at": fact.at}
        case CommentRemoved():
            number = ids.decode(ids.COMMENT, payload.comment_id)
            if world.review_comments.pop(number, None) is None:
                world.stray(fact, "removes a comment that is not there")
        case _:
            assert_never(payload)


def _review(world: World, fact: Fact, payload: TaskReviewed, task: TaskRow) -> None:
    number = ids.decode(ids.REVIEW, payload.review_id)
    world.reviews[number] = PlaceRow(
        fact.seq,
        {
            "task_id": task.id,
            "attempt_id": fact.attempt_id,
            "verdict": payload.verdict,
            "commit_id": payload.commit,
            "note": payload.note,
            "message": payload.message,
            "created_by": payload.by,
            "created_at": fact.at,
        },
    )
    task.review_ids.append(number)
    task.review_id = number
    task.review = AFTER[Verdict(payload.verdict)]
    task.updated_at = fact.at
    for name in payload.comments:
        comment = world.review_comments.get(ids.decode(ids.COMMENT, name))
        if comment is None:
            world.stray(fact, "sends a comment that is not there")
            continue
        comment.columns |= {"review_id": number, "updated_at": fact.at}
    if payload.verdict == Verdict.APPROVE:
        world.satisfy(task.id)
