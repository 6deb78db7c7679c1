"""Shapes of scripts, reference lists and the status page."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path as PathParameter
from pydantic import ConfigDict, Field

from muster.api.schemas.agents import Worker
from muster.api.schemas.shape import Answer, Body, Note, Query, Word

ClassName = Annotated[str, PathParameter(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Timeout = Annotated[float, Field(ge=0.001, le=604_800)]


class ScriptInput(Answer):
    """A value a script takes."""

    name: str
    type: str = Field(examples=["string"], description="string, int, float, bool or choice.")
    required: bool
    default: Any
    choices: list[str]
    description: str


class ScriptOutput(Answer):
    """A value a script gives."""

    name: str
    description: str


class Script(Answer):
    """A script of the index, from its comment header."""

    name: str = Field(examples=["backup-database"])
    path: str
    kind: str
    description: str
    inputs: list[ScriptInput]
    outputs: list[ScriptOutput]
    tags: list[str]
    timeout_seconds: float | None
    task_class: str | None


class ScriptProblem(Answer):
    """Why a file is not in the index, or not as its author meant it."""

    path: str
    message: str
    line: int


class ScriptList(Answer):
    """Scripts by name, and files that could not be used."""

    items: list[Script]
    problems: list[ScriptProblem]
    next_cursor: None = None


class ScriptsReloaded(Answer):
    """What the walk through the folders found."""

    count: int
    problems: list[ScriptProblem]


class TaskClass(Answer):
    """A class of tasks and its timeout."""

    name: str = Field(examples=["FAST_SCRIPT"])
    timeout_seconds: float
    description: str
    network: bool = Field(description="Whether its tasks may use the network, unless they say otherwise.")


class TaskClassSet(Body):
    """What a class is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"timeout_seconds": 1800, "description": "Nightly builds."}]}
    )

    timeout_seconds: Timeout
    network: bool = False
    description: Note = ""


class TaskClassList(Answer):
    """Task classes by name."""

    items: list[TaskClass]
    next_cursor: None = None


class FailureCode(Answer):
    """Why attempts fail, and what happens then."""

    code: str = Field(examples=["exit_nonzero"])
    meaning: str
    next_step: str
    retry: bool
    counts: bool = Field(description="Whether such an attempt uses up one of `max_attempts`.")


class FailureCodeList(Answer):
    """All failure codes."""

    items: list[FailureCode]
    next_cursor: None = None


class WaitingReason(Answer):
    """Why tasks wait."""

    code: str = Field(examples=["queue_paused"])
    meaning: str


class WaitingReasonList(Answer):
    """All reasons."""

    items: list[WaitingReason]
    next_cursor: None = None


class WaitingCount(Answer):
    """How many tasks wait for one reason."""

    code: str
    message: str
    count: int
    exact: bool = Field(description="false: there may be more.")
    example: str | None = Field(description="One such task; the message is about it.")


class Status(Answer):
    """What the server does now."""

    version: str
    uptime_seconds: float
    database: str
    tasks: dict[str, int]
    reviews: int = Field(description="Results that wait for a person's verdict.")
    unseen: int = Field(
        description="Results with commits that nobody merged, decided on or set aside; nothing waits for that. 1000 at most."
    )
    waiting: list[WaitingCount]
    workers: list[Worker]
    agents: int
    busy_agents: int
    event_position: int
    allocated_usd: float
    reserved_usd: float
    spent_usd: float


class ScriptQuery(Query):
    """Which scripts to list."""

    q: Word | None = None
    tag: Word | None = None
