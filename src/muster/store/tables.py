"""The schema, once for both databases. Integers and text only: no type needs translating.

Times are microseconds since the epoch, money is micro-dollars, flags are 0 or 1, JSON is text.
"""

from __future__ import annotations

from sqlalchemy import Index, Table, text

from muster.store import tables_reviews, tables_runs
from muster.store.columns import integer as _int
from muster.store.columns import metadata
from muster.store.columns import textual as _text

SCHEMA_VERSION = "0008"

projects = Table(
    "projects",
    metadata,
    _int("id", key=True),
    _text("name"),
    _text("icon", default=""),
    _text("status", default="active"),
    _text("priority", default="medium"),
    _text("description", default=""),
    _int("allocated", null=True),
    _text("enforcement", default="hard"),
    _int("reserved", default=0),
    _int("spent", default=0),
    _int("concurrency", null=True),
    _text("repo_url", null=True),
    _text("default_branch", null=True),
    _text("working_dir", null=True),
    _int("created_at"),
    _int("updated_at"),
    _text("sandbox", null=True),
    Index("projects_by_name", "name", unique=True),
)

queues = Table(
    "queues",
    metadata,
    _int("id", key=True),
    _text("name"),
    _text("instructions", default=""),
    _text("mode", default="auto"),
    _text("status", default="active"),
    _int("paused", default=0),
    _int("concurrency", null=True),
    _int("project_id", null=True),
    _int("session_id", null=True),
    _text("agent_id", null=True),
    _int("created_at"),
    _int("updated_at"),
    _text("sandbox", null=True),
    _text("approval", default="relaxed"),
    Index("queues_by_name", "name", unique=True),
)

sessions = Table(
    "sessions",
    metadata,
    _int("id", key=True),
    _text("name"),
    _text("context", default=""),
    _text("status", default="active"),
    _int("project_id", null=True),
    _int("created_at"),
    _int("updated_at"),
    _int("ended_at", null=True),
)

# One row for each kind of work that a claimer may take as a whole or not at all, with its counts.
lanes = Table(
    "lanes",
    metadata,
    _int("id", key=True),
    _int("project_id"),
    _int("queue_id"),
    _text("kind"),
    _text("requires", default=""),
    _text("assignee", default=""),
    _int("blocked", default=0),
    _int("backoff", default=0),
    _int("ready", default=0),
    _int("running", default=0),
    _int("succeeded", default=0),
    _int("failed", default=0),
    _int("cancelled", default=0),
    Index("lanes_by_key", "project_id", "queue_id", "kind", "requires", "assignee", unique=True),
    Index("lanes_busy", "id", sqlite_where=text("ready > 0"), postgresql_where=text("ready > 0")),
)

_OPEN = text("state < 60")
_REVIEWED = text("review > 0")
_CLOSED = text("state >= 60 AND archived_at IS NULL")

