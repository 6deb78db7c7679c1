"""Tables of reviews: what people say of results, and of lines in them.

Times are microseconds since the epoch. An empty `commit_id`: the attempt left no commit.
"""

from __future__ import annotations

from sqlalchemy import Index, Table

from muster.store.columns import integer, metadata, textual

# A verdict on a task's result, as it was at a commit.
reviews = Table(
    "reviews",
    metadata,
    integer("id", key=True),
    integer("task_id"),
    integer("attempt_id", null=True),
    textual("verdict"),
    textual("commit_id", default=""),
    textual("note", default=""),
    # What the agent is told when changes are requested.
    textual("message", default=""),
    textual("created_by", null=True),
    integer("created_at"),
    Index("reviews_by_task", "task_id", "id"),
)

# What is said of lines of a file, counted in the file at `commit_id`. Without a review: a draft.
review_comments = Table(
    "review_comments",
    metadata,
    integer("id", key=True),
    integer("task_id"),
    integer("attempt_id", null=True),
    integer("review_id", null=True),
    textual("path"),
    textual("side"),
    integer("first_line"),
    integer("last_line"),
    textual("commit_id", default=""),
    textual("hunk", default=""),
    textual("text"),
    integer("resolved_at", null=True),
    textual("created_by", null=True),
    integer("created_at"),
    integer("updated_at"),
    Index("review_comments_by_task", "task_id", "id"),
)
