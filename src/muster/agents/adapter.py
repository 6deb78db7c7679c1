"""The contract of an agent: how it is started, and how one talks with it. Nothing here does I/O.

An adapter is two pure halves. `command` says which program to start; `converse` gives the
conversation with it: bytes in, entries and bytes out, in the manner of a protocol library. The
worker owns the pipes, the clock and the sandbox. Every adapter is tested on recorded streams of
the real program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol

from muster.domain.errors import MusterError
from muster.domain.transcript import Entry, OptionKind
from muster.domain.usage import TokenUsage


class BadAgentSpec(MusterError):
    """{field}: {problem}. Change the task and requeue it."""

    code = "bad_payload"


class AgentMissing(MusterError):
    """Agent {agent} is not installed on this worker: {problem}. Install it and requeue the task."""

    code = "agent_missing"


class Dialect(StrEnum):
    """Which of the gateway's dialects an agent speaks."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    GEMINI = "gemini"


class Permissions(StrEnum):
    """What the agent may do without asking. Whatever is not covered is asked, or denied where nobody can be asked."""

    READ = "read"
    """Nothing but reading."""
    ASK = "ask"
    """Reads freely, asks for the rest."""
    EDIT = "edit"
    """Changes files below the working directory freely, asks for commands and all else."""
    FULL = "full"
    """Everything: the sandbox is the bound. The default, as nobody sits beside a queued task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAccess:
    """The way to models: base URLs by dialect as seen inside the sandbox, and the run's token that stands in for a key.

    The dialects' base URLs are without the API's own path: the Anthropic one takes `/v1/messages`, the OpenAI one
    (which ends in `/v1`) takes `/chat/completions` and `/responses`, the Gemini one takes `/v1beta/models/...`.
    """

    urls: Mapping[Dialect, str]
    token: str
    telemetry: str = ""
    """Where OpenTelemetry (OTLP over HTTP) is taken: the base URL, without `/v1/...`; empty: nowhere."""
    trace: str = ""
    """The W3C `traceparent` of the attempt, for agents that go on with one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """A tool server the agent may use: by URL (streamable HTTP) or by command line (stdio)."""

    name: str
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    argv: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    seconds: float | None = None
    """How long a call of its tools may take; None: as the agent has it. For agents whose profile is `patient`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """What an attempt wants of an agent. Paths are as seen inside the sandbox."""

    prompt: str
    working_dir: Path
    home: Path
    """HOME of the agent: its settings and sessions. Private to the task, kept over its attempts."""
    program: Sequence[str]
    """How the agent's program is started here, e.g. `("/opt/agents/claude",)`; found by `agents.detect`."""
    python: str = "python3"
    """An interpreter inside the sandbox, for the agents that ship with muster."""
    model: str | None = None
    system_prompt: str = ""
    """Appended to the agent's own."""
    permissions: Permissions = Permissions.FULL
    tools: Sequence[str] | None = None
    """Names of tools it may use, in the agent's own words; None for all."""
    mcp: Sequence[McpServer] = ()
    access: ModelAccess | None = None
    """None: the agent uses its own sign-in and its own way out."""
    session: str | None = None
    """Go on with this session of the agent."""
    fork: bool = False
    """Go on in a copy of `session`."""
    max_turns: int | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What only this adapter knows (`payload.agent_options`); it refuses what it does not know with BadAgentSpec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCommand:
    """What to start. `files` are written first (below `home` or the scratch folder), with mode 0600."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[Path, str] = field(default_factory=dict[Path, str])
    interactive: bool = False
    """Standard input stays open: the conversation goes on over it. Otherwise it is empty."""


@dataclass(slots=True)
class Step:
    """What came of some bytes: entries in order, bytes to write to the agent's standard input, and whether its turn ended."""

    entries: list[Entry] = field(default_factory=list[Entry])
    send: bytes = b""
    turn_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A person's (or a rule's) answer to a request. `option` is the id of one the agent offered, or None for words alone.

    `kind` always says what is meant, so that an adapter can choose by it when the agent's ids differ.
    """

    kind: OptionKind
    option: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the agent's program ended: exit `code` or `signal`, and whether it was stopped by us."""

    code: int | None = None
    signal: int | None = None
    stopped: Literal["", "cancelled", "timeout", "limit"] = ""
    stderr: str = ""
    """The end of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How the attempt ended, judged from all signs together: exit status, results, errors, what was said.

    `code` and `message` are a failure code of `domain.failure` and words, empty when `ok`.
    """

    ok: bool
    code: str = ""
    message: str = ""
    text: str = ""
    """The agent's last word."""
    session: str | None = None
    usage: TokenUsage | None = None
    """The agent's own total, as a cross-check of the gateway's."""
    cost_usd: float | None = None
    resets_at: float | None = None
    """When a used-up quota opens again, in seconds since the epoch."""


class Unsupported(MusterError):
    """Agent {agent} cannot {what}."""

    code = "unsupported"


class Conversation(Protocol):
    """One run of an agent's program, from its first byte to its end. It is fed in order and never raises on what the
    program writes: what it cannot read becomes an `Unknown` entry."""

    def start(self) -> bytes:
        """What to write to the program's standard input first."""
        ...

    def feed(self, data: bytes) -> Step:
        """Standard output, in pieces of any size."""
        ...

    def feed_error(self, data: bytes) -> Step:
        """Standard error."""
        ...

    def answer(self, request: str, answer: Answer) -> Step:
        """Answer a permission request or question by its `id`. An unknown or settled one gives an empty step."""
        ...

    def say(self, text: str) -> Step:
        """A follow-up message; after `turn_over` it begins the next turn. Unsupported where the agent takes none."""
        ...

    def interrupt(self) -> Step:
        """Ask the agent to stop its turn. An empty step where there is no way: then signals are used."""
        ...

    def finish(self, ended: Ended) -> tuple[Step, Verdict]:
        """The program is gone: what was still in the buffers, and the judgement."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is known of an agent before it runs."""

    name: str
    """Its word in `payload.agent`, e.g. `claude`."""
    title: str
    driver: Literal["native", "acp", "command", "shipped"]
    programs: Sequence[str] = ()
    """Names its program may have on PATH, the usual one first. Empty for those that ship with muster."""
    version: Sequence[str] = ("--version",)
    """Arguments that make it print its version."""
    dialects: Sequence[Dialect] = ()
    """What it can be pointed at by a base URL; the first is used. Empty: it calls no model through the gateway."""
    provider: str = ""
    """The provider it uses unless told otherwise: `anthropic`, `openai`, `google`."""
    key_variables: Sequence[str] = ()
    """Environment variables with a key, any of which signs it in."""
    sign_in_files: Sequence[str] = ()
    """Files below HOME any of which says that it is signed in."""
    asks: bool = False
    """Permission requests reach us and are answered."""
    follow_ups: bool = False
    resumes: bool = False
    forks: bool = False
    patient: bool = False
    """It can be told how long a call of a tool may take (`McpServer.seconds`)."""
    models: Sequence[str] = ()
    """Names it is known to take; for show."""


class Adapter(Protocol):
    """An agent."""

    @property
    def profile(self) -> Profile:
        """What it is and can."""
        ...

    def command(self, spec: AgentSpec) -> AgentCommand:
        """What to start for an attempt. BadAgentSpec when it cannot be done."""
        ...

    def converse(self, spec: AgentSpec) -> Conversation:
        """A new conversation with the program that `command` starts."""
        ...
