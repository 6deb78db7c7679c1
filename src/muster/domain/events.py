"""Facts of the log. Each class is one kind of event; its fields are the event's `data`.

Who and what an event is about (task, attempt, agent, project, money moved) are columns of the
log and not repeated here. Ids inside `data` are public ids; money is micro-dollars, durations and
times are microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from muster.domain.events_approvals import (
    ApprovalAnswered,
    ApprovalExpired,
    ApprovalExtended,
    ApprovalRequested,
    ApprovalWithdrawn,
    MessageDelivered,
    MessagePosted,
    PermissionGranted,
    PermissionRevoked,
)
from muster.domain.events_reviews import (
    CommentEdited,
    CommentRemoved,
    CommentWritten,
    TaskReviewed,
    TaskSeen,
    TaskUnseen,
)
from muster.domain.events_runs import (
    ConsoleOpened,
    ProviderFailing,
    ProviderRecovered,
    RunCharged,
    RunDescribed,
    RunStarted,
    TaskMerged,
)
from muster.domain.payload import Payload
from muster.domain.task import TaskSpec


@dataclass(slots=True)
class TaskSubmitted(Payload):
    """A task was queued."""

    kind: ClassVar[str] = "task.submitted"
    spec: TaskSpec
    task_kind: str
    queue_id: str
    state: int
    priority: int
    timeout_us: int
    estimate: int
    max_attempts: int
    assignee: str = ""
    requires: str = ""
    session_id: str | None = None
    parent_id: str | None = None
    depends_on: list[str] = field(default_factory=list[str])
    satisfied: list[str] = field(default_factory=list[str])
    """Those of `depends_on` that had succeeded already."""
    blockers: int = 0
    ready_at: int | None = None
    idempotency_key: str | None = None
    request_hash: str | None = None


@dataclass(slots=True)
class TaskEdited(Payload):
    """Fields of a task were changed; only those that were are named.

    `state` and `blockers` are there when the change moved them; `satisfied` names, beside a changed
    `depends_on`, those that had succeeded already; `position` is its place among those of its priority.
    """

    kind: ClassVar[str] = "task.edited"
    changes: dict[str, Any]


@dataclass(slots=True)
class TaskReadied(Payload):
    """A waiting task became ready: its dependencies are done or its back-off is over. One that was submitted for
    a later time waits for that next (`state`)."""

    kind: ClassVar[str] = "task.readied"
    reason: str
    state: int = 30


@dataclass(slots=True)
class TaskRequeued(Payload):
    """A finished or waiting task was put back into its queue by hand, its count of attempts starting anew."""

    kind: ClassVar[str] = "task.requeued"
    state: int
    blockers: int
    reason: str = ""


@dataclass(slots=True)
class TaskCancelled(Payload):
    """A task was cancelled; a running attempt ended with it and its reservation was released."""

    kind: ClassVar[str] = "task.cancelled"
    reason: str
    released: int = 0


@dataclass(slots=True)
class TaskArchived(Payload):
    """A finished task was put out of sight."""

    kind: ClassVar[str] = "task.archived"
    reason: str = ""


@dataclass(slots=True)
class TaskRestored(Payload):
    """An archived task was brought back into the lists."""

    kind: ClassVar[str] = "task.restored"


@dataclass(slots=True)
class TaskRemoved(Payload):
    """A finished task's rows were removed: by hand (`deleted`) or by retention (`purged`). Its events stay."""

    kind: ClassVar[str] = "task.removed"
    reason: str


@dataclass(slots=True)
class AttemptStarted(Payload):
    """A claimer took the task; the estimate was reserved (`amount`)."""

    kind: ClassVar[str] = "attempt.started"
    number: int
    worker_id: str | None
    timeout_us: int


@dataclass(slots=True)
class AttemptWarned(Payload):
    """The attempt has been silent for its whole timeout."""

    kind: ClassVar[str] = "attempt.warned"
    silent_us: int


@dataclass(slots=True)
class AttemptSucceeded(Payload):
    """The attempt did the work. `amount` is what it cost; `released` was reserved for it."""

    kind: ClassVar[str] = "attempt.succeeded"
    released: int
    output: str | None = None
    result: dict[str, Any] | None = None
    exit_code: int | None = None
    tokens: list[int] | None = None
    """Input, output, cache-read and cache-write tokens."""
    sandbox: str | None = None
    review: bool = False
    """A person's verdict is wanted before anything follows from it: its queue is strict."""
    unseen: bool = False
    """It left commits that somebody will want to look at; nothing waits for that."""


@dataclass(slots=True)
class AttemptFailed(Payload):
    """The attempt failed; `state` is where that leaves the task. `amount` is what it cost all the same."""

    kind: ClassVar[str] = "attempt.failed"
    released: int
    code: str
    message: str
    state: int
    ready_at: int | None
    counts: bool = True
    output: str | None = None
    result: dict[str, Any] | None = None
    exit_code: int | None = None
    tokens: list[int] | None = None
    sandbox: str | None = None


@dataclass(slots=True)
class ProjectCreated(Payload):
    """A project came to be; its budget follows as an allocation."""

    kind: ClassVar[str] = "project.created"
    fields: dict[str, Any]


