"""Messages about runs: describing one, its transcript, its calls to models, the files it changed.

All are fenced by the attempt's token, and taken for a minute after the attempt's end too.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from muster.client.wire import Count, Dollars, Name, Token
from muster.client.wire_transcript import AnyEntry

Line = Annotated[str, Meta(max_length=4_096, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Path = Annotated[str, Meta(min_length=1, max_length=4_096, pattern=r"^[^\x00]+$")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Millis = Annotated[float, Meta(ge=0, le=1_000_000_000)]
Commit = Annotated[str, Meta(pattern=r"^[0-9a-f]{4,64}\Z")]


class ToldTotals(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the agent says by its telemetry that it used. Null: it does not say."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cost_usd: Dollars | None = None


class ReportedTotals(ToldTotals, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the agent itself says it used so far: in its stream, and by its telemetry. Null: it does not say."""

    telemetry: ToldTotals | None = None


class RunRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What is known of a run now. The first call makes the run and must name the agent; what is left out stays."""

    token: Token
    agent: Name | None = None
    """Which program works: `claude`, `codex`, `scripted`, ..."""
    model: Line | None = None
    session: Line | None = None
    """The agent's own id of its session."""
    branch: Line | None = None
    base_commit: Commit | None = None
    head_commit: Commit | None = None
    workspace: Line | None = None
    """Path of the working copy on the worker's host."""
    workspace_kind: Literal["overlay", "reflink", "checkout", "in_place", "scratch"] | None = None
    base_branch: Line | None = None
    """The branch the work began at."""
    pushed_to: Line | None = None
    """URL of the remote that has the branch, without credentials."""
    pull_request: Line | None = None
    """URL of the open pull request."""
    role: Name | None = None
    """Who the agent was told to be."""
    role_version: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    """The version of the role it was told."""
    context_used: Count | None = None
    context_window: Count | None = None
    reported: ReportedTotals | None = None


class RunAnswer(Struct, kw_only=True):
    """How much of the run is kept: where its transcript goes on."""

    position: int


class TranscriptRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Append entries. `position` is the number of entries sent before; a resent batch is recognised by it and not
    repeated. Texts beyond 65536 characters are cut, with a mark that says how much."""

    token: Token
    position: Count
    entries: Annotated[list[AnyEntry], Meta(min_length=1, max_length=1_000)]


class EncodedTranscript(Struct, kw_only=True):
    """A TranscriptRequest whose entries are JSON text already, as senders make it."""

    token: str
    position: int
    entries: list[msgspec.Raw]


class TranscriptAnswer(Struct, kw_only=True):
    """Entries kept so far: the position of the next batch."""

    position: int


class ModelCallReport(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One call to a model, when it is over. `key` is the gateway's own; a call sent again is recognised by it."""

    key: Name
    at: Annotated[str, Meta(max_length=40)]
    """When it began, ISO-8601."""
    provider: Name
    model: Line
    dialect: Name
    """How it was spoken to: `anthropic`, `openai-responses`, `openai-chat`, `gemini`, ..."""
    status: Annotated[int, Meta(ge=100, le=599)] | None = None
    """HTTP status; null when there was no answer."""
    duration_ms: Millis = 0
    first_byte_ms: Millis | None = None
    input_tokens: Count = 0
    """Without those read from or written to a cache."""
    output_tokens: Count = 0
    cache_read_tokens: Count = 0
    cache_write_tokens: Count = 0
    reasoning_tokens: Count = 0
    """Part of `output_tokens`."""
    cost_usd: Dollars | None = None
    """Must be given when `pricing` is `priced`."""
    pricing: Literal["priced", "free", "unpriced"] = "unpriced"
    price_version: Line | None = None
    error: Annotated[str, Meta(max_length=4_000)] | None = None
    trace_id: Line | None = None
    request_blob: Digest | None = None
    answer_blob: Digest | None = None


class CallsRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Keep and count calls to models."""

    token: Token
    calls: Annotated[list[ModelCallReport], Meta(min_length=1, max_length=1_000)]


class CallsAnswer(Struct, kw_only=True):
    """How many of the calls were new."""

    recorded: int


class FileChangeReport(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A file the attempt changed, as git tells it. `path` is relative to the working copy."""

    path: Path
    change: Literal["created", "modified", "deleted", "renamed"]
    old_path: Path | None = None
    additions: Count | None = None
    deletions: Count | None = None
    binary: bool = False
    outside: bool = False
    """Not among the files the task may change."""
    before_blob: Digest | None = None
    after_blob: Digest | None = None
    diff_blob: Digest | None = None


class FilesRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The files the attempt changed: these and no others. Replaces what was told before."""

    token: Token
    files: Annotated[list[FileChangeReport], Meta(max_length=20_000)]


class FilesAnswer(Struct, kw_only=True):
    """How many files are kept."""

    files: int
