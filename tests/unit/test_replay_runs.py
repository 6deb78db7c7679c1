"""Runs folded from the log."""

from __future__ import annotations

from typing import Any

from muster.domain.events import (
    AttemptStarted,
    Payload,
    ProjectCreated,
    TaskCancelled,
    TaskRemoved,
    TaskSubmitted,
)
from muster.domain.events_runs import RunCharged, RunDescribed, RunStarted
from muster.domain.replay import evolve
from muster.domain.replay_world import Fact, World
from muster.domain.task import TaskSpec

ABOUT: dict[str, Any] = {"task_id": 10, "attempt_id": 20, "agent_id": "ann", "project_id": 1}


def world_after(*payloads: Payload) -> World:
    world = World()
    spec = TaskSpec(title="t")
    submitted = TaskSubmitted(spec, "prompt", "que_0000000000002", 30, 2, 1, 0, 3)
    for seq, payload in enumerate((ProjectCreated({"name": "p"}), submitted, *payloads), 1):
        evolve(world, Fact(seq, seq, payload, **ABOUT))
    return world


STARTED = (AttemptStarted(1, None, 1), RunStarted({"agent": "claude", "branch": "b"}))


def test_a_run_is_what_was_said_of_it_last() -> None:
    """SW-4a"""
    world = world_after(*STARTED, RunDescribed({"session": "s", "branch": "c"}))
    assert world.strays == []
    assert world.runs[20].columns == {
        "task_id": 10,
        "agent": "claude",
        "model": "",
        "session": "s",
        "branch": "c",
        "base_commit": None,
        "head_commit": None,
        "workspace": None,
        "workspace_kind": None,
        "base_branch": None,
        "pushed_to": None,
        "pull_request": None,
        "role": None,
        "role_version": None,
        "started_at": 4,
    }


def test_what_does_not_fit_is_noted() -> None:
    """SW-4a"""
    (stray,) = world_after(RunStarted({"agent": "a"})).strays
    assert "an attempt that never started" in stray
    (stray,) = world_after(*STARTED, STARTED[1]).strays
    assert "a run that was started before" in stray
    (stray,) = world_after(STARTED[0], RunDescribed({})).strays
    assert "a run that was never started" in stray


def test_what_was_metered_late_is_charged() -> None:
    """SW-4a"""
    world = world_after(*STARTED, TaskCancelled("no"))
    evolve(world, Fact(9, 9, RunCharged(), **ABOUT, amount=40))
    task = world.tasks[10]
    assert (world.attempts[20].cost, task.cost, task.updated_at) == (40, 40, 9)
    assert world.projects[1].columns["spent"] == 40


def test_a_removed_task_takes_its_runs_along() -> None:
    """OD-2"""
    world = world_after(*STARTED, TaskCancelled("no"), TaskRemoved("deleted"))
    assert (world.runs, world.strays) == ({}, [])
    world = world_after(*STARTED)
    world.leave_tasks()
    assert world.runs == {}
