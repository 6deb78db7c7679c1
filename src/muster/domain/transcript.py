"""The transcript: what an agent says, does, asks and costs, in one shape for every agent.

The shape follows the Agent Client Protocol (agentclientprotocol.com, protocol 1). An entry is
one thing that happened, in order. Entries are made by the agents' parsers, which do no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final, Literal

from muster.domain.usage import TokenUsage

Role = Literal["agent", "user", "system"]
ToolStatus = Literal["completed", "failed", "denied", "cancelled"]


class ToolKind(StrEnum):
    """What a tool does, whatever its agent calls it."""

    READ = "read"
    EDIT = "edit"
    DELETE = "delete"
    MOVE = "move"
    SEARCH = "search"
    EXECUTE = "execute"
    THINK = "think"
    FETCH = "fetch"
    OTHER = "other"


class OptionKind(StrEnum):
    """What choosing an option of a permission request means."""

    ALLOW_ONCE = "allow_once"
    ALLOW_ALWAYS = "allow_always"
    REJECT_ONCE = "reject_once"
    REJECT_ALWAYS = "reject_always"
    CHOICE = "choice"
    """An answer to a question; neither allows nor rejects."""


class ChangeKind(StrEnum):
    """What happened to a file."""

    CREATED = "created"
    MODIFIED = "modified"
    DELETED = "deleted"
    RENAMED = "renamed"


@dataclass(slots=True)
class Entry:
    """One thing an agent said or did."""

    kind: ClassVar[str] = ""


@dataclass(slots=True)
class SessionStarted(Entry):
    """The agent's own session is there: what it is called there, and what the agent says of itself."""

    kind: ClassVar[str] = "session"
    session: str
    model: str = ""
    version: str = ""
    mode: str = ""
    """The agent's permission mode, in its own words."""
    tools: list[str] = field(default_factory=list[str])
    mcp: dict[str, str] = field(default_factory=dict[str, str])
    """MCP servers and how they stand: a dead one is told of here and nowhere else."""


@dataclass(slots=True)
class Message(Entry):
    """Words. With `more` the next entry of this kind and role goes on with the same message."""

    kind: ClassVar[str] = "message"
    text: str
    role: Role = "agent"
    more: bool = False
    parent: str = ""
    """The tool call of a sub-agent that it belongs to."""


@dataclass(slots=True)
class Thinking(Entry):
    """What the model thought, as far as it is told."""

    kind: ClassVar[str] = "thinking"
    text: str
    more: bool = False
    parent: str = ""


@dataclass(slots=True)
class ToolCall(Entry):
    """A tool is called. A second entry with the same `id` replaces the first: some agents say more later."""

    kind: ClassVar[str] = "tool_call"
    id: str
    name: str
    title: str = ""
    tool: ToolKind = ToolKind.OTHER
    input: dict[str, Any] = field(default_factory=dict[str, Any])
    command: str = ""
    """The command line, when it runs one."""
    paths: list[str] = field(default_factory=list[str])
    """Files it names."""
    parent: str = ""


@dataclass(slots=True)
class ToolResult(Entry):
    """What a tool call came to. With `more` it is a piece of output of one that still runs."""

    kind: ClassVar[str] = "tool_result"
    id: str
    status: ToolStatus = "completed"
    output: str = ""
    exit_code: int | None = None
    diff: str = ""
    """A unified diff, when the agent gives one. File changes are taken from git, not from here."""
    more: bool = False
    parent: str = ""


@dataclass(slots=True)
class PlanItem:
    """A step of a plan."""

    text: str
    status: Literal["pending", "in_progress", "completed"] = "pending"
    priority: Literal["high", "medium", "low"] = "medium"


@dataclass(slots=True)
class Plan(Entry):
    """The agent's plan as it is now; it replaces the one before."""

    kind: ClassVar[str] = "plan"
    items: list[PlanItem]


@dataclass(slots=True)
class UsageReport(Entry):
    """What the agent says it used: a cross-check, never the ledger. None where it says nothing."""

    kind: ClassVar[str] = "usage"
    usage: TokenUsage | None = None
    total: bool = False
    """True: for the whole session so far; false: to be added to what was reported before."""
    cost_usd: float | None = None
    context_used: int | None = None
    context_window: int | None = None
    model: str = ""


@dataclass(slots=True)
class Option:
    """One possible answer. `id` is the agent's own."""

    id: str
    label: str
    kind: OptionKind


@dataclass(slots=True)
class PermissionRequest(Entry):
    """The agent waits for leave to use a tool. `id` names the request in the conversation."""

    kind: ClassVar[str] = "permission"
    id: str
    title: str
    tool: str = ""
    tool_call: str = ""
    command: str = ""
    """The exact command line, when it is one."""
    diff: str = ""
    """The exact change, when it is one and the agent shows it."""
    input: dict[str, Any] = field(default_factory=dict[str, Any])
    options: list[Option] = field(default_factory=list[Option])


@dataclass(slots=True)
class Question(Entry):
    """The agent waits for an answer in words, or for one of `options`."""

    kind: ClassVar[str] = "question"
    id: str
    text: str
    options: list[Option] = field(default_factory=list[Option])


@dataclass(slots=True)
class FileChange(Entry):
    """The agent says that it changed a file. Its word is shown; git decides."""

    kind: ClassVar[str] = "file_change"
    path: str
    change: ChangeKind
    old_path: str = ""
    diff: str = ""
    tool_call: str = ""


@dataclass(slots=True)
class Problem(Entry):
    """Something went wrong. `code` is a failure code of the engine; with `retrying` the agent goes on by itself."""

    kind: ClassVar[str] = "error"
    code: str
    message: str
    retrying: bool = False
    status: int | None = None
    """The provider's HTTP status."""
    resets_at: float | None = None
    """When a quota window opens again, in seconds since the epoch, if the provider said so."""


@dataclass(slots=True)
class TurnEnded(Entry):
    """A turn is over. `ok` is what the agent claims; whether the attempt succeeded is judged from all signs."""

    kind: ClassVar[str] = "result"
    ok: bool
    text: str = ""
    reason: str = ""
    """In the agent's own words: `end_turn`, `max_turns`, `cancelled`, ..."""
    turns: int | None = None


@dataclass(slots=True)
class Unknown(Entry):
    """A line this version does not know. It is kept and shown, and changes nothing."""

    kind: ClassVar[str] = "unknown"
    line: str


ENTRIES: Final[tuple[type[Entry], ...]] = (
    SessionStarted,
    Message,
    Thinking,
    ToolCall,
    ToolResult,
    Plan,
    UsageReport,
    PermissionRequest,
    Question,
    FileChange,
    Problem,
    TurnEnded,
    Unknown,
)
