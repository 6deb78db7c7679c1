"""Agents at work: runs, transcripts, model calls, file changes, approvals, messages, circuits, roles, sandboxes."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Rows here are rewritten all the time: vacuum at a fixed, small number of dead rows instead of a share of the table.
_BUSY: Final = ("runs", "sandboxes")
_VACUUM: Final = (
    "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0, "
    "autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000"
)
_PENDING: Final = sa.text("state = 'pending'")


def _int(name: str, *, default: str | None = None, null: bool = False) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    given = None if default is None else sa.text(default)
    return sa.Column(name, kind, server_default=given, autoincrement=False, nullable=null)


def _text(name: str, *, default: str | None = None, null: bool = False) -> sa.Column[str]:
    given = None if default is None else sa.text(default)
    return sa.Column(name, sa.Text(), server_default=given, nullable=null)


def upgrade() -> None:
    op.add_column("workers", _text("facts", default="'{}'"))
    op.add_column("attempts", _int("asks", default="0"))
    op.add_column("attempts", _int("words", default="0"))
    _create_runs()
    _create_requests()
    _create_places()
    if op.get_bind().dialect.name == "postgresql":
        for table in _BUSY:
            op.execute(f"ALTER TABLE {table} SET ({_VACUUM})")


def _create_runs() -> None:
    op.create_table(
        "runs",
        _int("attempt_id"),
        _int("task_id"),
        _text("agent"),
        _text("model", default="''"),
        _text("session", null=True),
        _text("branch", null=True),
        _text("base_commit", null=True),
        _text("head_commit", null=True),
        _text("workspace", null=True),
        _text("workspace_kind", null=True),
        _text("base_branch", null=True),
        _text("pushed_to", null=True),
        _text("pull_request", null=True),
        _int("entries", default="0"),
        _int("context_used", null=True),
        _int("context_window", null=True),
        _int("calls", default="0"),
        _int("unpriced_calls", default="0"),
        _int("cost", default="0"),
        _int("input_tokens", default="0"),
        _int("output_tokens", default="0"),
        _int("cache_read_tokens", default="0"),
        _int("cache_write_tokens", default="0"),
        _int("reasoning_tokens", default="0"),
        _text("reported", null=True),
        _int("started_at"),
        _int("updated_at"),
        sa.PrimaryKeyConstraint("attempt_id"),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("runs_by_task", "runs", ["task_id", "attempt_id"], unique=False)
    op.create_table(
        "transcript_chunks",
        _int("attempt_id"),
        _int("position"),
        _int("entries"),
        _int("at"),
        _text("data"),
        sa.PrimaryKeyConstraint("attempt_id", "position"),
    )
    op.create_table(
        "model_calls",
        _int("id"),
        _int("attempt_id"),
        _text("key"),
        _int("at"),
        _text("provider"),
        _text("model"),
        _text("dialect"),
        _int("status", null=True),
        _int("duration_us"),
        _int("first_byte_us", null=True),
        _int("input_tokens", default="0"),
        _int("output_tokens", default="0"),
        _int("cache_read_tokens", default="0"),
        _int("cache_write_tokens", default="0"),
        _int("reasoning_tokens", default="0"),
        _int("cost", null=True),
        _text("pricing"),
        _text("price_version", null=True),
        _text("error", null=True),
        _text("trace_id", null=True),
        _text("request_blob", null=True),
        _text("answer_blob", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("model_calls_by_key", "model_calls", ["attempt_id", "key"], unique=True)
    op.create_table(
        "file_changes",
        _int("attempt_id"),
        _text("path"),
        _text("change"),
        _text("old_path", null=True),
        _int("additions", null=True),
        _int("deletions", null=True),
        _int("is_binary", default="0"),
        _int("outside", default="0"),
        _text("before_blob", null=True),
        _text("after_blob", null=True),
        _text("diff_blob", null=True),
        sa.PrimaryKeyConstraint("attempt_id", "path"),
        sqlite_with_rowid=False,
    )


def _create_requests() -> None:
    op.create_table(
        "approvals",
        _int("id"),
        _int("task_id"),
        _int("attempt_id"),
        _int("project_id"),
        _text("key"),
        _text("kind"),
        _text("state", default="'pending'"),
        _text("title"),
        _text("doc"),
        _int("created_at"),
        _int("expires_at", null=True),
        _text("answer", null=True),
        _text("answered_by", null=True),
        _int("finished_at", null=True),
        _int("delivered_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("approvals_by_key", "approvals", ["attempt_id", "key"], unique=True)
    op.create_index("approvals_by_task", "approvals", ["task_id", "id"], unique=False)
    op.create_index(
        "approvals_pending",
        "approvals",
        ["id"],
        unique=False,
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    op.create_table(
        "permissions",
        _int("id"),
        _text("scope"),
        _int("scope_id", default="0"),
        _text("tool"),
        _text("subject"),
        _text("digest"),
        _int("approval_id", null=True),
        _text("created_by", null=True),
        _int("created_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("permissions_by_digest", "permissions", ["digest", "scope", "scope_id"], unique=True)
    op.create_table(
        "messages",
        _int("id"),
        _int("task_id"),
        _int("attempt_id", null=True),
        _text("kind"),
        _text("text", default="''"),
        _text("created_by", null=True),
        _int("created_at"),
        _int("delivered_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("messages_by_task", "messages", ["task_id", "id"], unique=False)


def _create_places() -> None:
    op.create_table(
        "circuits",
        _text("name"),
        _text("state"),
        _int("failures", default="0"),
        _int("trips", default="0"),
        _int("until", null=True),
        _text("agents", default="''"),
        _text("message", default="''"),
        _int("updated_at"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "roles",
        _text("name"),
        _text("kind"),
        _text("description", default="''"),
        _text("doc"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "sandboxes",
        _text("id"),
        _text("worker_id"),
        _int("attempt_id", null=True),
        _text("level"),
        _text("state"),
        _text("doc", default="'{}'"),
        _int("created_at"),
        _int("seen_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sandboxes_by_worker", "sandboxes", ["worker_id", "id"], unique=False)
