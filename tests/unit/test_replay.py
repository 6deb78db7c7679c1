"""The log folded into rows, event by event."""

from __future__ import annotations

from typing import Any

import pytest

from muster.domain import ids
from muster.domain.events import (
    ActivityPosted,
    AgentDeleted,
    AgentEdited,
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
    RoleDeleted,
    RoleSet,
    SessionCreated,
    SessionEdited,
    TaskArchived,
    TaskCancelled,
    TaskClassDeleted,
    TaskClassSet,
    TaskEdited,
    TaskReadied,
    TaskRemoved,
    TaskRequeued,
    TaskRestored,
    TaskSubmitted,
)
from muster.domain.replay import evolve
from muster.domain.replay_world import MOST_STRAYS, Fact, World
from muster.domain.retry import RetryPolicy
from muster.domain.task import TaskSpec, TaskState

PROJECT, QUEUE, SESSION, TASK, OTHER, ATTEMPT = 1, 2, 3, 10, 11, 20


class Log:
    """Feeds a world; every event is one microsecond after the one before."""

    def __init__(self) -> None:
        self.world = World()
        self.seq = 0
        self.add(ProjectCreated({"name": "p"}), project_id=PROJECT)
        self.add(AgentRegistered({"name": "Ann"}), agent_id="ann")

    def add(self, payload: Payload, **about: Any) -> None:
        self.seq += 1
        evolve(self.world, Fact(self.seq, self.seq, payload, **about))

    def submit(self, task: int = TASK, **fields: Any) -> None:
        values: dict[str, Any] = {
            "spec": TaskSpec(title="t"),
            "task_kind": "bash",
            "queue_id": ids.encode(ids.QUEUE, QUEUE),
            "state": 30,
            "priority": 2,
            "timeout_us": 5,
            "estimate": 40,
            "max_attempts": 3,
        }
        self.add(TaskSubmitted(**values | fields), task_id=task, project_id=PROJECT)

    def start(self, task: int = TASK, attempt: int = ATTEMPT, number: int = 1) -> None:
        about = {"task_id": task, "attempt_id": attempt, "agent_id": "ann", "project_id": PROJECT}
        self.add(AttemptStarted(number, "w", 5), amount=40, **about)

    def succeed(self, task: int = TASK, attempt: int = ATTEMPT, **fields: Any) -> None:
        about = {"task_id": task, "attempt_id": attempt, "agent_id": "ann", "project_id": PROJECT}
        self.add(AttemptSucceeded(40, **fields), amount=25, **about)

    def fail(self, state: int, *, counts: bool = True, ready_at: int | None = None) -> None:
        about = {"task_id": TASK, "attempt_id": ATTEMPT, "agent_id": "ann", "project_id": PROJECT}
        payload = AttemptFailed(40, "exit_nonzero", "no", state, ready_at, counts, result={"a": 1})
        self.add(payload, amount=5, **about)

    def change(self, payload: Payload, task: int = TASK) -> None:
        self.add(payload, task_id=task, project_id=PROJECT)

    @property
    def task(self) -> Any:
        return self.world.tasks[TASK]

    @property
    def project(self) -> dict[str, Any]:
        return self.world.projects[PROJECT].columns


@pytest.fixture
def log() -> Log:
    return Log()


def public(task: int) -> str:
    return ids.encode(ids.TASK, task)


def test_a_submitted_task_has_what_was_submitted(log: Log) -> None:
    session = ids.encode(ids.SESSION, SESSION)
    log.submit(
        session_id=session, parent_id=public(OTHER), assignee="ann", requires="gpu", state=20, ready_at=99
    )
    task = log.task
    assert (task.session_id, task.parent_id, task.agent_id, task.ready_at) == (SESSION, OTHER, "ann", 99)
    assert task.lane == (PROJECT, QUEUE, "bash", "gpu", "ann")
    assert (task.state, task.updated_at, task.blockers) == (TaskState.BACKOFF, 3, 0)


