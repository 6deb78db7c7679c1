"""Shapes of runs: conversations, calls to models, changed files, log files."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from muster.api.schemas.shape import Answer, JsonObject, Moment, PageQuery, Query, Word

EntryKind = Literal[
    "session",
    "message",
    "thinking",
    "tool_call",
    "tool_result",
    "plan",
    "usage",
    "permission",
    "question",
    "file_change",
    "error",
    "result",
    "unknown",
]
SAME_AS = "x-same-as"
"""Marks a schema that the document replaces by one made of the wire's structs."""


class Tokens(Answer):
    """Tokens. `input_tokens` leaves out those read from or written to a cache; `reasoning_tokens` is part of
    `output_tokens`."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int


class Difference(Answer):
    """What the agent reports less what was metered. Null: it does not report that."""

    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None


class Run(Answer):
    """An agent's work on an attempt as it stands."""

    attempt_id: str = Field(examples=["att_0dq3m8x1c7w00"])
    agent: str = Field(description="Which program works.", examples=["claude"])
    model: str
    session: str | None = Field(description="The agent's own id of its session.")
    branch: str | None = Field(examples=["muster/tsk_0dq3m8x1c7w00"])
    base_commit: str | None
    head_commit: str | None
    workspace: str | None = Field(description="Path of the working copy on the worker's host.")
    workspace_kind: str | None = Field(
        description="How it was made: `overlay`, `reflink`, `checkout`, `in_place` or `scratch`.",
        examples=["overlay"],
    )
    base_branch: str | None = Field(description="The branch the work began at.", examples=["main"])
    pushed_to: str | None = Field(
        description="URL of the remote that has the branch.", examples=["https://github.com/acme/widgets.git"]
    )
    pull_request: str | None = Field(examples=["https://github.com/acme/widgets/pull/7"])
    role: str | None = Field(description="Who its agent was told to be.", examples=["builder"])
    role_version: int | None = Field(description="By which version of the role.", examples=[3])
    entries: int = Field(description="Entries of its transcript.")
    context_used: int | None = Field(description="Tokens in the model's context window.")
    context_window: int | None
    calls: int = Field(description="Calls to models, failed ones too.")
    unpriced_calls: int = Field(description="Those whose price nobody knows; `cost_usd` leaves them out.")
    cost_usd: float
    tokens: Tokens
    reported: JsonObject | None = Field(description="The agent's own totals, as far as it tells them.")
    difference: Difference | None = Field(description="How far these are from what was metered.")
    telemetry: JsonObject | None = Field(
        default=None, description="What the agent says by its telemetry (OpenTelemetry): a second source."
    )
    telemetry_difference: Difference | None = Field(
        default=None, description="How far that is from what was metered."
    )
    started_at: Moment
    updated_at: Moment


class AgentConversationQuery(Query):
    """Which entries."""

    after: int = Field(default=0, ge=0, le=2**62, description="Entries from this position on.")
    limit: int = Field(default=200, ge=1, le=1_000)
    wait_seconds: float = Field(
        default=0, ge=0, le=60, description="How long to wait for an entry when there is none yet."
    )
    kinds: list[EntryKind] | None = Field(
        default=None, max_length=13, description="Kinds of entries; may be given several times."
    )
    search: Word | None = Field(default=None, description="Only entries that hold this text.")
    format: Literal["json", "markdown"] = Field(
        default="json",
        description="`markdown` (or `Accept: text/markdown`): the whole conversation as a document.",
    )


class ConversationQuery(AgentConversationQuery):
    """Which entries of which attempt."""

    attempt: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Default: the latest.")


class KeptEntry(Answer):
    """One thing an agent said or did."""

    position: int = Field(description="Number of the entry, from 0.")
    at: Moment
    entry: dict[str, Any] = Field(
        json_schema_extra={SAME_AS: "TranscriptRequest.entries"},
        examples=[{"kind": "message", "text": "All tests pass."}],
    )


