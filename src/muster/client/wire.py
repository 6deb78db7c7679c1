"""Messages of the calls every claimer makes: claim, heartbeat, record, complete, fail.

They are msgspec structs because these calls are answered before the router; the same
structs give the OpenAPI document its schemas and the client its types. Times are ISO-8601
UTC strings, money is US dollars, durations are seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Meta, Struct, field

from muster.client.wire_hosts import HostFacts, SandboxReport

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Text = Annotated[str, Meta(max_length=4_000)]
LongText = Annotated[str, Meta(max_length=262_144)]
Dollars = Annotated[float, Meta(ge=0, le=1_000_000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
Token = Annotated[str, Meta(min_length=1, max_length=40)]
ExitCode = Annotated[int, Meta(ge=-(2**31), le=2**32 - 1)]
QueueMode = Literal["auto", "manual", "external"]


class ClaimRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Ask for up to `max_tasks` ready tasks. Without `queues` only queues of `modes` are searched."""

    agent_id: Name
    agent_name: Name | None = None
    worker_id: Name | None = None
    queues: Annotated[list[Name], Meta(max_length=100)] | None = None
    """Queue ids or names; named queues are searched whatever their mode."""
    projects: Annotated[list[Name], Meta(max_length=100)] | None = None
    modes: Annotated[list[QueueMode], Meta(max_length=3)] = field(default_factory=lambda: ["external"])
    kinds: Annotated[list[Name], Meta(max_length=20)] | None = None
    capabilities: Annotated[list[Name], Meta(max_length=50)] = []
    max_tasks: Annotated[int, Meta(ge=1, le=100)] = 1
    wait_seconds: Annotated[float, Meta(ge=0, le=60)] = 0


class EarlierAttempt(Struct, kw_only=True):
    """What an earlier attempt of the same task tried, and how it ended."""

    number: int
    state: str
    agent_id: str
    code: str | None = None
    error: str | None = None
    run_by: str | None = None
    """Which program worked, when an agent's run was told of; the rest is for going on where it stopped."""
    session: str | None = None
    branch: str | None = None
    head_commit: str | None = None
    base_commit: str | None = None
    base_branch: str | None = None
    workspace: str | None = None
    """The folder it worked in."""


class ClaimedTask(Struct, kw_only=True):
    """A task in the hands of its claimer. `token` fences every later call on the attempt."""

    task_id: str
    attempt_id: str
    token: str
    number: int
    max_attempts: int
    lease_seconds: float
    """Seconds without a heartbeat after which the attempt is failed by the server."""
    timeout_seconds: float
    claimed_at: str
    title: str
    description: str
    kind: str
    type: str
    task_class: str
    priority: str
    project_id: str
    project: str
    queue_id: str
    queue: str
    instructions: str
    session_id: str | None = None
    context: str = ""
    """What its work session carries, for whoever does the work."""
    parent_id: str | None = None
    working_dir: str | None = None
    payload: dict[str, Any] = {}
    output_schema: dict[str, Any] | None = None
    required_files: list[str] = []
    acceptance_command: str | None = None
    max_test_fix_cycles: int = 0
    network: bool = False
    requires: list[str] = []
    """Labels its worker had to offer: `sandbox:gvisor` demands that isolation level."""
    tags: list[str] = []
    estimated_cost_usd: float = 0
    earlier_attempts: list[EarlierAttempt] = []
    review: str | None = None
    """What a person who reviewed the work so far wants changed: it goes on from there."""
    failing_agents: list[str] = []
    """Of the agents it names, fallbacks too: those whose model provider fails. Its next fallback with another one does it."""


class ClaimAnswer(Struct, kw_only=True):
    """The claimed tasks; empty when none became ready, and then `reason` says why."""

    claims: list[ClaimedTask]
    reason: str | None = None