def test_a_claim_reserves_and_a_success_settles(log: Log) -> None:
    log.submit()
    log.start()
    assert (log.project["reserved"], log.project["spent"]) == (40, 0)
    assert (log.task.state, log.task.agent_id, log.task.attempts) == (TaskState.RUNNING, "ann", 1)
    log.add(AttemptWarned(7), task_id=TASK, attempt_id=ATTEMPT, agent_id="ann")
    log.succeed(tokens=[3, 4, 5, 6], output="o", result={"x": 1}, exit_code=0, sandbox="process")
    assert (log.project["reserved"], log.project["spent"]) == (0, 25)
    assert (log.task.state, log.task.cost, log.task.burned) == (TaskState.SUCCEEDED, 25, 1)
    assert log.task.finished_at == log.task.updated_at == log.seq
    attempt = log.world.attempts[ATTEMPT]
    assert (attempt.state, attempt.cost, attempt.output, attempt.result) == ("succeeded", 25, "o", {"x": 1})
    assert (attempt.input_tokens, attempt.cache_write_tokens, attempt.exit_code) == (3, 6, 0)
    agent = log.world.agents["ann"].columns
    assert (agent["tokens_used"], agent["sessions_count"]) == (7, 1)


@pytest.mark.parametrize(("counts", "burned"), [(True, 1), (False, 0)])
def test_a_failure_burns_an_attempt_if_it_counts(log: Log, counts: bool, burned: int) -> None:
    log.submit()
    log.start()
    log.fail(20, counts=counts, ready_at=500)
    assert (log.task.state, log.task.burned, log.task.ready_at) == (TaskState.BACKOFF, burned, 500)
    assert log.task.finished_at is None
    attempt = log.world.attempts[ATTEMPT]
    assert (attempt.state, attempt.code, attempt.error, attempt.result) == (
        "failed",
        "exit_nonzero",
        "no",
        {"a": 1},
    )
    log.change(TaskReadied("backoff_over"))
    assert (log.task.state, log.task.ready_at) == (TaskState.READY, None)


def test_a_success_frees_those_that_depend_on_it(log: Log) -> None:
    log.submit(OTHER)
    log.submit(state=10, depends_on=[public(OTHER)], blockers=1)
    assert log.task.blockers == 1
    log.start(OTHER)
    log.succeed(OTHER)
    assert (log.task.blockers, log.task.edges) == (0, {OTHER: True})
    log.change(TaskReadied("dependencies_done"))
    assert log.task.state is TaskState.READY
    log.change(TaskRemoved("purged"), OTHER)
    assert log.task.edges == {}
    assert not log.world.attempts


def test_a_dependency_that_was_done_before_blocks_nothing(log: Log) -> None:
    log.submit(depends_on=[public(OTHER)], satisfied=[public(OTHER)])
    assert (log.task.blockers, log.task.edges) == (0, {OTHER: True})
    assert log.world.targets_elsewhere([TASK, OTHER]) == {OTHER}


def test_a_removed_task_that_is_waited_for_is_still_waited_for(log: Log) -> None:
    log.submit(state=10, depends_on=[public(OTHER)])
    log.world.forget_target(OTHER)
    assert log.task.blockers == 1


def test_of_two_that_wait_for_the_same_task_one_may_stop_waiting(log: Log) -> None:
    log.submit(state=10, depends_on=[public(OTHER)])
    log.submit(12, state=10, depends_on=[public(OTHER)])
    log.change(TaskEdited({"depends_on": [], "satisfied": [], "state": 30}))
    log.world.satisfy(OTHER)
    assert log.task.edges == {}
    assert log.world.tasks[12].edges == {OTHER: True}


def test_unblocking_by_hand_forgets_what_is_not_done(log: Log) -> None:
    log.submit(state=10, depends_on=[public(OTHER)])
    log.change(TaskReadied("by_hand"))
    assert (log.task.state, log.task.blockers) == (TaskState.READY, 0)


def test_cancelling_a_running_task_ends_its_attempt_and_releases_the_money(log: Log) -> None:
    log.submit()
    log.start()
    log.add(
        TaskCancelled("", 40), task_id=TASK, attempt_id=ATTEMPT, agent_id="ann", project_id=PROJECT, amount=0
    )
    assert (log.project["reserved"], log.project["spent"]) == (0, 0)
    attempt = log.world.attempts[ATTEMPT]
    assert (attempt.state, attempt.error, attempt.finished_at) == ("cancelled", "cancelled", log.seq)
    assert (log.task.state, log.task.finished_at) == (TaskState.CANCELLED, log.seq)


