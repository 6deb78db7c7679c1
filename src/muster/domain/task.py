"""Tasks: wanted work, its states and what may follow what."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Final

from muster.domain.retry import RetryPolicy


class TaskState(IntEnum):
    """Where a task stands. The numbers are stored; those of 60 and above are ends."""

    BLOCKED = 10
    BACKOFF = 20
    READY = 30
    RUNNING = 40
    SUCCEEDED = 60
    FAILED = 70
    CANCELLED = 80

    @property
    def label(self) -> str:
        """The word used outside: `ready`, `running`, ..."""
        return self.name.lower()

    @property
    def finished(self) -> bool:
        return self >= TaskState.SUCCEEDED

    @property
    def waiting(self) -> bool:
        return self < TaskState.RUNNING


STATES: Final = {state.label: state for state in TaskState}

TRANSITIONS: Final[dict[TaskState, frozenset[TaskState]]] = {
    TaskState.BLOCKED: frozenset({TaskState.READY, TaskState.BACKOFF, TaskState.CANCELLED}),
    TaskState.BACKOFF: frozenset({TaskState.READY, TaskState.BLOCKED, TaskState.CANCELLED}),
    TaskState.READY: frozenset({TaskState.RUNNING, TaskState.BLOCKED, TaskState.CANCELLED}),
    TaskState.RUNNING: frozenset(
        {TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED, TaskState.READY, TaskState.BACKOFF}
    ),
    TaskState.SUCCEEDED: frozenset({TaskState.READY, TaskState.BLOCKED}),
    TaskState.FAILED: frozenset({TaskState.READY, TaskState.BLOCKED}),
    TaskState.CANCELLED: frozenset({TaskState.READY, TaskState.BLOCKED}),
}


class TaskKind(StrEnum):
    """How a task is executed."""

    BASH = "bash"
    PYTHON = "python"
    COMMAND = "command"
    PROMPT = "prompt"
    MANUAL = "manual"
    LLM = "llm"


PROGRAMS: Final = frozenset({TaskKind.BASH, TaskKind.PYTHON, TaskKind.COMMAND})
"""Kinds that a worker runs as programs of their own, without an agent or a model."""


class TaskType(StrEnum):
    """What a task is about."""

    FEATURE = "feature_implementation"
    BUG_FIX = "bug_fix"
    REVIEW = "code_review"
    DOCUMENTATION = "documentation"
    CUSTOM = "custom"


class Priority(IntEnum):
    """Lower numbers go first; within one, the older task."""

    URGENT = 0
    HIGH = 1
    MEDIUM = 2
    LOW = 3

    @property
    def label(self) -> str:
        return self.name.lower()


PRIORITIES: Final = {priority.label: priority for priority in Priority}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """Everything about a task that its execution needs and its state does not."""

    title: str
    description: str = ""
    type: str = TaskType.CUSTOM
    task_class: str = "MEDIUM_SCRIPT"
    working_dir: str | None = None
    payload: dict[str, Any] = field(default_factory=dict[str, Any])
    output_schema: dict[str, Any] | None = None
    required_files: tuple[str, ...] = ()
    acceptance_command: str | None = None
    max_test_fix_cycles: int = 0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    network: bool = False
    tags: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    """What a dialect keeps with a task beyond muster's own fields (acceptance criteria, files hint, branch)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneKey:
    """Tasks that any claimer either may or may not take, all alike: the unit of admission.

    `assignee` is "" when any agent may take them; `requires` is the sorted labels joined by commas.
    """

    project_id: int
    queue_id: int
    kind: str
    requires: str = ""
    assignee: str = ""
