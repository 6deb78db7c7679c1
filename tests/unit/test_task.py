"""States of tasks and what may follow what."""

from __future__ import annotations

import pytest

from muster.domain.task import PRIORITIES, STATES, TRANSITIONS, LaneKey, Priority, TaskSpec, TaskState

EVERY = pytest.mark.parametrize("state", TaskState)


@EVERY
def test_a_state_waits_runs_or_is_an_end(state: TaskState) -> None:
    """SQ-2"""
    assert [state.waiting, state is TaskState.RUNNING, state.finished].count(True) == 1


@EVERY
def test_a_state_is_found_by_its_word(state: TaskState) -> None:
    """SQ-2"""
    assert STATES[state.label] is state
    assert state.label == state.label.lower()


@EVERY
def test_every_state_can_be_reached_and_left(state: TaskState) -> None:
    """SQ-2"""
    assert TRANSITIONS[state]
    assert state not in TRANSITIONS[state]
    assert state in frozenset[TaskState]().union(*TRANSITIONS.values())


@EVERY
def test_only_a_ready_task_starts_to_run(state: TaskState) -> None:
    """MC-2"""
    assert (TaskState.RUNNING in TRANSITIONS[state]) == (state is TaskState.READY)


@EVERY
def test_whatever_is_not_over_can_be_cancelled(state: TaskState) -> None:
    """SQ-5"""
    assert (TaskState.CANCELLED in TRANSITIONS[state]) == (not state.finished)


def test_the_urgent_go_first() -> None:
    """SQ-3"""
    assert [priority.label for priority in sorted(Priority)] == ["urgent", "high", "medium", "low"]
    assert PRIORITIES["urgent"] is Priority.URGENT


def test_a_task_needs_no_more_than_a_title() -> None:
    """SQ-2"""
    spec = TaskSpec(title="t")
    assert (spec.task_class, spec.network, spec.retry.max_attempts) == ("MEDIUM_SCRIPT", False, 3)
    assert spec.payload is not TaskSpec(title="t").payload


def test_lanes_of_the_same_kind_of_work_are_one() -> None:
    """MC-2"""
    assert len({LaneKey(project_id=1, queue_id=2, kind="bash") for _ in range(2)}) == 1