@dataclass(slots=True)
class ProjectEdited(Payload):
    """Fields of a project were changed. Of `allocated` it says only that the limit was taken away (None)."""

    kind: ClassVar[str] = "project.edited"
    changes: dict[str, Any]


@dataclass(slots=True)
class CapitalAllocated(Payload):
    """Money was given to a project (`amount`), or taken back when negative. Also what a budget starts with."""

    kind: ClassVar[str] = "project.allocated"
    note: str = ""


@dataclass(slots=True)
class ProjectDeleted(Payload):
    """A project without open tasks was removed."""

    kind: ClassVar[str] = "project.deleted"


@dataclass(slots=True)
class QueueCreated(Payload):
    """A queue came to be."""

    kind: ClassVar[str] = "queue.created"
    queue_id: str
    fields: dict[str, Any]


@dataclass(slots=True)
class QueueEdited(Payload):
    """Fields of a queue were changed: also pause, resume, archive, unarchive."""

    kind: ClassVar[str] = "queue.edited"
    queue_id: str
    changes: dict[str, Any]


@dataclass(slots=True)
class QueueDeleted(Payload):
    """An empty queue was removed."""

    kind: ClassVar[str] = "queue.deleted"
    queue_id: str


@dataclass(slots=True)
class SessionCreated(Payload):
    """A work session began."""

    kind: ClassVar[str] = "session.created"
    session_id: str
    fields: dict[str, Any]


@dataclass(slots=True)
class SessionEdited(Payload):
    """Fields of a work session were changed; ending it is one of them."""

    kind: ClassVar[str] = "session.edited"
    session_id: str
    changes: dict[str, Any]


@dataclass(slots=True)
class AgentRegistered(Payload):
    """An agent was seen for the first time, or registered itself."""

    kind: ClassVar[str] = "agent.registered"
    fields: dict[str, Any]


@dataclass(slots=True)
class AgentEdited(Payload):
    """Fields of an agent were changed."""

    kind: ClassVar[str] = "agent.edited"
    changes: dict[str, Any]


@dataclass(slots=True)
class AgentDeleted(Payload):
    """An agent was removed from the list."""

    kind: ClassVar[str] = "agent.deleted"


@dataclass(slots=True)
class ActivityPosted(Payload):
    """Somebody wrote an entry into the activity feed."""

    kind: ClassVar[str] = "activity.posted"
    activity_id: str
    type: str
    title: str
    description: str | None = None


@dataclass(slots=True)
class TaskClassSet(Payload):
    """A task class was defined or changed."""

    kind: ClassVar[str] = "task_class.set"
    name: str
    timeout_us: int
    description: str = ""
    network: bool = False


@dataclass(slots=True)
class TaskClassDeleted(Payload):
    """A custom task class was removed."""

    kind: ClassVar[str] = "task_class.deleted"
    name: str


@dataclass(slots=True)
class RoleSet(Payload):
    """A role of agents was defined or changed; `doc` is, as JSON text, all of it but its name, kind and description."""

    kind: ClassVar[str] = "role.set"
    name: str
    role_kind: str
    description: str
    doc: str
    version: int = 0
    """Its number; 0 where none was told yet: one more than the version before."""
    by: str = ""
    """Who changed it, as far as they said."""
    restored: int | None = None
    """The older version that was restored by it."""


@dataclass(slots=True)
class RoleDeleted(Payload):
    """A role of one's own was removed."""

    kind: ClassVar[str] = "role.deleted"
    name: str


@dataclass(slots=True)
class PreferencesSet(Payload):
    """Somebody set things for themselves; the names that changed. The values are theirs and not told."""

    kind: ClassVar[str] = "preferences.set"
    owner: str
    version: int
    names: list[str]


@dataclass(slots=True)
class LogLost(Payload):
    """A place in the log whose event was told of but not yet on disk when the database server crashed. Nothing
    durable was among such events: a lost claim is a task that is ready again."""

    kind: ClassVar[str] = "log.lost"
    reason: str = "the database server crashed"


CATALOGUE: tuple[type[Payload], ...] = (
    TaskSubmitted,
    TaskEdited,
    TaskReadied,
    TaskRequeued,
    TaskCancelled,
    TaskArchived,
    TaskRestored,
    TaskRemoved,
    AttemptStarted,
    AttemptWarned,
    AttemptSucceeded,
    AttemptFailed,
    RunStarted,
    RunDescribed,
    ApprovalRequested,
    ApprovalAnswered,
    ApprovalExpired,
    ApprovalExtended,
    ApprovalWithdrawn,
    PermissionGranted,
    PermissionRevoked,
    MessagePosted,
    MessageDelivered,
    RunCharged,
    TaskMerged,
    ConsoleOpened,
    TaskReviewed,
    TaskSeen,
    TaskUnseen,
    CommentWritten,
    CommentEdited,
    CommentRemoved,
    ProviderFailing,
    ProviderRecovered,
    ProjectCreated,
    ProjectEdited,
    CapitalAllocated,
    ProjectDeleted,
    QueueCreated,
    QueueEdited,
    QueueDeleted,
    SessionCreated,
    SessionEdited,
    AgentRegistered,
    AgentEdited,
    AgentDeleted,
    ActivityPosted,
    TaskClassSet,
    TaskClassDeleted,
    RoleSet,
    RoleDeleted,
    PreferencesSet,
    LogLost,
)
