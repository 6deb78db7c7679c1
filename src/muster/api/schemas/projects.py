"""Shapes of projects and their money."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from muster.api.schemas.shape import (
    NO_NUL,
    Answer,
    Body,
    Dollars,
    EntityName,
    Level,
    Moment,
    Name,
    Note,
    PageQuery,
    Text,
    absent,
)
from muster.api.schemas.tasks import AbsolutePath

ProjectStatus = Literal["active", "paused", "completed"]
ProjectPriority = Literal["low", "medium", "high"]
Icon = Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL)]
Enforcement = Literal["hard", "soft"]


class ProjectCreate(Body):
    """A project. Without `budget_usd` it may spend without limit."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "website", "budget_usd": 25}]})

    name: EntityName
    icon: Icon | None = None
    status: ProjectStatus = "active"
    priority: ProjectPriority = "medium"
    description: Text = ""
    budget_usd: Dollars | None = None
    enforcement: Enforcement = Field(
        default="hard", description="hard: an exhausted budget hands out nothing; soft: it is only shown."
    )
    concurrency: int | None = Field(default=None, ge=1, le=10_000, description="Tasks at once, at most.")
    repo_url: Note | None = None
    default_branch: Name | None = None
    working_dir: AbsolutePath | None = None
    sandbox: Level | None = Field(
        default=None, description="The isolation level its tasks demand unless they say otherwise."
    )


class ProjectPatch(Body):
    """Fields to change. Null takes `budget_usd`, `concurrency`, `repo_url`, `default_branch`, `working_dir`, `sandbox`
    away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "paused"}]})

    name: EntityName = Field(default_factory=absent)
    icon: Icon = Field(default_factory=absent)
    status: ProjectStatus = Field(default_factory=absent)
    priority: ProjectPriority = Field(default_factory=absent)
    description: Text = Field(default_factory=absent)
    budget_usd: Dollars | None = None
    enforcement: Enforcement = Field(default_factory=absent)
    concurrency: int | None = Field(default=None, ge=1, le=10_000)
    repo_url: Note | None = None
    default_branch: Name | None = None
    working_dir: AbsolutePath | None = None
    sandbox: Level | None = None


class Allocation(Body):
    """Money given to a project; a negative amount takes back what is neither spent nor reserved."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount_usd": 10, "note": "second week"}]})

    amount_usd: float = Field(
        ge=-1_000_000,
        le=1_000_000,
        json_schema_extra={"anyOf": [{"minimum": 0.000001}, {"maximum": -0.000001}]},
        description="Not 0.",
    )
    note: Note = ""


class Project(Answer):
    """A project, its money and its tasks by state."""

    id: str = Field(examples=["prj_0dq3m8x1c7w00"])
    name: str
    icon: str
    status: ProjectStatus
    priority: ProjectPriority
    description: str
    allocated_usd: float | None = Field(description="null: no limit.")
    reserved_usd: float
    spent_usd: float
    enforcement: Enforcement
    concurrency: int | None
    repo_url: str | None
    default_branch: str | None
    working_dir: str | None
    sandbox: str | None
    tasks: dict[str, int] = Field(description="How many there are in each state.")
    created_at: Moment
    updated_at: Moment


class ProjectList(Answer):
    """Projects, newest first."""

    items: list[Project]
    next_cursor: str | None


class LedgerEntry(Answer):
    """Money moved, and how the project stood afterwards. `balance_usd` is what was neither spent nor reserved."""

    seq: int
    at: Moment
    kind: Literal["allocated", "reserved", "settled", "released"]
    amount_usd: float
    allocated_usd: float
    reserved_usd: float
    spent_usd: float
    balance_usd: float
    task_id: str | None
    attempt_id: str | None
    agent_id: str | None
    note: str


class Ledger(Answer):
    """The ledger, newest entry first."""

    items: list[LedgerEntry]
    next_cursor: str | None


class ProjectQuery(PageQuery):
    """Which projects."""

    status: ProjectStatus | None = None