def test_cancel_requeue_archive_restore(log: Log) -> None:
    log.submit()
    log.change(TaskCancelled("changed my mind"))
    assert log.task.state is TaskState.CANCELLED
    log.change(TaskArchived())
    assert log.task.archived_at == log.seq
    log.change(TaskRestored())
    assert log.task.archived_at is None
    log.change(TaskRequeued(30, 0))
    assert (log.task.state, log.task.finished_at, log.task.burned) == (TaskState.READY, None, 0)


def test_an_edit_changes_what_it_names_and_nothing_else(log: Log) -> None:
    log.submit(depends_on=[public(OTHER)])
    changes = {
        "title": "new",
        "tags": ["b", "a"],
        "retry": {"max_attempts": 7},
        "priority": 0,
        "queue_id": ids.encode(ids.QUEUE, 5),
        "parent_id": None,
        "requires": ["y", "x", "y"],
        "assignee": "bob",
        "depends_on": [public(12), public(13)],
        "satisfied": [public(13)],
        "state": 10,
        "blockers": 1,
        "ready_at": 77,
    }
    log.change(TaskEdited(changes))
    task = log.task
    assert task.spec == TaskSpec(title="new", tags=("b", "a"), retry=RetryPolicy(max_attempts=7))
    assert (task.priority, task.queue_id, task.requires, task.assignee) == (0, 5, "x,y", "bob")
    assert (task.agent_id, task.max_attempts, task.ready_at) == ("bob", 7, 77)
    assert (task.state, task.edges) == (TaskState.BLOCKED, {12: False, 13: True})
    log.change(TaskEdited({"retry": RetryPolicy(max_attempts=2), "assignee": "", "state": 30}))
    assert (task.max_attempts, task.agent_id, task.ready_at) == (2, None, None)


def test_projects_queues_sessions_agents_and_classes(log: Log) -> None:
    world, project = log.world, ids.encode(ids.PROJECT, PROJECT)
    queue, session = ids.encode(ids.QUEUE, QUEUE), ids.encode(ids.SESSION, SESSION)
    log.add(CapitalAllocated(), project_id=PROJECT, amount=100)
    log.add(CapitalAllocated(), project_id=PROJECT, amount=-30)
    log.add(ProjectEdited({"status": "paused"}), project_id=PROJECT)
    assert (log.project["allocated"], log.project["status"], log.project["updated_at"]) == (
        70,
        "paused",
        log.seq,
    )
    log.add(QueueCreated(queue, {"name": "q", "project_id": project}))
    log.add(QueueEdited(queue, {"paused": True}))
    assert world.queues[QUEUE].columns["project_id"] == PROJECT
    assert world.queues[QUEUE].columns["paused"] == 1
    log.add(SessionCreated(session, {"name": "s"}))
    log.add(SessionEdited(session, {"status": "ended"}))
    assert world.sessions[SESSION].columns["status"] == "ended"
    log.add(TaskClassSet("BIG", 9))
    assert world.task_classes["BIG"].columns["timeout_us"] == 9
    log.add(RoleSet("mender", "custom", "mends", "{}"))
    said = {"kind": "custom", "description": "mends", "doc": "{}"}
    assert world.roles["mender"].columns == said | {"version": 1}
    log.add(RoleDeleted("mender"))
    log.add(ActivityPosted("a", "note", "hello"))
    log.add(QueueDeleted(queue))
    log.add(TaskClassDeleted("BIG"))
    log.add(AgentDeleted(), agent_id="ann")
    log.add(ProjectDeleted(), project_id=PROJECT)
    assert not any(
        (world.queues, world.task_classes, world.roles, world.agents, world.projects, world.strays)
    )


