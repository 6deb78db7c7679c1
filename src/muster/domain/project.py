"""Projects: what work is for, and the money it may cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from muster.domain import ids
from muster.domain.checks import check_choice, check_count, check_name, check_text
from muster.domain.errors import InvalidInput
from muster.domain.isolation import check_level
from muster.domain.money import MAX_DOLLARS, MICROS, dollars

DEFAULT_PROJECT: Final = "default"
MAX_CONCURRENCY: Final = 1_000_000


class ProjectStatus(StrEnum):
    """Only an active project hands out work."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"


class ProjectPriority(StrEnum):
    """How much the project matters, to people."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Enforcement(StrEnum):
    """A hard budget holds work back once it is used up; a soft one is only shown."""

    HARD = "hard"
    SOFT = "soft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What can be set of a project. `allocated` is micro-dollars, None: no limit. `concurrency` None: no limit."""

    name: str
    icon: str = ""
    status: str = ProjectStatus.ACTIVE
    priority: str = ProjectPriority.MEDIUM
    description: str = ""
    allocated: int | None = None
    enforcement: str = Enforcement.HARD
    concurrency: int | None = None
    repo_url: str | None = None
    default_branch: str | None = None
    working_dir: str | None = None
    sandbox: str | None = None
    """The isolation level that its tasks demand unless they or their queue say otherwise."""

    def __post_init__(self) -> None:
        check_name("name", self.name)
        if ids.is_id(ids.PROJECT, self.name):
            raise InvalidInput(field="name", problem="must not look like an id")
        check_text("icon", self.icon, 64)
        check_choice("status", self.status, ProjectStatus)
        check_choice("priority", self.priority, ProjectPriority)
        check_text("description", self.description)
        check_count("allocated", self.allocated, 0, MAX_DOLLARS * MICROS)
        check_choice("enforcement", self.enforcement, Enforcement)
        check_count("concurrency", self.concurrency, 1, MAX_CONCURRENCY)
        check_text("repo_url", self.repo_url, 2_000)
        check_text("default_branch", self.default_branch, 200)
        check_text("working_dir", self.working_dir, 4_096)
        check_level(self.sandbox)
        if self.working_dir is not None and not self.working_dir.startswith("/"):
            raise InvalidInput(field="working_dir", problem="must be an absolute path")


def allocated_after(allocated: int | None, amount: int, committed: int) -> int:
    """What is allocated once `amount` was added; never less than what is spent or reserved already (`committed`).

    A budget without limit becomes a limited one by its first allocation.
    """
    if amount == 0:
        raise InvalidInput(field="amount", problem="must not be 0")
    if allocated is None and amount < 0:
        raise InvalidInput(field="amount", problem="nothing was allocated, so nothing can be taken back")
    total = (allocated or 0) + amount
    if total > MAX_DOLLARS * MICROS:
        raise InvalidInput(field="amount", problem=f"the budget must not exceed {MAX_DOLLARS} dollars")
    if amount < 0:
        refuse_below(total, committed, "amount")
    return total


def refuse_below(allocated: int, committed: int, field: str) -> None:
    """A budget cannot be made smaller than what is spent or reserved."""
    if allocated < committed:
        raise InvalidInput(field=field, problem=f"${dollars(committed):.4f} are spent or reserved already")
