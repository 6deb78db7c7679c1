"""Tables of agents at work: what a run of one says, asks, changes and costs.

Times are microseconds since the epoch, money is micro-dollars, flags are 0 or 1, JSON is text.
"""

from __future__ import annotations

from sqlalchemy import Index, Table, text

from muster.store.columns import integer, metadata, textual

# One row for each attempt that an agent works on. Its figures move while it runs; its end is in `attempts`.
runs = Table(
    "runs",
    metadata,
    integer("attempt_id", key=True),
    integer("task_id"),
    textual("agent"),
    textual("model", default=""),
    textual("session", null=True),
    textual("branch", null=True),
    textual("base_commit", null=True),
    textual("head_commit", null=True),
    textual("workspace", null=True),
    # overlay, reflink, checkout, in_place or scratch: how the working copy was made.
    textual("workspace_kind", null=True),
    # The user's branch that the work began at.
    textual("base_branch", null=True),
    # The remote's URL and the request's, once the work is there.
    textual("pushed_to", null=True),
    textual("pull_request", null=True),
    integer("entries", default=0),
    integer("context_used", null=True),
    integer("context_window", null=True),
    integer("calls", default=0),
    integer("unpriced_calls", default=0),
    integer("cost", default=0),
    integer("input_tokens", default=0),
    integer("output_tokens", default=0),
    integer("cache_read_tokens", default=0),
    integer("cache_write_tokens", default=0),
    integer("reasoning_tokens", default=0),
    # The agent's own totals, a cross-check: JSON.
    textual("reported", null=True),
    integer("started_at"),
    integer("updated_at"),
    # Who its agent was told to be, and by which version.
    textual("role", null=True),
    integer("role_version", null=True),
    Index("runs_by_task", "task_id", "attempt_id"),
    postgresql_with={"fillfactor": "70"},
)

transcript_chunks = Table(
    "transcript_chunks",
    metadata,
    integer("attempt_id", key=True),
    integer("position", key=True),
    integer("entries"),
    integer("at"),
    textual("data"),
)

# Every call to a model that went through a gateway. `key` is the gateway's, so that one sent twice is kept once.
model_calls = Table(
    "model_calls",
    metadata,
    integer("id", key=True),
    integer("attempt_id"),
    textual("key"),
    integer("at"),
    textual("provider"),
    textual("model"),
    textual("dialect"),
    integer("status", null=True),
    integer("duration_us"),
    integer("first_byte_us", null=True),
    integer("input_tokens", default=0),
    integer("output_tokens", default=0),
    integer("cache_read_tokens", default=0),
    integer("cache_write_tokens", default=0),
    integer("reasoning_tokens", default=0),
    integer("cost", null=True),
    # priced, free (a model of one's own) or unpriced (nobody knows).
    textual("pricing"),
    textual("price_version", null=True),
    textual("error", null=True),
    textual("trace_id", null=True),
    # Content addresses of the request and the answer.
    textual("request_blob", null=True),
    textual("answer_blob", null=True),
    Index("model_calls_by_key", "attempt_id", "key", unique=True),
)

file_changes = Table(
    "file_changes",
    metadata,
    integer("attempt_id", key=True),
    textual("path", key=True),
    textual("change"),
    textual("old_path", null=True),
    integer("additions", null=True),
    integer("deletions", null=True),
    integer("is_binary", default=0),
    # Outside of what the task may own.
    integer("outside", default=0),
    textual("before_blob", null=True),
    textual("after_blob", null=True),
    textual("diff_blob", null=True),
    sqlite_with_rowid=False,
)

_PENDING = text("state = 'pending'")

# A request of an agent that a person answers: leave to use a tool, or a question.
approvals = Table(
    "approvals",
    metadata,
    integer("id", key=True),
    integer("task_id"),
    integer("attempt_id"),
    integer("project_id"),
    # The request's name in the agent's conversation.
    textual("key"),
    textual("kind"),
    textual("state", default="pending"),
    textual("title"),
    textual("doc"),
    integer("created_at"),
    integer("expires_at", null=True),
    textual("answer", null=True),
    textual("answered_by", null=True),
    integer("finished_at", null=True),
    integer("delivered_at", null=True),
    # How risky leave is, graded when it was asked for: JSON.
    textual("grade", null=True),
    # The request under the same key that this one took the place of: its agent asks for something else by now.
    integer("voids", null=True),
    Index("approvals_by_key", "attempt_id", "key", "id"),
    Index("approvals_by_task", "task_id", "id"),
    Index("approvals_pending", "id", sqlite_where=_PENDING, postgresql_where=_PENDING),
)

# What was allowed beyond once: for a task, a project, or everywhere; always one exact use of one tool.
permissions = Table(
    "permissions",
    metadata,
    integer("id", key=True),
    textual("scope"),
    integer("scope_id", default=0),
    textual("tool"),
    textual("subject"),
    textual("digest"),
    integer("approval_id", null=True),
    textual("created_by", null=True),
    integer("created_at"),
    Index("permissions_by_digest", "digest", "scope", "scope_id", unique=True),
)

# What people tell an agent: words, or to interrupt, pause and go on. Without an attempt: for the next one.
messages = Table(
    "messages",
    metadata,
    integer("id", key=True),
    integer("task_id"),
    integer("attempt_id", null=True),
    textual("kind"),
    textual("text", default=""),
    textual("created_by", null=True),
    integer("created_at"),
    integer("delivered_at", null=True),
    Index("messages_by_task", "task_id", "id"),
)

circuits = Table(
    "circuits",
    metadata,
    textual("name", key=True),
    textual("state"),
    integer("failures", default=0),
    integer("trips", default=0),
    integer("until", null=True),
    # Agents whose calls go there, comma-separated: their tasks wait while it is open.
    textual("agents", default=""),
    textual("message", default=""),
    integer("updated_at"),
)

roles = Table(
    "roles",
    metadata,
    textual("name", key=True),
    textual("kind"),
    textual("description", default=""),
    # Everything else of a role: agent, model, prompts, tools, servers, permissions. JSON.
    textual("doc"),
    # The newest of its versions, whose text this is.
    integer("version", default=1),
)

# What each edit made of a role. Rows are never changed nor removed, also where the role is.
role_versions = Table(
    "role_versions",
    metadata,
    textual("name", key=True),
    integer("version", key=True),
    textual("kind"),
    textual("description", default=""),
    textual("doc"),
    integer("created_at"),
    textual("created_by", null=True),
    # The older version that was restored by it.
    integer("restored", null=True),
)

# Presence, not history: rewritten by every worker heartbeat and never logged.
sandboxes = Table(
    "sandboxes",
    metadata,
    textual("id", key=True),
    textual("worker_id"),
    integer("attempt_id", null=True),
    textual("level"),
    textual("state"),
    # Limits in force, and a short series of samples: JSON.
    textual("doc", default="{}"),
    integer("created_at"),
    integer("seen_at"),
    Index("sandboxes_by_worker", "worker_id", "id"),
)
