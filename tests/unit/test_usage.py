"""Token counts add up, and nothing is counted twice."""

from __future__ import annotations

from muster.domain.usage import TokenUsage

ONE = TokenUsage(input=10, output=5, cache_read=3, cache_write=2, reasoning=4)


def test_counts_add_and_subtract_field_by_field() -> None:
    assert TokenUsage(input=20, output=10, cache_read=6, cache_write=4, reasoning=8) == ONE + ONE
    assert ONE + ONE - ONE == ONE


def test_what_the_model_was_given_includes_the_caches() -> None:
    assert ONE.context == 15


def test_reasoning_is_part_of_the_output_and_not_counted_again() -> None:
    assert ONE.total == 20