tasks = Table(
    "tasks",
    metadata,
    _int("id", key=True),
    _int("lane_id"),
    _int("project_id"),
    _int("queue_id"),
    _int("session_id", null=True),
    _int("parent_id", null=True),
    _int("state"),
    _int("priority"),
    _int("position"),
    _int("attempts", default=0),
    _int("burned", default=0),
    _int("max_attempts"),
    _int("attempt_id", null=True),
    _text("agent_id", null=True),
    _int("blockers", default=0),
    _int("dependents", default=0),
    _int("ready_at", null=True),
    _int("timeout_us"),
    _int("estimate", default=0),
    _int("cost", default=0),
    _int("started_at", null=True),
    _int("finished_at", null=True),
    _int("archived_at", null=True),
    _int("updated_at"),
    # How its present result stands with people, and the last verdict on any.
    _int("review", default=0),
    _int("review_id", null=True),
    Index("tasks_by_review", "review", "id", sqlite_where=_REVIEWED, postgresql_where=_REVIEWED),
    Index(
        "tasks_open", "state", "lane_id", "priority", "position", sqlite_where=_OPEN, postgresql_where=_OPEN
    ),
    Index("tasks_closed", "state", "id", sqlite_where=_CLOSED, postgresql_where=_CLOSED),
    Index("tasks_closed_by_queue", "queue_id", "state", "id", sqlite_where=_CLOSED, postgresql_where=_CLOSED),
    Index("tasks_by_queue", "queue_id", "id"),
    Index("tasks_by_project", "project_id", "id"),
    Index(
        "tasks_by_session",
        "session_id",
        "id",
        sqlite_where=text("session_id IS NOT NULL"),
        postgresql_where=text("session_id IS NOT NULL"),
    ),
    Index(
        "tasks_by_parent",
        "parent_id",
        "id",
        sqlite_where=text("parent_id IS NOT NULL"),
        postgresql_where=text("parent_id IS NOT NULL"),
    ),
    Index(
        "tasks_archived",
        "id",
        sqlite_where=text("archived_at IS NOT NULL"),
        postgresql_where=text("archived_at IS NOT NULL"),
    ),
    Index("tasks_due", "ready_at", sqlite_where=text("state = 20"), postgresql_where=text("state = 20")),
    # The hot row is rewritten at every claim and completion: room on the page keeps PostgreSQL from bloating.
    postgresql_with={"fillfactor": "70"},
)

# Tasks by the agent that holds or held them last, folded from the log (projections/agent_tasks.py).
agent_tasks = Table(
    "agent_tasks",
    metadata,
    _int("task_id", key=True),
    _text("agent_id"),
    Index("agent_tasks_by_agent", "agent_id", "task_id"),
)

task_specs = Table(
    "task_specs",
    metadata,
    _int("id", key=True),
    _text("title"),
    _text("description", default=""),
    _text("type", default="custom"),
    _text("idempotency_key", null=True),
    _text("request_hash", null=True),
    _text("doc"),
    Index("task_specs_by_type", "type", "id"),
    Index(
        "task_specs_by_idempotency_key",
        "idempotency_key",
        unique=True,
        sqlite_where=text("idempotency_key IS NOT NULL"),
        postgresql_where=text("idempotency_key IS NOT NULL"),
    ),
)

task_tags = Table(
    "task_tags",
    metadata,
    _text("tag", key=True),
    _int("task_id", key=True),
    Index("task_tags_by_task", "task_id"),
    sqlite_with_rowid=False,
)

task_dependencies = Table(
    "task_dependencies",
    metadata,
    _int("task_id", key=True),
    _int("depends_on", key=True),
    _int("done", default=0),
    Index("task_dependencies_by_target", "depends_on", "task_id"),
    sqlite_with_rowid=False,
)

attempts = Table(
    "attempts",
    metadata,
    _int("id", key=True),
    _int("task_id"),
    _int("number"),
    _text("agent_id"),
    _text("worker_id", null=True),
    _text("state", default="running"),
    _int("token"),
    _int("reserved", default=0),
    _int("cost", default=0),
    _int("claimed_at"),
    _int("heartbeat_at"),
    _int("warned_at", null=True),
    _int("finished_at", null=True),
    _text("code", null=True),
    _text("error", null=True),
    _text("output", null=True),
    _text("result", null=True),
    _int("exit_code", null=True),
    _int("input_tokens", default=0),
    _int("output_tokens", default=0),
    _int("cache_read_tokens", default=0),
    _int("cache_write_tokens", default=0),
    _text("sandbox", null=True),
    _text("progress", null=True),
    _int("lines", default=0),
    _int("kept_from", default=0),
    _int("bytes", default=0),
    # Requests that wait for a person, and words for its agent that it has not got yet.
    _int("asks", default=0),
    _int("words", default=0),
    Index("attempts_by_task", "task_id", "number"),
    postgresql_with={"fillfactor": "70"},
)

