"""The first schema."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Rows here are rewritten all the time: vacuum at a fixed, small number of dead rows instead of a share of the table.
_BUSY: Final = ("tasks", "attempts", "lanes", "projects", "log_head", "workers")
_VACUUM: Final = (
    "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0, "
    "autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000"
)


def _int(name: str, *, default: str | None = None, null: bool = False) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    given = None if default is None else sa.text(default)
    return sa.Column(name, kind, server_default=given, autoincrement=False, nullable=null)


def _text(name: str, *, default: str | None = None, null: bool = False) -> sa.Column[str]:
    given = None if default is None else sa.text(default)
    return sa.Column(name, sa.Text(), server_default=given, nullable=null)


def upgrade() -> None:
    _create_tables()
    op.execute("INSERT INTO log_head (id, seq) VALUES (1, 0)")
    if op.get_bind().dialect.name == "postgresql":
        _tune_postgres()


def _tune_postgres() -> None:
    for table in _BUSY:
        op.execute(f"ALTER TABLE {table} SET ({_VACUUM})")
    op.execute("CREATE SEQUENCE muster_nodes MINVALUE 0 MAXVALUE 255 CYCLE")
    op.execute("CREATE TABLE task_search (task_id bigint PRIMARY KEY, document tsvector NOT NULL)")
    op.execute("CREATE INDEX task_search_by_word ON task_search USING gin (document)")


def _create_tables() -> None:
    op.create_table(
        "agents",
        _text("id"),
        _text("name"),
        _text("status", default="'online'"),
        _text("model", default="''"),
        _int("max_tokens", default="0"),
        _int("tokens_used", default="0"),
        _int("sessions_count", default="0"),
        _int("memory_bytes", default="0"),
        _int("last_active_at"),
        _int("created_at"),
        _int("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "attempts",
        _int("id"),
        _int("task_id"),
        _int("number"),
        _text("agent_id"),
        _text("worker_id", null=True),
        _text("state", default="'running'"),
        _int("token"),
        _int("reserved", default="0"),
        _int("cost", default="0"),
        _int("claimed_at"),
        _int("heartbeat_at"),
        _int("warned_at", null=True),
        _int("finished_at", null=True),
        _text("code", null=True),
        _text("error", null=True),
        _text("output", null=True),
        _text("result", null=True),
        _int("exit_code", null=True),
        _int("input_tokens", default="0"),
        _int("output_tokens", default="0"),
        _int("cache_read_tokens", default="0"),
        _int("cache_write_tokens", default="0"),
        _text("sandbox", null=True),
        _text("progress", null=True),
        _int("lines", default="0"),
        _int("kept_from", default="0"),
        _int("bytes", default="0"),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("attempts_by_task", "attempts", ["task_id", "number"], unique=False)
    op.create_table(
        "events",
        _int("seq"),
        _int("at"),
        _text("kind"),
        _int("task_id", null=True),
        _int("attempt_id", null=True),
        _text("agent_id", null=True),
        _int("project_id", null=True),
        _int("amount", null=True),
        _text("data"),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(
        "events_by_agent",
        "events",
        ["agent_id", "seq"],
        unique=False,
        sqlite_where=sa.text("agent_id IS NOT NULL AND task_id IS NULL"),
        postgresql_where=sa.text("agent_id IS NOT NULL AND task_id IS NULL"),
    )
    op.create_index(
        "events_by_task",
        "events",
        ["task_id", "seq"],
        unique=False,
        sqlite_where=sa.text("task_id IS NOT NULL"),
        postgresql_where=sa.text("task_id IS NOT NULL"),
    )
    op.create_index(
        "events_with_money",
        "events",
        ["project_id", "seq"],
        unique=False,
        sqlite_where=sa.text("amount IS NOT NULL"),
        postgresql_where=sa.text("amount IS NOT NULL"),
    )
    op.create_table(
        "installation",
        _text("name"),
        _text("value"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "lanes",
        _int("id"),
        _int("project_id"),
        _int("queue_id"),
        _text("kind"),
        _text("requires", default="''"),
        _text("assignee", default="''"),
        _int("blocked", default="0"),
        _int("backoff", default="0"),
        _int("ready", default="0"),
        _int("running", default="0"),
        _int("succeeded", default="0"),
        _int("failed", default="0"),
        _int("cancelled", default="0"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "lanes_busy",
        "lanes",
        ["id"],
        unique=False,
        sqlite_where=sa.text("ready > 0"),
        postgresql_where=sa.text("ready > 0"),
    )
    op.create_index(
        "lanes_by_key", "lanes", ["project_id", "queue_id", "kind", "requires", "assignee"], unique=True
    )
    op.create_table(
        "log_head",
        _int("id"),
        _int("seq"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "output_chunks",
        _int("attempt_id"),
        _int("position"),
        _int("lines"),
        _int("at"),
        _text("data"),
        sa.PrimaryKeyConstraint("attempt_id", "position"),
    )
    op.create_table(
        "projection_positions",
        _text("name"),
        _int("seq"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "projects",
        _int("id"),
        _text("name"),
        _text("icon", default="''"),
        _text("status", default="'active'"),
        _text("priority", default="'medium'"),
        _text("description", default="''"),
        _int("allocated", null=True),
        _text("enforcement", default="'hard'"),
        _int("reserved", default="0"),
        _int("spent", default="0"),
        _int("concurrency", null=True),
        _text("repo_url", null=True),
        _text("default_branch", null=True),
        _text("working_dir", null=True),
        _int("created_at"),
        _int("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("projects_by_name", "projects", ["name"], unique=True)
    op.create_table(
        "queues",
        _int("id"),
        _text("name"),
        _text("instructions", default="''"),
        _text("mode", default="'auto'"),
        _text("status", default="'active'"),
        _int("paused", default="0"),
        _int("concurrency", null=True),
        _int("project_id", null=True),
        _int("session_id", null=True),
        _text("agent_id", null=True),
        _int("created_at"),
        _int("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("queues_by_name", "queues", ["name"], unique=True)
    op.create_table(
        "seals",
        _int("block"),
        _int("first_seq"),
        _int("last_seq"),
        _text("previous"),
        _text("checks"),
        _int("sealed_at"),
        _text("hash"),
        sa.PrimaryKeyConstraint("block"),
    )
    op.create_table(
        "sessions",
        _int("id"),
        _text("name"),
        _text("context", default="''"),
        _text("status", default="'active'"),
        _int("project_id", null=True),
        _int("created_at"),
        _int("updated_at"),
        _int("ended_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "task_classes",
        _text("name"),
        _int("timeout_us"),
        _text("description", default="''"),
        _int("network", default="0"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "task_dependencies",
        _int("task_id"),
        _int("depends_on"),
        _int("done", default="0"),
        sa.PrimaryKeyConstraint("task_id", "depends_on"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "task_dependencies_by_target", "task_dependencies", ["depends_on", "task_id"], unique=False
    )
    op.create_table(
        "task_specs",
        _int("id"),
        _text("title"),
        _text("description", default="''"),
        _text("type", default="'custom'"),
        _text("idempotency_key", null=True),
        _text("request_hash", null=True),
        _text("doc"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "task_specs_by_idempotency_key",
        "task_specs",
        ["idempotency_key"],
        unique=True,
        sqlite_where=sa.text("idempotency_key IS NOT NULL"),
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_index("task_specs_by_type", "task_specs", ["type", "id"], unique=False)
    op.create_table(
        "task_tags",
        _text("tag"),
        _int("task_id"),
        sa.PrimaryKeyConstraint("tag", "task_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("task_tags_by_task", "task_tags", ["task_id"], unique=False)
    op.create_table(
        "tasks",
        _int("id"),
        _int("lane_id"),
        _int("project_id"),
        _int("queue_id"),
        _int("session_id", null=True),
        _int("parent_id", null=True),
        _int("state"),
        _int("priority"),
        _int("position"),
        _int("attempts", default="0"),
        _int("burned", default="0"),
        _int("max_attempts"),
        _int("attempt_id", null=True),
        _text("agent_id", null=True),
        _int("blockers", default="0"),
        _int("dependents", default="0"),
        _int("ready_at", null=True),
        _int("timeout_us"),
        _int("estimate", default="0"),
        _int("cost", default="0"),
        _int("started_at", null=True),
        _int("finished_at", null=True),
        _int("archived_at", null=True),
        _int("updated_at"),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "tasks_archived",
        "tasks",
        ["id"],
        unique=False,
        sqlite_where=sa.text("archived_at IS NOT NULL"),
        postgresql_where=sa.text("archived_at IS NOT NULL"),
    )
    op.create_index(
        "tasks_by_agent",
        "tasks",
        ["agent_id", "id"],
        unique=False,
        sqlite_where=sa.text("agent_id IS NOT NULL"),
        postgresql_where=sa.text("agent_id IS NOT NULL"),
    )
    op.create_index(
        "tasks_by_parent",
        "tasks",
        ["parent_id", "id"],
        unique=False,
        sqlite_where=sa.text("parent_id IS NOT NULL"),
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index("tasks_by_project", "tasks", ["project_id", "id"], unique=False)
    op.create_index("tasks_by_queue", "tasks", ["queue_id", "id"], unique=False)
    op.create_index(
        "tasks_by_session",
        "tasks",
        ["session_id", "id"],
        unique=False,
        sqlite_where=sa.text("session_id IS NOT NULL"),
        postgresql_where=sa.text("session_id IS NOT NULL"),
    )
    op.create_index(
        "tasks_closed",
        "tasks",
        ["state", "id"],
        unique=False,
        sqlite_where=sa.text("state >= 60 AND archived_at IS NULL"),
        postgresql_where=sa.text("state >= 60 AND archived_at IS NULL"),
    )
    op.create_index(
        "tasks_closed_by_queue",
        "tasks",
        ["queue_id", "state", "id"],
        unique=False,
        sqlite_where=sa.text("state >= 60 AND archived_at IS NULL"),
        postgresql_where=sa.text("state >= 60 AND archived_at IS NULL"),
    )
    op.create_index(
        "tasks_due",
        "tasks",
        ["ready_at"],
        unique=False,
        sqlite_where=sa.text("state = 20"),
        postgresql_where=sa.text("state = 20"),
    )
    op.create_index(
        "tasks_open",
        "tasks",
        ["state", "lane_id", "priority", "position"],
        unique=False,
        sqlite_where=sa.text("state < 60"),
        postgresql_where=sa.text("state < 60"),
    )
    op.create_table(
        "workers",
        _text("id"),
        _text("host", null=True),
        _int("pid", null=True),
        _text("version", null=True),
        _int("capacity", default="0"),
        _text("modes", default="'[]'"),
        _text("queues", null=True),
        _text("kinds", null=True),
        _text("capabilities", default="'[]'"),
        _text("sandbox", null=True),
        _int("seen_at"),
        _int("started_at"),
        _int("left_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
