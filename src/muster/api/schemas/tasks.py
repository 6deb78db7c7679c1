"""Shapes of tasks, their attempts, output and history."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from muster.api.schemas.runs import Run
from muster.api.schemas.shape import (
    Answer,
    Body,
    Dollars,
    JsonObject,
    LongText,
    Moment,
    Name,
    PageQuery,
    Query,
    Text,
    Title,
    Word,
    absent,
)

Kind = Literal["bash", "python", "command", "prompt", "manual", "llm"]
Type = Literal["feature_implementation", "bug_fix", "code_review", "documentation", "custom"]
Review = Literal["none", "pending", "approved", "changes_requested", "rejected", "unseen"]
State = Literal["blocked", "backoff", "ready", "running", "succeeded", "failed", "cancelled"]
PriorityName = Literal["urgent", "high", "medium", "low"]
Path = Annotated[str, StringConstraints(min_length=1, max_length=4_096, pattern=r"^[^\x00]+$")]
AbsolutePath = Annotated[str, StringConstraints(min_length=1, max_length=4_096, pattern=r"^/[^\x00]*$")]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.:=/-]+$")]
Key = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
TaskTimeout = Annotated[float, Field(gt=0, le=604_800, examples=[300])]

DEPENDENCIES = 1_000
BULK = 1_000


class Retry(Body):
    """How often a task is tried, and the wait in between: base * factor^(n-1), at most max, spread by +/- jitter."""

    max_attempts: int = Field(default=3, ge=1, le=100)
    base_seconds: Seconds = 2.0
    factor: float = Field(default=2.0, ge=1, le=10)
    max_seconds: Seconds = 300.0
    jitter: float = Field(default=0.2, ge=0, le=1, description="A share of the wait.")


class TaskFields(Body):
    """What every way of queueing a task takes."""

    description: LongText = ""
    type: Type = "custom"
    priority: PriorityName = "medium"
    tags: list[Tag] = Field(default=[], max_length=50)
    queue: Name | None = Field(
        default=None,
        description="Id or name. Default: the assigned agent's queue; else by kind: bash, python, command `default`; "
        "manual `by-hand`; llm and a prompt with an agent or a role `agents`; another prompt `inbox`.",
    )
    project: Name | None = Field(
        default=None, description="Id or name. Default: the queue's project, else `default`."
    )
    session_id: Name | None = None
    parent_id: Name | None = None
    depends_on: list[Name] = Field(
        default=[], max_length=DEPENDENCIES, description="Ids of tasks; in a bulk request also `#key`."
    )
    task_class: Name = "MEDIUM_SCRIPT"
    timeout_seconds: TaskTimeout | None = Field(default=None, description="Default: the class's.")
    assigned_to: Name | None = Field(default=None, description="The one agent that may take it.")
    requires: list[Label] = Field(
        default=[], max_length=50, description="Labels a claimer must have among its capabilities."
    )
    working_dir: AbsolutePath | None = Field(
        default=None, description="An absolute path on the worker's host."
    )
    network: bool | None = Field(
        default=None, description="Whether its sandbox may use the network; null: as its class says."
    )
    output_schema: JsonObject | None = Field(
        default=None, description="JSON schema (2020-12) the result must fit."
    )
    required_files: list[Path] = Field(
        default=[],
        max_length=100,
        description="Files it must leave behind, relative to the working directory.",
    )
    acceptance_command: Text | None = None
    max_test_fix_cycles: int = Field(default=0, ge=0, le=100)
    retry: Retry = Retry()
    estimated_cost_usd: Dollars = 0.0
    ready_at: Moment | None = Field(default=None, description="Not before this time.")
    idempotency_key: Name | None = Field(
        default=None, description="A second request with the same key and body answers the first one's task."
    )


def _payloads() -> JsonObject:
    """The payload's shape by kind, as JSON schema says it."""
    text = {"type": "string"}
    script = {"anyOf": [{"required": ["script"]}, {"required": ["path"]}]}
    words = {"type": "array", "minItems": 1, "items": text}
    shapes: dict[str, JsonObject] = {
        "bash": {**script, "properties": {"script": text, "path": text}},
        "python": {**script, "properties": {"script": text, "path": text}},
        "command": {"required": ["argv"], "properties": {"argv": words}},
    }
    return {
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"required": ["payload"], "properties": {"payload": shape}},
            }
            for kind, shape in shapes.items()
        ]
    }


class TaskCreate(TaskFields):
    """A task to queue.

    `payload` by kind: bash and python `{script}` or `{path, args?}`; command `{argv}`; all of these may have `env`,
    `inputs`, `stdin`, `limits {memory_mb, cpu_seconds, processes, file_mb}`;
    manual, and prompt without `agent` or `role`: anything; llm, and prompt with one of these: see docs/reference/agent-tasks.md.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Run the unit tests",
                    "kind": "bash",
                    "payload": {"script": "make test"},
                    "working_dir": "/home/me/project",
                    "priority": "high",
                    "tags": ["ci"],
                }
            ],
            **_payloads(),
        }
    )

    title: Title
    kind: Kind = "prompt"
    payload: JsonObject = Field(default={})


class ScriptEnqueue(TaskFields):
    """Values for a script, and how to queue it. What is left out comes from the script's header."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": {"name": "world"}}]})

    inputs: JsonObject = Field(default={}, description="Its inputs, by name.")
    title: Title | None = None