def test_each_edit_of_a_role_is_a_version_and_none_is_taken_away(log: Log) -> None:
    """OD-5"""
    log.add(RoleSet("mender", "custom", "mends", "{}"))
    log.add(RoleSet("other", "custom", "", "{}"))
    log.add(RoleSet("mender", "custom", "patches", "{}"))
    log.add(RoleDeleted("mender"))
    log.add(RoleSet("mender", "custom", "mends", "{}", 3, "ann", 1))
    world = log.world
    assert world.strays == []
    assert [(key, row.columns["description"]) for key, row in world.role_versions.items()] == [
        (("mender", 1), "mends"),
        (("other", 1), ""),
        (("mender", 2), "patches"),
        (("mender", 3), "mends"),
    ]
    last = world.role_versions["mender", 3].columns
    assert (last["created_by"], last["restored"], world.roles["mender"].columns["version"]) == ("ann", 1, 3)


def test_tokens_count_from_when_an_agent_came_or_was_set(log: Log) -> None:
    log.submit()
    log.start()
    log.add(AgentEdited({"tokens_used": 1000}), agent_id="ann")
    log.succeed(tokens=[1, 2, 0, 0])
    assert log.world.agents["ann"].columns["tokens_used"] == 1003
    late = AttemptSucceeded(0, tokens=[5, 5, 0, 0])
    evolve(log.world, Fact(1, 1, late, TASK, ATTEMPT, "ann", PROJECT, 0))
    assert log.world.agents["ann"].columns["tokens_used"] == 1003
    log.add(AgentRegistered({"name": "again"}), agent_id="ann")
    assert log.world.agents["ann"].columns["name"] == "Ann"


def test_a_world_can_be_fed_one_set_of_tasks_after_another(log: Log) -> None:
    log.submit()
    log.start()
    log.succeed()
    log.world.leave_tasks()
    log.submit(OTHER)
    assert set(log.world.tasks) == {OTHER}
    assert log.project["spent"] == 25


@pytest.mark.parametrize(
    ("payload", "about"),
    [
        (TaskReadied("x"), {"task_id": 999}),
        (AttemptStarted(1, None, 1), {"task_id": 999}),
        (AttemptStarted(1, None, 1), {"task_id": TASK}),
        (AttemptSucceeded(0), {"task_id": TASK, "attempt_id": 999}),
        (TaskCancelled(""), {"task_id": TASK, "attempt_id": 999}),
        (CapitalAllocated(), {}),
        (ProjectEdited({}), {"project_id": 999}),
        (ProjectCreated({}), {"project_id": PROJECT}),
        (ProjectDeleted(), {"project_id": 999}),
    ],
)
def test_an_event_about_something_unknown_is_noted(log: Log, payload: Payload, about: dict[str, Any]) -> None:
    log.submit()
    log.add(payload, **about)
    assert len(log.world.strays) == 1
    assert f"event {log.seq} ({payload.kind})" in log.world.strays[0]


def test_a_task_submitted_twice_is_noted_and_notes_are_bounded(log: Log) -> None:
    for _ in range(MOST_STRAYS + 5):
        log.submit()
    assert len(log.world.strays) == MOST_STRAYS


def test_money_of_a_project_that_is_gone_is_nobodys(log: Log) -> None:
    log.submit()
    log.start()
    log.add(ProjectDeleted(), project_id=PROJECT)
    log.succeed(tokens=[1, 1, 1, 1])
    log.world.charge(None, spent=5)
    assert not log.world.projects


def test_tokens_of_an_unknown_agent_are_nobodys(log: Log) -> None:
    log.submit()
    log.start()
    log.add(AgentDeleted(), agent_id="ann")
    log.succeed(tokens=[1, 1, 1, 1])
    assert not log.world.agents


def test_a_task_for_a_later_time_waits_for_it_once_its_dependencies_are_done(log: Log) -> None:
    log.submit(OTHER)
    log.submit(state=10, depends_on=[public(OTHER)], blockers=1, ready_at=10**16)
    log.start(OTHER)
    log.succeed(OTHER)
    log.change(TaskReadied("dependencies_done", 20))
    assert (log.task.state, log.task.ready_at) == (TaskState.BACKOFF, 10**16)
