"""From reviews and comments to the shapes of the API."""

from __future__ import annotations

from typing import cast

from muster.api.schemas import reviews as shapes
from muster.api.schemas.runs import FileTotals, ProducedFile
from muster.api.task_shapes import public
from muster.api.times import iso, iso_or_none
from muster.domain import ids
from muster.domain.changes import Change
from muster.projections.reviews import CommentRow, ReviewRow
from muster.vcs.following import Place


def verdict_shape(row: ReviewRow) -> shapes.GivenVerdict:
    """A verdict that was given."""
    return shapes.GivenVerdict(
        id=ids.encode(ids.REVIEW, row.review_id),
        attempt=row.attempt,
        verdict=cast(shapes.VerdictName, row.verdict),
        commit=row.commit or None,
        note=row.note,
        message=row.message,
        by=row.by,
        at=iso(row.created_at),
    )


def comment_shape(row: CommentRow, now: Place | None) -> shapes.ReviewComment:
    """A comment; `now` is where its lines are in the present work."""
    return shapes.ReviewComment(
        id=ids.encode(ids.COMMENT, row.comment_id),
        attempt=row.attempt,
        review_id=public(ids.REVIEW, row.review_id),
        path=row.path,
        side=cast(shapes.SideName, row.side),
        line=row.first,
        end_line=row.last,
        commit=row.commit,
        hunk=row.hunk,
        text=row.text,
        now=None if now is None else shapes.CommentPlace(path=now.path, line=now.first, end_line=now.last),
        resolved_at=iso_or_none(row.resolved_at),
        by=row.by,
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
    )


def new_changes(task_id: str, since: str, commit: str, changes: list[Change]) -> shapes.NewChanges:
    """What changed since a commit."""
    kinds = [change.change.value for change in changes]
    return shapes.NewChanges(
        task_id=task_id,
        since=since,
        commit=commit,
        totals=FileTotals(
            created=kinds.count("created"),
            modified=kinds.count("modified"),
            deleted=kinds.count("deleted"),
            renamed=kinds.count("renamed"),
            outside=0,
            additions=sum(change.additions or 0 for change in changes),
            deletions=sum(change.deletions or 0 for change in changes),
        ),
        produced=[_produced(change) for change in changes],
    )


def _produced(change: Change) -> ProducedFile:
    return ProducedFile(
        path=change.path,
        change=change.change.value,
        old_path=change.old_path or None,
        additions=change.additions,
        deletions=change.deletions,
        binary=change.binary,
        outside=False,
        has_before=False,
        has_after=False,
        has_diff=not change.binary,
    )
