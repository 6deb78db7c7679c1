"""The activity feed's words."""

from __future__ import annotations

import pytest

from muster.domain import events
from muster.domain.activity import SHOWN, About, describe, kinds_of
from muster.domain.events_reviews import TaskReviewed
from muster.domain.task import TaskSpec

ABOUT = About(task="Fix it", agent="Ann", project="site")
PAID = About(task="Fix it", agent="Ann", project="site", amount=1_500_000)
TAKEN = About(project="site", amount=-2_000_000)
SUBMITTED = events.TaskSubmitted(
    spec=TaskSpec(title="Fix it"),
    task_kind="bash",
    queue_id="que_x",
    state=30,
    priority=2,
    timeout_us=1,
    estimate=0,
    max_attempts=3,
)

CASES: list[tuple[events.Payload, About, str, str, str | None]] = [
    (SUBMITTED, ABOUT, "task_created", "Task queued: Fix it", None),
    (events.TaskRequeued(30, 0, "again"), ABOUT, "task_requeued", "Back in its queue: Fix it", "again"),
    (events.TaskCancelled("late"), ABOUT, "task_cancelled", "Cancelled: Fix it", "late"),
    (events.TaskArchived(), ABOUT, "task_archived", "Archived: Fix it", None),
    (events.TaskRestored(), ABOUT, "task_restored", "Restored: Fix it", None),
    (events.AttemptStarted(1, None, 1), ABOUT, "task_claimed", "Ann started: Fix it", None),
    (events.AttemptWarned(1), ABOUT, "task_stale", "Ann went silent on: Fix it", None),
    (events.AttemptSucceeded(0), PAID, "task_completed", "Ann completed: Fix it for $1.5000", None),
    (events.AttemptSucceeded(0), ABOUT, "task_completed", "Ann completed: Fix it", None),
    (
        events.AttemptFailed(0, "timeout", "", 70, None),
        ABOUT,
        "task_failed",
        "Ann failed: Fix it (given up)",
        "timeout",
    ),
    (
        events.AttemptFailed(0, "timeout", "slow", 20, 5),
        ABOUT,
        "task_failed",
        "Ann failed: Fix it (tried again later)",
        "slow",
    ),
    (events.ProjectCreated({"name": "site"}), ABOUT, "venture_created", "Project created: site", None),
    (
        events.ProjectEdited({"status": "paused"}),
        ABOUT,
        "venture_updated",
        "Project site is now paused",
        None,
    ),
    (events.ProjectEdited({"icon": "x"}), ABOUT, "venture_updated", "Project site changed: icon", None),
    (events.CapitalAllocated("seed"), PAID, "capital_allocated", "$1.50 allocated to site", "seed"),
    (events.CapitalAllocated(), TAKEN, "capital_allocated", "$2.00 taken back from site", None),
    (events.ProjectDeleted(), ABOUT, "venture_deleted", "Project deleted: site", None),
    (events.QueueCreated("que_x", {"name": "q"}), ABOUT, "queue_created", "Queue created: q", "que_x"),
    (events.QueueEdited("que_x", {"paused": True}), ABOUT, "queue_updated", "Queue paused", "que_x"),
    (events.QueueEdited("que_x", {"paused": False}), ABOUT, "queue_updated", "Queue resumed", "que_x"),
    (events.QueueEdited("que_x", {"status": "archived"}), ABOUT, "queue_updated", "Queue archived", "que_x"),
    (
        events.QueueEdited("que_x", {"status": "active"}),
        ABOUT,
        "queue_updated",
        "Queue brought back",
        "que_x",
    ),
    (events.QueueEdited("que_x", {"mode": "auto"}), ABOUT, "queue_updated", "Queue changed: mode", "que_x"),
    (events.QueueDeleted("que_x"), ABOUT, "queue_deleted", "Queue deleted", "que_x"),
    (events.SessionCreated("ses_x", {"name": "s"}), ABOUT, "session_created", "Session begun: s", "ses_x"),
    (events.SessionEdited("ses_x", {"status": "ended"}), ABOUT, "session_ended", "Session ended", "ses_x"),
    (
        events.SessionEdited("ses_x", {"name": "t"}),
        ABOUT,
        "session_updated",
        "Session changed: name",
        "ses_x",
    ),
    (events.AgentRegistered({"name": "Ann"}), ABOUT, "agent_registered", "Agent registered: Ann", None),
    (events.AgentDeleted(), ABOUT, "agent_deleted", "Agent removed: Ann", None),
    (
        events.ProviderFailing("anthropic", "529 Overloaded", 5),
        ABOUT,
        "provider_failing",
        "Model provider anthropic is failing",
        "529 Overloaded",
    ),
    (
        events.ProviderRecovered("anthropic"),
        ABOUT,
        "provider_recovered",
        "Model provider anthropic answers again",
        None,
    ),
    (
        events.TaskMerged("a" * 40, "main", "b" * 40, "merge"),
        ABOUT,
        "task_merged",
        "Merged into main: Fix it",
        "b" * 40,
    ),
    (
        events.ConsoleOpened("box", "w1", "bubblewrap", "10.0.0.7"),
        ABOUT,
        "console_opened",
        "Console opened in the sandbox of: Fix it",
        "from 10.0.0.7",
    ),
    (
        TaskReviewed("rev_x", "reject", "a" * 40, "Not wanted", "ann"),
        ABOUT,
        "task_reviewed",
        "Rejected by ann: Fix it",
        "Not wanted",
    ),
    (events.ActivityPosted("act_x", "note", "Hello", "World"), ABOUT, "note", "Hello", "World"),
]


@pytest.mark.parametrize(("fact", "about", "type_", "title", "description"), CASES)
def test_a_fact_is_put_into_words(
    fact: events.Payload, about: About, type_: str, title: str, description: str | None
) -> None:
    words = describe(fact, about)
    assert words is not None
    assert (words.type, words.title, words.description) == (type_, title, description)
    assert fact.kind in SHOWN


def test_every_kind_that_is_shown_has_a_case() -> None:
    assert {fact.kind for fact, *_ in CASES} == SHOWN


def test_what_is_bookkeeping_is_left_out() -> None:
    assert describe(events.TaskReadied("dependencies_done"), ABOUT) is None


def test_kinds_are_meant_one_by_one_or_by_their_noun() -> None:
    assert kinds_of([]) == sorted(SHOWN)
    assert kinds_of(["task.cancelled", "agent"]) == ["agent.deleted", "agent.registered", "task.cancelled"]
    assert kinds_of(["attempt.started", "nothing", "run"]) == ["attempt.started"]
