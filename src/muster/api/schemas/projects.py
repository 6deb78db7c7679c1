"""Shapes of projects and their money."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from muster.api.schemas.shape import Answer, Body, Dollars, Moment, Name, Text
from muster.api.schemas.tasks import Path, PriorityName

ProjectStatus = Literal["active", "paused", "completed"]
Enforcement = Literal["hard", "soft"]


class ProjectCreate(Body):
    """A project. Without `budget_usd` it may spend without limit."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "website", "budget_usd": 25}]})

    name: Name
    icon: Name | None = None
    status: ProjectStatus = "active"
    priority: PriorityName = "medium"
    description: Text = ""
    budget_usd: Dollars | None = None
    enforcement: Enforcement = Field(
        default="hard", description="hard: an exhausted budget hands out nothing; soft: it is only shown."
    )
    concurrency: int | None = Field(default=None, ge=1, le=10_000, description="Tasks at once, at most.")
    repo_url: Text | None = None
    default_branch: Name | None = None
    working_dir: Path | None = None


class ProjectPatch(Body):
    """Fields to change. Null takes `concurrency`, `repo_url`, `default_branch`, `working_dir` away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "paused"}]})

    name: Name | None = None
    icon: Name | None = None
    status: ProjectStatus | None = None
    priority: PriorityName | None = None
    description: Text | None = None
    enforcement: Enforcement | None = None
    concurrency: int | None = Field(default=None, ge=1, le=10_000)
    repo_url: Text | None = None
    default_branch: Name | None = None
    working_dir: Path | None = None


class Allocation(Body):
    """Money given to a project; a negative amount takes back what is neither spent nor reserved."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount_usd": 10, "note": "second week"}]})

    amount_usd: float = Field(ge=-1_000_000, le=1_000_000)
    note: Text = ""


class Project(Answer):
    """A project, its money and its tasks by state."""

    id: str = Field(examples=["prj_0dq3m8x1c7w00"])
    name: str
    icon: str
    status: ProjectStatus
    priority: str
    description: str
    allocated_usd: float | None = Field(description="null: no limit.")
    reserved_usd: float
    spent_usd: float
    enforcement: Enforcement
    concurrency: int | None
    repo_url: str | None
    default_branch: str | None
    working_dir: str | None
    tasks: dict[str, int] = Field(description="How many there are in each state.")
    created_at: Moment
    updated_at: Moment


class ProjectList(Answer):
    """Projects, in the order they were made."""

    items: list[Project]
    next_cursor: str | None


class LedgerEntry(Answer):
    """Money moved. `balance_usd` is what was left to hand out afterwards (allocated - reserved - spent)."""

    seq: int
    at: Moment
    kind: str = Field(examples=["settle"], description="allocate, reserve, settle or release.")
    amount_usd: float
    reserved_usd: float
    spent_usd: float
    balance_usd: float | None
    task_id: str | None
    attempt_id: str | None
    agent_id: str | None
    note: str


class Ledger(Answer):
    """The ledger, newest entry first."""

    items: list[LedgerEntry]
    next_cursor: str | None
