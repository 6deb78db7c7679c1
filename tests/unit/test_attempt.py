"""Who may speak for an attempt, and where its failure leaves the task."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.domain.attempt import (
    CANCELLED,
    FAILED,
    RUNNING,
    SUCCEEDED,
    UNCOUNTED_DELAY_US,
    AfterFailure,
    Held,
    Standing,
    after_failure,
    standing,
)
from muster.domain.failure import FAILURES
from muster.domain.retry import IMMEDIATE, RetryPolicy
from muster.domain.task import TRANSITIONS, TaskState

HELD = Held(
    attempt_id=5,
    task_id=4,
    token=99,
    state=RUNNING,
    number=1,
    agent_id="ann",
    reserved=0,
    task_state=TaskState.RUNNING,
    current_attempt=5,
    lane_id=1,
    project_id=2,
    burned=0,
    max_attempts=3,
    dependents=0,
    finished_at=None,
)
CODES = st.sampled_from([*FAILURES, "made_up"])


class TestStanding:
    def test_the_holder_of_the_token_of_the_running_attempt_holds_it(self) -> None:
        """SW-4e"""
        assert standing(HELD, 99, SUCCEEDED) is Standing.HOLDS

    def test_another_token_holds_nothing(self) -> None:
        """SW-4e"""
        assert standing(HELD, 98, SUCCEEDED) is Standing.LOST

    def test_an_attempt_that_is_not_there_is_lost(self) -> None:
        """SW-4e"""
        assert standing(None, 99, SUCCEEDED) is Standing.LOST

    @pytest.mark.parametrize("wanted", [SUCCEEDED, FAILED])
    def test_the_same_end_twice_is_one_end(self, wanted: str) -> None:
        """SW-4e"""
        ended = replace(HELD, state=wanted, task_state=TaskState.SUCCEEDED)
        assert standing(ended, 99, wanted) is Standing.REPEATED

    @pytest.mark.parametrize("state", [CANCELLED, FAILED])
    def test_an_attempt_that_ended_otherwise_is_lost(self, state: str) -> None:
        """SW-4e"""
        assert standing(replace(HELD, state=state), 99, SUCCEEDED) is Standing.LOST

    def test_an_attempt_after_which_another_was_made_is_lost(self) -> None:
        """SW-4e"""
        assert standing(replace(HELD, current_attempt=6), 99, SUCCEEDED) is Standing.LOST

    @pytest.mark.parametrize("state", [state for state in TaskState if state is not TaskState.RUNNING])
    def test_an_attempt_of_a_task_that_does_not_run_is_lost(self, state: TaskState) -> None:
        """SW-4e"""
        assert standing(replace(HELD, task_state=state), 99, SUCCEEDED) is Standing.LOST


def fail(code: str = "exit_nonzero", *, burned: int = 0, retry: bool | None = None) -> AfterFailure:
    policy = RetryPolicy(max_attempts=3, jitter=0)
    return after_failure(code, burned=burned, policy=policy, now=1_000, chance=0.5, retry=retry)


class TestAfterFailure:
    def test_a_failed_task_waits_for_its_back_off(self) -> None:
        """SA-2a"""
        assert fail() == AfterFailure(TaskState.BACKOFF, 2_001_000, counts=True)
        assert fail(burned=1) == AfterFailure(TaskState.BACKOFF, 4_001_000, counts=True)

    def test_the_last_allowed_attempt_ends_the_task(self) -> None:
        """SA-2a"""
        assert fail(burned=2) == AfterFailure(TaskState.FAILED, None, counts=True)

    def test_what_cannot_get_better_is_not_tried_again(self) -> None:
        """SA-2a"""
        assert fail("workdir_missing").state is TaskState.FAILED

    def test_the_claimers_word_on_retrying_goes_before_the_list(self) -> None:
        """SA-2a"""
        assert fail("workdir_missing", retry=True).state is TaskState.BACKOFF
        assert fail("exit_nonzero", retry=False).state is TaskState.FAILED

    def test_a_released_task_is_ready_at_once_and_no_attempt_is_used_up(self) -> None:
        """SA-2a"""
        assert fail("released", burned=2) == AfterFailure(TaskState.READY, None, counts=False)

    def test_a_provider_that_is_busy_uses_up_no_attempt_either(self) -> None:
        """SA-2a"""
        waiting = AfterFailure(TaskState.BACKOFF, 1_000 + UNCOUNTED_DELAY_US, counts=False)
        assert fail("rate_limited", burned=2) == waiting

    def test_a_provider_that_stays_busy_is_asked_less_and_less_often(self) -> None:
        """SW-4d"""
        policy = RetryPolicy(max_attempts=3, jitter=0)
        waits = [
            after_failure(
                "provider_unavailable", burned=0, policy=policy, now=0, chance=0, free=free
            ).ready_at
            for free in (1, 2, 3, 50)
        ]
        assert waits == [UNCOUNTED_DELAY_US, 2 * UNCOUNTED_DELAY_US, 4 * UNCOUNTED_DELAY_US, 300_000_000]

    def test_a_used_up_quota_is_waited_for_until_it_opens_again(self) -> None:
        """SW-4d: it burns no attempt."""
        policy = RetryPolicy(max_attempts=1)
        after = after_failure(
            "quota_exhausted", burned=0, policy=policy, now=7, chance=0, wait_us=3_600_000_000
        )
        assert after == AfterFailure(TaskState.BACKOFF, 3_600_000_007, counts=False)

    def test_a_policy_without_back_off_makes_the_task_ready_at_once(self) -> None:
        """SA-2a"""
        after = after_failure("timeout", burned=0, policy=IMMEDIATE, now=7, chance=0)
        assert after == AfterFailure(TaskState.READY, None, counts=True)

    @given(
        CODES,
        st.integers(0, 200),
        st.integers(1, 100),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from([None, True, False]),
    )
    def test_every_failure_leads_somewhere_a_running_task_may_go(
        self, code: str, burned: int, allowed: int, chance: float, retry: bool | None
    ) -> None:
        """SA-2a"""
        policy = RetryPolicy(max_attempts=allowed)
        after = after_failure(code, burned=burned, policy=policy, now=10, chance=chance, retry=retry)
        assert after.state in TRANSITIONS[TaskState.RUNNING]
        assert (after.ready_at is not None) == (after.state is TaskState.BACKOFF)
        assert after.ready_at is None or after.ready_at >= 10
        if after.counts and burned + 1 >= allowed:
            assert after.state is TaskState.FAILED
