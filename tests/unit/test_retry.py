"""How long a failed task waits."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.domain.errors import InvalidInput
from muster.domain.retry import IMMEDIATE, RetryPolicy

POLICIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 100),
    base_seconds=st.floats(0, 86_400),
    factor=st.floats(1, 10),
    max_seconds=st.floats(0, 86_400),
    jitter=st.floats(0, 1),
)
CHANCES = st.floats(0, 1, exclude_max=True)


def test_delays_double_from_two_seconds_up_to_five_minutes() -> None:
    """SA-2a"""
    delays = [RetryPolicy(jitter=0).delay_us(failed, 0.5) / 1_000_000 for failed in range(1, 11)]
    assert delays == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


@given(POLICIES, st.integers(1, 10_000), CHANCES)
def test_a_delay_stays_within_its_limits(policy: RetryPolicy, failed: int, chance: float) -> None:
    """SA-2a"""
    delay = policy.delay_us(failed, chance)
    assert 0 <= delay <= policy.max_seconds * (1 + policy.jitter) * 1_000_000 + 1


@given(POLICIES, CHANCES)
def test_delays_do_not_shrink_from_failure_to_failure(policy: RetryPolicy, chance: float) -> None:
    """SA-2a"""
    delays = [policy.delay_us(failed, chance) for failed in range(1, 80)]
    assert all(one <= other for one, other in pairwise(delays))


@given(CHANCES)
def test_jitter_spreads_around_the_plain_delay(chance: float) -> None:
    """SA-2a"""
    delay = RetryPolicy(base_seconds=10, jitter=0.2).delay_us(1, chance)
    assert 8_000_000 <= delay <= 12_000_000
    assert (delay < 10_000_000) == (chance < 0.5) or math.isclose(chance, 0.5)


def test_a_policy_without_a_base_retries_at_once() -> None:
    """SA-2a"""
    assert IMMEDIATE.delay_us(50, 0.99) == 0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"max_attempts": 0}, "retry.max_attempts"),
        ({"max_attempts": 101}, "retry.max_attempts"),
        ({"base_seconds": -1}, "retry.base_seconds"),
        ({"base_seconds": math.nan}, "retry.base_seconds"),
        ({"max_seconds": 86_401}, "retry.max_seconds"),
        ({"factor": 0.5}, "retry.factor"),
        ({"factor": math.inf}, "retry.factor"),
        ({"jitter": 1.1}, "retry.jitter"),
        ({"jitter": math.nan}, "retry.jitter"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any], field: str) -> None:
    """OD-42"""
    with pytest.raises(InvalidInput, match=field):
        RetryPolicy(**wrong)
