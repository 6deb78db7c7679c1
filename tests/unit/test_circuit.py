"""The breaker of a model provider (SW-4d)."""

from __future__ import annotations

import pytest

from muster.domain.circuit import OPENS_AFTER, Circuit, CircuitState, is_answer, is_failure


def broken(times: int, now: int = 0) -> Circuit:
    circuit = Circuit()
    for _ in range(times):
        circuit = circuit.failed(now, 1)
    return circuit


def test_it_opens_after_failures_in_a_row_and_not_before() -> None:
    assert broken(OPENS_AFTER - 1).state is CircuitState.CLOSED
    opened = broken(OPENS_AFTER, now=100)
    assert (opened.state, opened.until, opened.trips) == (CircuitState.OPEN, 130, 1)


def test_further_failures_of_calls_under_way_do_not_prolong_it() -> None:
    assert broken(OPENS_AFTER + 7).until == 30


def test_when_its_time_is_up_one_may_try() -> None:
    opened = broken(OPENS_AFTER)
    assert opened.due(29) == opened
    assert opened.due(30).state is CircuitState.HALF_OPEN
    assert Circuit().due(30) == Circuit()


def test_each_failed_try_makes_the_wait_longer_up_to_ten_minutes() -> None:
    circuit, waits = broken(OPENS_AFTER), []
    for _ in range(7):
        now = circuit.until or 0
        circuit = circuit.due(now).failed(now, 1)
        waits.append((circuit.until or 0) - now)
    assert waits == [60, 120, 240, 480, 600, 600, 600]


@pytest.mark.parametrize(
    ("status", "error", "fails", "answers"),
    [
        (200, "", False, True),
        (400, "bad", False, True),
        (429, "slow down", False, True),
        (500, "", True, False),
        (529, "overloaded", True, False),
        (None, "anthropic did not answer", True, False),
        (None, "cut off", False, False),
        (503, "held back: anthropic is failing", False, False),
    ],
)
def test_only_what_the_provider_did_counts(
    status: int | None, error: str, fails: bool, answers: bool
) -> None:
    assert (is_failure(status, error), is_answer(status, error)) == (fails, answers)