class Conversation(Answer):
    """Entries of an attempt. When only some kinds or a text are asked for, `items` may be empty and `next_after` have
    moved on all the same: ask again until it is `total`."""

    task_id: str | None
    attempt: int = Field(description="Number of the attempt; 0 when there is none yet.")
    attempt_id: str | None
    items: list[KeptEntry]
    next_after: int
    total: int
    finished: bool


class CallsQuery(PageQuery):
    """Which calls."""

    attempt: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Default: all attempts.")


class ModelCall(Answer):
    """One call to a model."""

    id: str = Field(examples=["cal_0dq3m8x1c7w00"])
    attempt: int
    attempt_id: str
    key: str = Field(description="The gateway's own name of it.")
    at: Moment
    provider: str = Field(examples=["anthropic"])
    model: str
    dialect: str
    status: int | None = Field(description="HTTP status; null when there was no answer.")
    duration_ms: float
    first_byte_ms: float | None
    tokens: Tokens
    cost_usd: float | None = Field(description="Null when nobody knows the price.")
    pricing: Literal["priced", "free", "unpriced"]
    price_version: str | None
    error: str | None
    trace_id: str | None
    has_request: bool
    has_answer: bool


class ModelCallList(Answer):
    """Calls, oldest first, and the totals of the attempts they are of."""

    items: list[ModelCall]
    next_cursor: str | None
    runs: list[Run]


class AttemptQuery(Query):
    """Which attempt."""

    attempt: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Default: the latest.")


class PathQuery(AttemptQuery):
    """Which file."""

    path: Annotated[str, Field(min_length=1, max_length=4_096)] = Field(examples=["src/app.py"])


class ContentQuery(PathQuery):
    """Which side of a change."""

    side: Literal["before", "after"] = "after"


class ProducedFile(Answer):
    """A file the attempt changed, as git tells it."""

    path: str
    change: Literal["created", "modified", "deleted", "renamed"]
    old_path: str | None
    additions: int | None = Field(description="Lines; null for a binary file.")
    deletions: int | None
    binary: bool
    outside: bool = Field(description="Not among the files the task may change.")
    has_before: bool
    has_after: bool
    has_diff: bool


class ConsumedFile(Answer):
    """A file the agent read, as its tools tell it."""

    path: str
    times: int
    position: int = Field(description="Entry of the transcript where it was read first.")


class FileTotals(Answer):
    """How many files and lines."""

    created: int
    modified: int
    deleted: int
    renamed: int
    outside: int
    additions: int
    deletions: int


class TaskFiles(Answer):
    """Files an attempt changed and read."""

    task_id: str | None
    attempt: int = Field(description="Number of the attempt; 0 when there is none yet.")
    tracked: bool = Field(
        description="Whether it is known what the attempt changed, as it is of agents that muster runs. Scripts and commands "
        "work in the folder itself, and what they change there is not compared: false, and nothing produced."
    )
    totals: FileTotals
    produced: list[ProducedFile]
    consumed: list[ConsumedFile]


class LogFile(Answer):
    """A log file of an attempt, made when it is read."""

    name: str = Field(examples=["prompt.txt"])
    description: str


class LogFiles(Answer):
    """The log files of an attempt."""

    task_id: str
    attempt: int
    items: list[LogFile]


class ToolUse(Answer):
    """A tool call with what it came to."""

    position: int
    at: Moment
    id: str
    name: str
    title: str
    tool: str = Field(examples=["execute"])
    command: str
    paths: list[str]
    input: JsonObject
    parent: str
    status: str | None = Field(description="Null: it has no result yet.")
    exit_code: int | None
    output: str
    diff: str
    finished_at: Moment | None


class ToolUses(Answer):
    """Tool calls of an agent's current or last run."""

    task_id: str | None
    attempt_id: str | None
    items: list[ToolUse]
    next_after: int | None = Field(description="`after` for those that follow; null when there are none.")


class ToolsQuery(Query):
    """Which tool calls."""

    after: int = Field(
        default=0, ge=0, le=2**62, description="Calls from this position of the transcript on."
    )
    limit: int = Field(default=200, ge=1, le=1_000)


class Blob(Answer):
    """A kept content."""

    sha256: str
    stored: bool = Field(description="False: it was there already.")