class Usage(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Tokens of an attempt so far."""

    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_read_tokens: Count = 0
    cache_write_tokens: Count = 0


DirectiveKind = Literal["cancel", "lost", "drain", "answer", "say", "interrupt", "pause", "resume", "console"]
DIRECTIVES: Final = frozenset[str](get_args(DirectiveKind))


class Directive(Struct, kw_only=True, omit_defaults=True):
    """What the server wants of a claimer: `cancel` (stop now), `lost` (the lease is not yours any more), `drain`; or what
    people tell its agent: `answer` (to its request `key`), `say`, `interrupt`, `pause` (stop all its processes where they
    are) and `resume`. These have an `id` and come again until it is named in `delivered`. `console`: somebody opens a shell, the
    console `id`, in the attempt's sandbox; it comes again until its input is asked for."""

    kind: DirectiveKind
    attempt_id: str | None = None
    reason: str | None = None
    id: str | None = None
    key: str | None = None
    option: str | None = None
    option_kind: str | None = None
    text: str = ""


class HeartbeatRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Keep one lease alive."""

    token: Token
    progress: Annotated[float, Meta(ge=0, le=1)] | None = None
    message: Text | None = None
    delivered: Annotated[list[Token], Meta(max_length=100)] = []
    """Ids of directives that the agent has got."""


class HeartbeatAnswer(Struct, kw_only=True):
    """The lease's new end, and what to do."""

    lease_expires_at: str
    directives: list[Directive] = []


class Lease(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One lease in a worker's heartbeat."""

    attempt_id: Token
    token: Token
    progress: Annotated[float, Meta(ge=0, le=1)] | None = None
    message: Text | None = None
    delivered: Annotated[list[Token], Meta(max_length=100)] = []
    """Ids of directives that its agent has got."""


class WorkerHeartbeatRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Presence of a worker and all its leases. Answered at once when there is a directive, else after `wait_seconds`."""

    leases: Annotated[list[Lease], Meta(max_length=1000)] = []
    host: Name | None = None
    pid: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    version: Name | None = None
    capacity: Annotated[int, Meta(ge=0, le=10_000)] = 0
    modes: Annotated[list[QueueMode], Meta(max_length=3)] = []
    queues: Annotated[list[Name], Meta(max_length=100)] | None = None
    kinds: Annotated[list[Name], Meta(max_length=20)] | None = None
    capabilities: Annotated[list[Name], Meta(max_length=50)] = []
    sandbox: Name | None = None
    """Isolation level in force, e.g. `bubblewrap` or `process`."""
    wait_seconds: Annotated[float, Meta(ge=0, le=60)] = 0
    starting: bool = False
    """True on the first call of a process: attempts of an earlier life that it does not name are over."""
    leaving: bool = False
    """True on the last call of a worker that shuts down."""
    facts: HostFacts | None = None
    sandboxes: Annotated[list[SandboxReport], Meta(max_length=1000)] | None = None
    """All that are open; null: nothing is said of them."""


class WorkerHeartbeatAnswer(Struct, kw_only=True):
    """Directives for the worker's leases; a lease that is gone gets `lost` or `cancel`."""

    directives: list[Directive] = []
    disowned: int = 0
    """Attempts that the worker should have been running and was not; they are tried again."""


class RecordLine(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One line of output."""

    text: Annotated[str, Meta(max_length=65_536)]
    stream: Literal["stdout", "stderr", "system"] = "stdout"


class RecordRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Append output lines. `position` is the number of lines sent before; a resent batch is recognised by it and not repeated."""

    token: Token
    position: Count
    lines: Annotated[list[RecordLine], Meta(min_length=1, max_length=1_000)]


class RecordAnswer(Struct, kw_only=True):
    """Lines kept so far: the position of the next batch."""

    position: int


class CompleteRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The attempt succeeded. With `next` the same call claims the next task in the same transaction."""

    token: Token
    output: LongText | None = None
    result: dict[str, Any] | None = None
    """Structured output, checked against the task's `output_schema` when it has one."""
    exit_code: ExitCode | None = None
    cost_usd: Dollars = 0
    usage: Usage | None = None
    sandbox: Name | None = None
    next: ClaimRequest | None = None


class FailRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The attempt failed. `code` is one of the documented failure codes; it decides whether the task is retried."""

    token: Token
    code: Name = "agent_error"
    message: LongText = ""
    retry_after_seconds: Annotated[float, Meta(ge=0, le=2_678_400)] = 0
    """It is not tried again sooner: when the provider's quota opens again, for example."""
    output: LongText | None = None
    exit_code: ExitCode | None = None
    cost_usd: Dollars = 0
    usage: Usage | None = None
    sandbox: Name | None = None
    next: ClaimRequest | None = None


class FinishAnswer(Struct, kw_only=True):
    """How the task stands after the attempt ended, and the next claim if one was asked for and there was one."""

    task_id: str
    state: str
    ready_at: str | None = None
    next: ClaimAnswer | None = None