class BulkTask(TaskCreate):
    """A task of a bulk request. `key` names it inside the request: others depend on it as `#key`."""

    key: Key | None = None


class BulkCreate(Body):
    """Tasks to queue: all of them or none."""

    tasks: list[BulkTask] = Field(min_length=1, max_length=BULK)


class TaskPatch(Body):
    """Fields to change. While the task runs only title, description, type, tags and priority may change; once it is
    finished, not where and after what it runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"priority": "urgent"}]})

    title: Title = Field(default_factory=absent)
    description: LongText = Field(default_factory=absent)
    type: Type = Field(default_factory=absent)
    priority: PriorityName = Field(default_factory=absent)
    tags: list[Tag] = Field(default_factory=absent, max_length=50)
    kind: Kind = Field(default_factory=absent)
    payload: JsonObject = Field(default_factory=absent)
    queue: Name = Field(default_factory=absent)
    project: Name = Field(default_factory=absent)
    session_id: Name | None = None
    parent_id: Name | None = None
    depends_on: list[Name] = Field(default_factory=absent, max_length=DEPENDENCIES)
    task_class: Name = Field(default_factory=absent)
    timeout_seconds: TaskTimeout | None = None
    assigned_to: Name | None = None
    requires: list[Label] = Field(default_factory=absent, max_length=50)
    working_dir: AbsolutePath | None = None
    network: bool = Field(default_factory=absent)
    output_schema: JsonObject | None = None
    required_files: list[Path] = Field(default_factory=absent, max_length=100)
    acceptance_command: Text | None = None
    max_test_fix_cycles: int = Field(default_factory=absent, ge=0, le=100)
    retry: Retry = Field(default_factory=absent)
    estimated_cost_usd: Dollars = Field(default_factory=absent)
    ready_at: Moment | None = None


class Reason(Body):
    """Why, in words; kept with the task."""

    reason: Text = ""


class RetryPolicy(Answer):
    """How often a task is tried, and the wait in between."""

    max_attempts: int
    base_seconds: float
    factor: float
    max_seconds: float
    jitter: float


class Waiting(Answer):
    """Why a task waits: a code of `/waiting-reasons`, words, and what the code is about."""

    code: str = Field(examples=["queue_paused"])
    message: str = Field(examples=["queue default is paused"])
    details: JsonObject


class Attempt(Answer):
    """One run of a task."""

    id: str = Field(examples=["att_0dq3m8x1c7w00"])
    number: int
    state: Literal["running", "succeeded", "failed", "cancelled"]
    agent_id: str
    worker_id: str | None
    sandbox: str | None = Field(description="The isolation level that was in force.")
    claimed_at: Moment
    heartbeat_at: Moment
    finished_at: Moment | None
    code: str | None = Field(description="A failure code, of `/failure-codes`.")
    error: str | None
    output: str | None
    result: Any
    exit_code: int | None
    cost_usd: float
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    progress: float | None
    message: str | None = Field(description="What the claimer last said it does.")
    lines: int = Field(description="Lines of output recorded.")
    paused: bool = Field(description="A person let its agent stand still; its time limit stands still too.")
    run: Run | None = Field(description="The work of an agent; null when none was told of.")


class TaskRow(Answer):
    """A task in a list; long texts are cut."""

    id: str = Field(examples=["tsk_0dq3m8x1c7w00"])
    title: str
    kind: Kind
    type: str
    task_class: str
    timeout_seconds: float
    state: State
    paused: bool = Field(description="A person lets the agent at work on it stand still.")
    review: Review = Field(
        description="How its present result stands with people; pending: it waits for a verdict; "
        "unseen: it left commits nobody looked at, and nothing waits for that."
    )
    priority: PriorityName
    project_id: str
    project: str
    queue_id: str
    queue: str
    session_id: str | None
    parent_id: str | None
    depends_on: list[str]
    blocks: int = Field(description="Open tasks that wait for it.")
    tags: list[str]
    requires: list[str]
    network: bool
    working_dir: str | None
    assigned_to: str | None
    agent_id: str | None = Field(description="Who has it, or had it last.")
    attempts: int
    max_attempts: int
    estimated_cost_usd: float
    actual_cost_usd: float
    idempotency_key: str | None
    waiting: Waiting | None
    output: str | None = Field(description="The latest attempt's.")
    error: str | None = Field(description="The latest attempt's.")
    stale: Literal["warned", "auto_failed", "timed_out"] | None
    created_at: Moment
    updated_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    ready_at: Moment | None
    archived_at: Moment | None


class Task(TaskRow):
    """A task with everything about it."""

    description: str
    instructions: str = Field(description="The queue's, for whoever does the work.")
    payload: JsonObject
    output_schema: JsonObject | None
    required_files: list[str]
    acceptance_command: str | None
    max_test_fix_cycles: int
    retry: RetryPolicy
    attempt: Attempt | None = Field(description="The latest one.")


class TaskQuery(PageQuery):
    """Which tasks; every parameter narrows."""

    state: list[State] | None = Field(default=None, max_length=7, description="May be given several times.")
    review: list[Review] | None = Field(
        default=None, max_length=6, description="How results stand with people; may be given several times."
    )
    queue: Word | None = Field(default=None, description="Id or name.")
    project: Word | None = Field(default=None, description="Id or name.")
    session: Word | None = None
    agent: Word | None = None
    type: Word | None = None
    kind: Kind | None = None
    tag: Word | None = None
    parent: Word | None = None
    depends_on: Word | None = Field(default=None, description="Only tasks that depend on this one.")
    stuck: bool = Field(
        default=False,
        description="true: only open tasks that wait for one that failed, was cancelled or was rejected.",
    )
    q: Word | None = Field(default=None, description="Words of title, description or tags.")
    archived: bool = Field(default=False, description="true: only archived tasks; they are hidden else.")
    created_after: Moment | None = None
    created_before: Moment | None = None
    ended_after: Moment | None = Field(
        default=None, description="Only tasks an attempt of which ended after this time."
    )
    order: Literal["newest", "oldest", "queue"] = Field(
        default="newest", description="queue: as the work will be handed out."
    )


class EventQuery(Query):
    """Which events of a task."""

    after: int = Field(default=0, ge=0, le=2**62, description="Only events behind this position.")
    limit: int = Field(default=50, ge=1, le=1_000)


class LogQuery(Query):
    """Which lines of a task's output."""

    attempt: int | None = Field(
        default=None, ge=1, le=100_000, description="Its number; default: the latest."
    )
    after: int = Field(default=0, ge=0, le=2**62, description="Lines from this position on.")
    limit: int = Field(default=200, ge=1, le=1_000)
    tail: int | None = Field(default=None, ge=1, le=1_000, description="The last lines instead.")
    wait_seconds: float = Field(
        default=0,
        ge=0,
        le=60,
        description="When there is no line yet and the attempt is not over, wait so long for one.",
    )


