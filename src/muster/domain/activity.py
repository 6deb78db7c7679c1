"""The activity feed: facts of the log in words for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from muster.domain.events import (
    ActivityPosted,
    AgentDeleted,
    AgentRegistered,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    AttemptWarned,
    CapitalAllocated,
    Payload,
    ProjectCreated,
    ProjectDeleted,
    ProjectEdited,
    QueueCreated,
    QueueDeleted,
    QueueEdited,
    SessionCreated,
    SessionEdited,
    TaskArchived,
    TaskCancelled,
    TaskRequeued,
    TaskRestored,
    TaskSubmitted,
)
from muster.domain.events_reviews import TaskReviewed
from muster.domain.events_runs import ConsoleOpened, ProviderFailing, ProviderRecovered, TaskMerged
from muster.domain.money import dollars
from muster.domain.review import Verdict
from muster.domain.task import TaskState


@dataclass(frozen=True, slots=True)
class About:
    """The names of what an event is about; money is micro-dollars."""

    task: str = "a task"
    agent: str = "somebody"
    project: str = "a project"
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """An entry of the feed."""

    type: str
    title: str
    description: str | None = None


def _failed(fact: AttemptFailed, about: About) -> Words:
    again = {TaskState.READY: "tried again at once", TaskState.BACKOFF: "tried again later"}
    after = again.get(TaskState(fact.state), "given up")
    return Words("task_failed", f"{about.agent} failed: {about.task} ({after})", fact.message or fact.code)


def _succeeded(fact: AttemptSucceeded, about: About) -> Words:
    cost = f" for ${dollars(about.amount):.4f}" if about.amount else ""
    return Words("task_completed", f"{about.agent} completed: {about.task}{cost}")


def _allocated(fact: CapitalAllocated, about: About) -> Words:
    amount = about.amount or 0
    verb, way = ("allocated", "to") if amount >= 0 else ("taken back", "from")
    words = f"${dollars(abs(amount)):.2f} {verb} {way} {about.project}"
    return Words("capital_allocated", words, fact.note or None)


def _edited(fact: ProjectEdited, about: About) -> Words:
    status = fact.changes.get("status")
    what = f"is now {status}" if status else f"changed: {', '.join(fact.changes)}"
    return Words("venture_updated", f"Project {about.project} {what}")


def _queue_edited(fact: QueueEdited, about: About) -> Words:
    changes = fact.changes
    if "paused" in changes:
        return Words("queue_updated", "Queue paused" if changes["paused"] else "Queue resumed", fact.queue_id)
    if "status" in changes:
        archived = changes["status"] == "archived"
        return Words("queue_updated", "Queue archived" if archived else "Queue brought back", fact.queue_id)
    return Words("queue_updated", f"Queue changed: {', '.join(changes)}", fact.queue_id)


def _session_edited(fact: SessionEdited, about: About) -> Words:
    if fact.changes.get("status") == "ended":
        return Words("session_ended", "Session ended", fact.session_id)
    return Words("session_updated", f"Session changed: {', '.join(fact.changes)}", fact.session_id)


_VERDICTS: Final = {
    Verdict.APPROVE: "Approved",
    Verdict.REQUEST_CHANGES: "Changes requested",
    Verdict.REJECT: "Rejected",
}
_WORDS: Final[dict[type[Payload], Callable[[Any, About], Words]]] = {
    TaskSubmitted: lambda fact, about: Words("task_created", f"Task queued: {about.task}"),
    TaskRequeued: lambda fact, about: Words(
        "task_requeued", f"Back in its queue: {about.task}", fact.reason or None
    ),
    TaskCancelled: lambda fact, about: Words(
        "task_cancelled", f"Cancelled: {about.task}", fact.reason or None
    ),
    TaskArchived: lambda fact, about: Words("task_archived", f"Archived: {about.task}", fact.reason or None),
    TaskRestored: lambda fact, about: Words("task_restored", f"Restored: {about.task}"),
    AttemptStarted: lambda fact, about: Words("task_claimed", f"{about.agent} started: {about.task}"),
    AttemptWarned: lambda fact, about: Words("task_stale", f"{about.agent} went silent on: {about.task}"),
    AttemptSucceeded: _succeeded,
    AttemptFailed: _failed,
    ProjectCreated: lambda fact, about: Words("venture_created", f"Project created: {about.project}"),
    ProjectEdited: _edited,
    CapitalAllocated: _allocated,
    ProjectDeleted: lambda fact, about: Words("venture_deleted", f"Project deleted: {about.project}"),
    QueueCreated: lambda fact, about: Words(
        "queue_created", f"Queue created: {fact.fields.get('name')}", fact.queue_id
    ),
    QueueEdited: _queue_edited,
    QueueDeleted: lambda fact, about: Words("queue_deleted", "Queue deleted", fact.queue_id),
    SessionCreated: lambda fact, about: Words(
        "session_created", f"Session begun: {fact.fields.get('name')}", fact.session_id
    ),
    SessionEdited: _session_edited,
    AgentRegistered: lambda fact, about: Words(
        "agent_registered", f"Agent registered: {fact.fields.get('name')}"
    ),
    AgentDeleted: lambda fact, about: Words("agent_deleted", f"Agent removed: {about.agent}"),
    TaskMerged: lambda fact, about: Words(
        "task_merged", f"Merged into {fact.into}: {about.task}", fact.merge_commit
    ),
    ConsoleOpened: lambda fact, about: Words(
        "console_opened", f"Console opened in the sandbox of: {about.task}", f"from {fact.by}"
    ),
    TaskReviewed: lambda fact, about: Words(
        "task_reviewed", f"{_VERDICTS[fact.verdict]} by {fact.by}: {about.task}", fact.note or None
    ),
    ProviderFailing: lambda fact, about: Words(
        "provider_failing", f"Model provider {fact.provider} is failing", fact.message
    ),
    ProviderRecovered: lambda fact, about: Words(
        "provider_recovered", f"Model provider {fact.provider} answers again"
    ),
    ActivityPosted: lambda fact, about: Words(fact.type, fact.title, fact.description),
}
SHOWN: Final = frozenset(payload.kind for payload in _WORDS)
"""The kinds of events that appear in the feed."""


def kinds_of(wanted: Iterable[str]) -> list[str]:
    """The shown kinds of events that are meant: `task.submitted`, or all of a noun by `task`; all for none."""
    words = set(wanted)
    return sorted(kind for kind in SHOWN if not words or kind in words or kind.split(".")[0] in words)


def describe(fact: Payload, about: About) -> Words | None:
    """The entry for a fact; None for those the feed leaves out."""
    words = _WORDS.get(type(fact))
    return None if words is None else words(fact, about)
