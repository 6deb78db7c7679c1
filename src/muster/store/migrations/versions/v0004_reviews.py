"""Reviews of results: queues that demand them, verdicts, comments on lines."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ON_REVIEW: Final = sa.text("review > 0")


def _int(name: str, *, default: str | None = None, null: bool = False) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    given = None if default is None else sa.text(default)
    return sa.Column(name, kind, server_default=given, autoincrement=False, nullable=null)


def _text(name: str, *, default: str | None = None, null: bool = False) -> sa.Column[str]:
    given = None if default is None else sa.text(default)
    return sa.Column(name, sa.Text(), server_default=given, nullable=null)


def upgrade() -> None:
    op.add_column("queues", _text("approval", default="'relaxed'"))
    op.add_column("tasks", _int("review", default="0"))
    op.add_column("tasks", _int("review_id", null=True))
    op.create_index(
        "tasks_by_review", "tasks", ["review", "id"], sqlite_where=_ON_REVIEW, postgresql_where=_ON_REVIEW
    )
    op.create_table(
        "reviews",
        _int("id"),
        _int("task_id"),
        _int("attempt_id", null=True),
        _text("verdict"),
        _text("commit_id", default="''"),
        _text("note", default="''"),
        _text("message", default="''"),
        _text("created_by", null=True),
        _int("created_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reviews_by_task", "reviews", ["task_id", "id"])
    op.create_table(
        "review_comments",
        _int("id"),
        _int("task_id"),
        _int("attempt_id", null=True),
        _int("review_id", null=True),
        _text("path"),
        _text("side"),
        _int("first_line"),
        _int("last_line"),
        _text("commit_id", default="''"),
        _text("hunk", default="''"),
        _text("text"),
        _int("resolved_at", null=True),
        _text("created_by", null=True),
        _int("created_at"),
        _int("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("review_comments_by_task", "review_comments", ["task_id", "id"])
