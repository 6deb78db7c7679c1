"""Shapes of agents, workers and activities."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from muster.api.schemas.runs import Tokens
from muster.api.schemas.shape import (
    Answer,
    Body,
    EntityName,
    Moment,
    Name,
    PageQuery,
    Query,
    Text,
    Word,
    absent,
)
from muster.api.schemas.tasks import Event, State

AgentId = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x20\x7f-\xa0\xad/]([^\x00-\x1f\x7f-\xa0\xad/]*[^\x00-\x20\x7f-\xa0\xad/])?$",
    ),
]
_LINE = r"^[^\x00-\x20\x7f-\xa0\xad]([^\x00-\x1f\x7f-\xa0\xad]*[^\x00-\x20\x7f-\xa0\xad])?$"
ActivityType = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_LINE)]
ActivityTitle = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_LINE)]
Reported = Literal["online", "offline", "error"]


class AgentRegister(Body):
    """An agent. The same id again updates it; without an id the name is the id."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": "agent-main", "name": "Main", "model": "sonnet"}]}
    )

    name: EntityName
    id: AgentId | None = None
    model: Name | None = None
    status: Reported | None = None
    max_tokens: int | None = Field(default=None, ge=0, le=1_000_000_000_000)


class AgentPatch(Body):
    """Fields to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "offline"}]})

    name: EntityName = Field(default_factory=absent)
    model: Name = Field(default_factory=absent)
    status: Reported = Field(default_factory=absent)
    max_tokens: int = Field(default_factory=absent, ge=0, le=1_000_000_000_000)
    memory_bytes: int = Field(default_factory=absent, ge=0, le=1_000_000_000_000_000)


class AgentRecord(Answer):
    """How an agent does. `tasks` are those it worked on last and that are kept; all else is of the newest of them."""

    tasks: int = Field(description="1000 at most.")
    looked_at: int = Field(description="The newest tasks, which all that follows is of; 200 at most.")
    succeeded: int
    failed: int
    cancelled: int
    cost_usd: float
    median_cost_usd: float | None = Field(description="Of tasks that ended; null without any.")
    median_seconds: float | None = Field(description="How long those that ended took.")


class Agent(Answer):
    """Who does the work. Busy: it has a running task."""

    id: str = Field(examples=["agent-main"])
    name: str
    status: Literal["online", "offline", "busy", "error"]
    model: str
    max_tokens: int
    tokens_used: int
    sessions_count: int
    memory_bytes: int
    current_task_id: str | None
    last_active_at: Moment
    created_at: Moment
    updated_at: Moment
    record: AgentRecord | None = Field(description="In a list only with `record=true`.")


class Used(Answer):
    """What was used."""

    tokens: Tokens
    cost_usd: float
    calls: int = Field(description="Metered calls to models.")
    unpriced_calls: int = Field(description="Those whose price nobody knows; `cost_usd` leaves them out.")


class ModelUse(Used):
    """What an agent used of a model."""

    provider: str = Field(examples=["anthropic"])
    model: str


class TaskUse(Used):
    """What an agent used for a task, in all its attempts."""

    task_id: str
    title: str
    state: State
    claimed_at: Moment = Field(description="When its newest attempt began.")


class AgentUsage(Answer):
    """What an agent used for its newest tasks."""

    looked_at: int = Field(description="How many tasks these are.")
    more: bool = Field(description="It has older ones.")
    unmetered_cost_usd: float = Field(
        description="The part of the cost that no call was metered for: what agents said themselves."
    )
    models: list[ModelUse] = Field(description="The dearest first.")
    tasks: list[TaskUse] = Field(description="Those it worked on last first.")


class AgentUsageQuery(Query):
    """How far back."""

    limit: int = Field(default=100, ge=1, le=500, description="Newest tasks that are looked at.")


class AgentList(Answer):
    """Agents by id."""

    items: list[Agent]
    next_cursor: str | None


class WorkerGpu(Answer):
    """A graphics processor. Bytes; null where the driver does not tell."""

    name: str
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None


class WorkerAgent(Answer):
    """An agent installed on a host."""

    name: str
    title: str = ""
    version: str = ""
    signed_in: bool = Field(default=False, description="It can reach its model by itself.")
    signs_in_by: list[str] = Field(
        default_factory=list[str], description="Variables and files of the worker, any of which signs it in."
    )


class WorkerAbsence(Answer):
    """An agent that muster knows and that a host has not."""

    name: str
    title: str = ""
    problem: str = Field(default="", description="Why it cannot be started there.")


class WorkerLevel(Answer):
    """An isolation level on a host."""

    level: str
    available: bool
    reason: str = Field(default="", description="Why it is not to be had there.")


class WorkerPool(Answer):
    """Sandboxes that stand on a host before they are needed, so that a program begins at once."""

    wanted: int = Field(default=0, description="How many are kept: worker.warm_sandboxes.")
    ready: int = Field(default=0, description="How many stand now.")
    served: int = Field(default=0, description="Programs that began in one, since the worker's start.")
    missed: int = Field(default=0, description="Programs that had to wait for a new one.")
    memory_bytes: int = Field(default=0, description="Of those that stand; what they share is counted once.")


class WorkerHost(Answer):
    """A worker's host, as the worker said with its last heartbeat. Bytes; null where it cannot tell."""

    processors: int = 0
    load: float | None = Field(default=None, description="Average number of runnable processes, one minute.")
    memory_bytes: int | None = None
    memory_free_bytes: int | None = None
    gpus: list[WorkerGpu] = Field(default_factory=list[WorkerGpu])
    agents: list[WorkerAgent] = Field(default_factory=list[WorkerAgent])
    absent: list[WorkerAbsence] = Field(default_factory=list[WorkerAbsence])
    levels: list[WorkerLevel] = Field(default_factory=list[WorkerLevel])
    warm: WorkerPool | None = Field(default=None, description="Null where none are kept.")