output_chunks = Table(
    "output_chunks",
    metadata,
    _int("attempt_id", key=True),
    _int("position", key=True),
    _int("lines"),
    _int("at"),
    _text("data"),
)

agents = Table(
    "agents",
    metadata,
    _text("id", key=True),
    _text("name"),
    _text("status", default="online"),
    _text("model", default=""),
    _int("max_tokens", default=0),
    _int("tokens_used", default=0),
    _int("sessions_count", default=0),
    _int("memory_bytes", default=0),
    _int("last_active_at"),
    _int("created_at"),
    _int("updated_at"),
)

# Presence, not history: rewritten by every worker heartbeat and never logged.
workers = Table(
    "workers",
    metadata,
    _text("id", key=True),
    _text("host", null=True),
    _int("pid", null=True),
    _text("version", null=True),
    _int("capacity", default=0),
    _text("modes", default="[]"),
    _text("queues", null=True),
    _text("kinds", null=True),
    _text("capabilities", default="[]"),
    _text("sandbox", null=True),
    _int("seen_at"),
    _int("started_at"),
    _int("left_at", null=True),
    # What the worker says of its host, its agents and its isolation levels: JSON.
    _text("facts", default="{}"),
)

task_classes = Table(
    "task_classes",
    metadata,
    _text("name", key=True),
    _int("timeout_us"),
    _text("description", default=""),
    _int("network", default=0),
)

events = Table(
    "events",
    metadata,
    _int("seq", key=True),
    _int("at"),
    _text("kind"),
    _int("task_id", null=True),
    _int("attempt_id", null=True),
    _text("agent_id", null=True),
    _int("project_id", null=True),
    _int("amount", null=True),
    _text("data"),
    Index(
        "events_by_task",
        "task_id",
        "seq",
        sqlite_where=text("task_id IS NOT NULL"),
        postgresql_where=text("task_id IS NOT NULL"),
    ),
    # An agent's events about tasks are found through its tasks: an index by agent over the whole log would
    # dirty one page for each agent and batch, and cost a third of the claim rate.
    Index(
        "events_by_agent",
        "agent_id",
        "seq",
        sqlite_where=text("agent_id IS NOT NULL AND task_id IS NULL"),
        postgresql_where=text("agent_id IS NOT NULL AND task_id IS NULL"),
    ),
    Index(
        "events_with_money",
        "project_id",
        "seq",
        sqlite_where=text("amount IS NOT NULL"),
        postgresql_where=text("amount IS NOT NULL"),
    ),
)

# One row: the position of the newest event. On PostgreSQL its lock puts commits in the log's order.
log_head = Table("log_head", metadata, _int("id", key=True), _int("seq"))

seals = Table(
    "seals",
    metadata,
    _int("block", key=True),
    _int("first_seq"),
    _int("last_seq"),
    _text("previous"),
    # A short checksum of each event, so that a change is not only found but named.
    _text("checks"),
    _int("sealed_at"),
    _text("hash"),
)

projection_positions = Table("projection_positions", metadata, _text("name", key=True), _int("seq"))

# Facts about the installation: a random node salt, the time of the last purge, and the like.
settings_rows = Table("installation", metadata, _text("name", key=True), _text("value"))

# The rows of agents at work have a module of their own; they are tables like the others.
runs = tables_runs.runs
transcript_chunks = tables_runs.transcript_chunks
model_calls = tables_runs.model_calls
file_changes = tables_runs.file_changes
approvals = tables_runs.approvals
permissions = tables_runs.permissions
messages = tables_runs.messages
circuits = tables_runs.circuits
roles = tables_runs.roles
role_versions = tables_runs.role_versions
sandboxes = tables_runs.sandboxes
reviews = tables_reviews.reviews
review_comments = tables_reviews.review_comments

# What somebody set for themselves. One row a person: `doc` is a JSON object by name, `version` counts its changes.
preferences = Table(
    "preferences", metadata, _text("owner", key=True), _int("version"), _text("doc"), _int("updated_at")
)
