"""What the log says the rows must be.

Not in the log, and so neither here nor compared: signs of life (`heartbeat_at`, `warned_at`, `last_active_at`,
`progress`, all of `workers`), what attempts print and agents say (`output_chunks`, `transcript_chunks`, `lines`, `kept_from`,
`bytes`), what runs have used so far (`model_calls` and the figures of `runs`), secrets (`token`), and
`tasks.dependents`, a hint that is only ever raised.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from muster.domain.events import Payload
from muster.domain.review import ReviewState
from muster.domain.task import TaskSpec, TaskState

MOST_STRAYS: Final = 100

LaneTuple = tuple[int, int, str, str, str]


@dataclass(slots=True)
class Fact:
    """An event of the log with its payload decoded."""

    seq: int
    at: int
    payload: Payload
    task_id: int | None = None
    attempt_id: int | None = None
    agent_id: str | None = None
    project_id: int | None = None
    amount: int | None = None


@dataclass(slots=True, kw_only=True)
class TaskRow:
    """A task as `tasks`, `task_specs`, `task_tags` and `task_dependencies` must have it. `edges` is target -> done."""

    id: int
    project_id: int
    queue_id: int
    kind: str
    requires: str
    assignee: str
    session_id: int | None
    parent_id: int | None
    state: TaskState
    priority: int
    position: int
    max_attempts: int
    agent_id: str | None
    ready_at: int | None
    timeout_us: int
    estimate: int
    updated_at: int
    spec: TaskSpec
    idempotency_key: str | None
    request_hash: str | None
    edges: dict[int, bool]
    attempts: int = 0
    burned: int = 0
    attempt_id: int | None = None
    cost: int = 0
    started_at: int | None = None
    finished_at: int | None = None
    archived_at: int | None = None
    review: ReviewState = ReviewState.NONE
    review_id: int | None = None
    attempt_ids: list[int] = field(default_factory=list[int])
    approval_ids: list[int] = field(default_factory=list[int])
    message_ids: list[int] = field(default_factory=list[int])
    review_ids: list[int] = field(default_factory=list[int])
    comment_ids: list[int] = field(default_factory=list[int])

    @property
    def blockers(self) -> int:
        """How many of its dependencies are not done."""
        return sum(1 for done in self.edges.values() if not done)

    @property
    def lane(self) -> LaneTuple:
        """Project, queue, kind, requires, assignee."""
        return (self.project_id, self.queue_id, self.kind, self.requires, self.assignee)


@dataclass(slots=True, kw_only=True)
class AttemptRow:
    """An attempt as `attempts` must have it."""

    id: int
    task_id: int
    number: int
    agent_id: str
    worker_id: str | None
    reserved: int
    claimed_at: int
    state: str = "running"
    cost: int = 0
    finished_at: int | None = None
    code: str | None = None
    error: str | None = None
    output: str | None = None
    result: dict[str, Any] | None = None
    exit_code: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    sandbox: str | None = None


@dataclass(slots=True)
class PlaceRow:
    """A row of `projects`, `queues`, `sessions`, `agents`, `task_classes`, `roles`, `role_versions`, `runs`,
    `approvals`, `permissions`, `messages`, `reviews` or `review_comments` by column.

    `seq` is the event that made it; `set_at` says for a counter that was set to a value which event did that.
    """

    seq: int
    columns: dict[str, Any]
    set_at: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, name: str, amount: int, seq: int) -> None:
        """Add to a counter, unless the row was made or the counter set after event `seq`."""
        if seq > self.set_at.get(name, self.seq):
            self.columns[name] += amount


@dataclass(slots=True)
class World:
    """All rows the log speaks of, or those of a part of it.

    Feed the events of all tasks in the log's order; or first those that are about no task and then,
    for any set of tasks, theirs in order (money and tokens add up whatever the order of the sets).
    `strays` are events about something that is not there.
    """

    tasks: dict[int, TaskRow] = field(default_factory=dict[int, TaskRow])
    attempts: dict[int, AttemptRow] = field(default_factory=dict[int, AttemptRow])
    runs: dict[int, PlaceRow] = field(default_factory=dict[int, PlaceRow])
    projects: dict[int, PlaceRow] = field(default_factory=dict[int, PlaceRow])
    queues: dict[int, PlaceRow] = field(default_factory=dict[int, PlaceRow])
    sessions: dict[int, PlaceRow] = field(default_factory=dict[int, PlaceRow])
    agents: dict[str, PlaceRow] = field(default_factory=dict[str, PlaceRow])
    task_classes: dict[str, PlaceRow] = field(default_factory=dict[str, PlaceRow])
    roles: dict[str, PlaceRow] = field(default_factory=dict[str, PlaceRow])
    role_versions: dict[tuple[str, int], PlaceRow] = field(default_factory=dict[tuple[str, int], PlaceRow])
    permissions: dict[int, PlaceRow] = field(default_factory=dict[int, PlaceRow])
    approvals: dict[int, PlaceRow] = field(default_factory=dict[int, PlaceRow])
    messages: dict[int, PlaceRow] = field(default_factory=dict[int, PlaceRow])
    reviews: dict[int, PlaceRow] = field(default_factory=dict[int, PlaceRow])
    review_comments: dict[int, PlaceRow] = field(default_factory=dict[int, PlaceRow])
    strays: list[str] = field(default_factory=list[str])
    _waiting_for: dict[int, set[int]] = field(default_factory=dict[int, set[int]])

    def stray(self, fact: Fact, what: str) -> None:
        """Note an event that does not fit."""
        if len(self.strays) < MOST_STRAYS:
            self.strays.append(f"event {fact.seq} ({fact.payload.kind}) {what}")

    def task(self, fact: Fact) -> TaskRow | None:
        """The task an event is about; a missing one is noted."""
        found = None if fact.task_id is None else self.tasks.get(fact.task_id)
        if found is None:
            self.stray(fact, "is about a task that was never submitted or was removed before")
        return found

    def attempt(self, fact: Fact) -> AttemptRow | None:
        """The attempt an event is about; a missing one is noted."""
        found = None if fact.attempt_id is None else self.attempts.get(fact.attempt_id)
        if found is None:
            self.stray(fact, "is about an attempt that never started or was removed before")
        return found

    def link(self, task: TaskRow, edges: dict[int, bool]) -> None:
        """Replace what a task depends on."""
        self.unlink(task)
        task.edges = edges
        for target in edges:
            self._waiting_for.setdefault(target, set()).add(task.id)

    def unlink(self, task: TaskRow) -> None:
        """A task depends on nothing any more."""
        for target in task.edges:
            self._waiting_for[target].discard(task.id)
            if not self._waiting_for[target]:
                del self._waiting_for[target]
        task.edges = {}

    def satisfy(self, target: int) -> None:
        """A task succeeded: whoever depends on it need not wait for it any longer."""
        for dependent in self._waiting_for.get(target, ()):
            self.tasks[dependent].edges[target] = True

    def forget_target(self, target: int) -> None:
        """A task was removed: those that depended on it and did not wait any longer forget it."""
        for dependent in list(self._waiting_for.get(target, ())):
            task = self.tasks[dependent]
            if task.edges[target]:
                self.link(task, {known: done for known, done in task.edges.items() if known != target})

    def targets_elsewhere(self, task_ids: Iterable[int]) -> set[int]:
        """What these tasks depend on that is not among the tasks here."""
        return {
            target
            for task_id in task_ids
            if task_id in self.tasks
            for target in self.tasks[task_id].edges
            if target not in self.tasks
        }

    def leave_tasks(self) -> None:
        """Forget all tasks and attempts, what they cost and used aside: the next set comes."""
        self.tasks.clear()
        self.attempts.clear()
        self.runs.clear()
        self.approvals.clear()
        self.messages.clear()
        self.reviews.clear()
        self.review_comments.clear()
        self._waiting_for.clear()

    def charge(self, project_id: int | None, *, reserved: int = 0, spent: int = 0) -> None:
        """Move money of a project that still exists."""
        project = None if project_id is None else self.projects.get(project_id)
        if project is not None:
            project.columns["reserved"] += reserved
            project.columns["spent"] += spent
