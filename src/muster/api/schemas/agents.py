"""Shapes of agents, workers and activities."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from muster.api.schemas.shape import (
    Answer,
    Body,
    EntityName,
    Moment,
    Name,
    PageQuery,
    Text,
    Word,
    absent,
)

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
    version: str = ""
    signed_in: bool = Field(default=False, description="It can reach its model by itself.")


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
    type: str = Field(examples=["task_completed"])
    title: str
    description: str | None
    agent_id: str | None
    task_id: str | None
    project_id: str | None


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


class AgentQuery(PageQuery):
    """Which agents."""

    status: Literal["online", "offline", "busy", "error"] | None = None
