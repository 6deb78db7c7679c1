"""Public ids and the integers behind them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.domain import ids
from muster.domain.errors import NotFound

NUMBERS = st.integers(0, 2**63 - 1)
PREFIXES = st.sampled_from(sorted(ids.NOUNS))
# Microseconds from 2024 to 2160: what fits into 42 bits of milliseconds.
TIMES = st.integers(ids.EPOCH_MS * 1000, (ids.EPOCH_MS + 2**42 - 2) * 1000)


@given(PREFIXES, NUMBERS)
def test_a_public_id_leads_back_to_its_number(prefix: str, number: int) -> None:
    """MC-1"""
    text = ids.encode(prefix, number)
    assert ids.decode(prefix, text) == number
    assert len(text) == len(prefix) + 14
    assert text == text.lower()


@given(PREFIXES, NUMBERS, NUMBERS)
def test_public_ids_sort_as_their_numbers_do(prefix: str, one: int, other: int) -> None:
    """MC-1"""
    assert (ids.encode(prefix, one) < ids.encode(prefix, other)) == (one < other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tsk",
        "tsk_",
        "tsk_0dq3m8x1c7w0",
        "tsk_0dq3m8x1c7w000",
        "prj_0dq3m8x1c7w00",
        "TSK_0dq3m8x1c7w00",
        "tsk_0DQ3M8X1C7W00",
        "tsk_0dq3m8x1c7wil",
        "tsk_zzzzzzzzzzzzz",
        "tsk_0dq3m8x1c7w0\n",
        "tsk-0dq3m8x1c7w00",
    ],
)
def test_what_cannot_be_an_id_is_an_unknown_id(text: str) -> None:
    """OD-42"""
    with pytest.raises(NotFound) as refused:
        ids.decode(ids.TASK, text)
    assert refused.value.details == {"noun": "task", "id": text}


@given(st.text())
def test_no_text_breaks_the_reading_of_an_id(text: str) -> None:
    """OD-42"""
    with pytest.raises(NotFound):
        ids.decode(ids.TASK, "tsk_" + text + "!")


def test_a_long_text_is_shortened_in_the_answer() -> None:
    """OD-42"""
    with pytest.raises(NotFound) as refused:
        ids.decode(ids.TASK, "x" * 1_000_000)
    assert len(str(refused.value.details["id"])) == 60


@given(TIMES)
def test_an_id_tells_when_it_was_made(at: int) -> None:
    """MC-1"""
    number = ids.IdSequence(3).next(at)
    assert ids.created_at(number) == at // 1000 * 1000
    assert ids.first_id_at(at // 1000 * 1000) <= number


@given(TIMES, st.integers(1000, 10**9))
def test_everything_made_later_has_a_larger_id(at: int, later: int) -> None:
    """MC-1"""
    assert ids.IdSequence(255).next(at) < ids.first_id_at(at + later)


def test_before_the_beginning_of_ids_there_is_only_zero() -> None:
    """MC-1"""
    assert ids.first_id_at(0) == 0
    assert ids.IdSequence(0).next(0) == 1


@given(st.integers(0, 255), st.lists(st.integers(0, 10**16), min_size=2, max_size=50))
def test_ids_of_a_node_rise_whatever_the_clock_does(node: int, clock: list[int]) -> None:
    """MC-1"""
    sequence = ids.IdSequence(node)
    made = [sequence.next(at) for at in clock]
    assert all(one < other for one, other in pairwise(made))


@given(st.integers(0, 255), st.integers(0, 255))
def test_two_nodes_never_make_the_same_id(one: int, other: int) -> None:
    """MC-1"""
    at = (ids.EPOCH_MS + 12_345) * 1000
    sequences = [ids.IdSequence(one), ids.IdSequence(other)]
    made = [{sequence.next(at) for _ in range(100)} for sequence in sequences]
    assert one == other or not made[0] & made[1]


def test_a_used_up_millisecond_runs_on_into_the_next_and_stays_with_its_node() -> None:
    """MC-1"""
    at = (ids.EPOCH_MS + 5) * 1000
    sequence = ids.IdSequence(7)
    made = [sequence.next(at) for _ in range(20_000)]
    assert len(set(made)) == 20_000
    assert made == sorted(made)
    assert {number >> 13 & 255 for number in made} == {7}
    assert ids.created_at(made[-1]) - at == 2_000