class TaskList(Answer):
    """Tasks, in the order asked for. null in `next_cursor`: that was the last page."""

    items: list[TaskRow]
    next_cursor: str | None


class TasksMade(Answer):
    """The tasks of a bulk request, in its order."""

    items: list[TaskRow]


class AttemptList(Answer):
    """All attempts of a task, in order."""

    items: list[Attempt]
    next_cursor: None = None


class Event(Answer):
    """A fact of the log."""

    seq: int = Field(description="Position in the log.")
    at: Moment
    kind: str = Field(examples=["attempt.started"])
    task_id: str | None
    attempt_id: str | None
    agent_id: str | None
    project_id: str | None
    amount_usd: float | None
    data: JsonObject


class EventList(Answer):
    """Events in the order they happened."""

    items: list[Event]
    next_cursor: str | None


class LogLine(Answer):
    """One line of output."""

    position: int = Field(description="Number of the line, from 0.")
    stream: Literal["stdout", "stderr", "system"]
    text: str
    at: Moment


class LogPage(Answer):
    """Lines of one attempt's output. Positions missing in between were dropped to keep the output within its limit."""

    attempt: int = Field(description="Number of the attempt; 0: there was none yet.")
    items: list[LogLine]
    next_after: int = Field(description="The `after` of the next page.")
    total: int = Field(description="Lines recorded so far.")
    finished: bool = Field(description="Whether the attempt is over.")


class PurgeRequest(Body):
    """Which finished tasks to remove."""

    older_than_days: float | None = Field(default=None, ge=0, le=36_500, description="Default: the setting.")
    dry_run: bool = False
    archived: bool = Field(default=False, description="Archived tasks too.")


class ArchiveRequest(Body):
    """Finished tasks to put out of sight: all of them or none."""

    task_ids: list[Name] = Field(min_length=1, max_length=BULK, examples=[["tsk_0dq3m8x1c7w00"]])
    reason: Text = ""


class RequeueRequest(Body):
    """Finished tasks to put back into their queues: all of them or none."""

    task_ids: list[Name] = Field(min_length=1, max_length=BULK, examples=[["tsk_0dq3m8x1c7w00"]])
    reason: Text = ""


class Requeued(Answer):
    """How many tasks were put back."""

    requeued: int


class TaskMove(Body):
    """Where in its queue a waiting task goes: right before or right after another one that waits there."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"before": "tsk_0dq3m8x1c7w00"}],
            "oneOf": [{"required": ["before"]}, {"required": ["after"]}],
        }
    )

    before: Name = Field(default_factory=absent)
    after: Name = Field(default_factory=absent)


class Archived(Answer):
    """How many tasks were put out of sight that were not before."""

    archived: int


class Purged(Answer):
    """How many tasks were removed, or would be."""

    purged: int
    dry_run: bool