class Worker(Answer):
    """A process that claims and runs."""

    id: str
    host: str | None
    pid: int | None
    version: str | None
    capacity: int
    running: int
    modes: list[str]
    queues: list[str] | None
    kinds: list[str] | None
    capabilities: list[str]
    sandbox: str | None
    facts: WorkerHost
    live: bool = Field(description="Heard of within the last 45 seconds.")
    last_seen_at: Moment
    started_at: Moment
    left_at: Moment | None


class WorkerList(Answer):
    """Workers by id."""

    items: list[Worker]
    next_cursor: str | None


class ActivityPost(Body):
    """An entry for the activity feed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"type": "note", "title": "Deployed to staging"}]}
    )

    type: ActivityType
    title: ActivityTitle
    description: Text | None = None
    agent_id: EntityName | None = None
    task_id: Name | None = None
    project_id: Name | None = None


class Activity(Answer):
    """Something that happened, in words."""

    id: str = Field(examples=["act_0dq3m8x1c7w00"])
    at: Moment
    kind: str = Field(description="Of the event behind it.", examples=["attempt.succeeded"])
    type: str = Field(examples=["task_completed"])
    title: str
    description: str | None
    agent_id: str | None
    task_id: str | None
    project_id: str | None


class ActivityDetail(Activity):
    """An entry with the event behind it."""

    event: Event


class ActivityList(Answer):
    """Activities, newest first."""

    items: list[Activity]
    next_cursor: str | None


class WorkerQuery(PageQuery):
    """Which workers."""

    all: bool = Field(default=False, description="Also those that left or went silent.")


class ActivityQuery(PageQuery):
    """Which activities; every parameter narrows."""

    agent: Word | None = None
    task: Word | None = None
    project: Word | None = Field(default=None, description="Id or name.")
    kind: list[Word] | None = Field(
        default=None,
        max_length=40,
        description="Of events, such as `task.cancelled`, or all of a noun, such as `task`; may be given several times.",
    )


class AgentQuery(PageQuery):
    """Which agents."""

    status: Literal["online", "offline", "busy", "error"] | None = None
    record: bool = Field(default=False, description="With how each does.")
