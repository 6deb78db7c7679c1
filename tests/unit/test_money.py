"""Dollars outside, micro-dollars inside."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.domain.errors import InvalidInput
from muster.domain.money import MAX_DOLLARS, MICROS, dollars, micros

AMOUNTS = st.integers(-MAX_DOLLARS * MICROS, MAX_DOLLARS * MICROS)


@given(AMOUNTS)
def test_an_amount_survives_the_way_out_and_in(amount: int) -> None:
    """SW-4d"""
    assert micros(dollars(amount)) == amount


@pytest.mark.parametrize(
    ("given_dollars", "expected"),
    [
        (0.1, 100_000),
        (0.000001, 1),
        (0.0000005, 0),
        (0.0000015, 2),
        (Decimal("1.23"), 1_230_000),
        (-2, -2_000_000),
    ],
)
def test_amounts_are_rounded_half_to_even(given_dollars: float | Decimal, expected: int) -> None:
    """SW-4d"""
    assert micros(given_dollars) == expected


def test_tenths_add_up() -> None:
    """SW-4d"""
    assert sum(micros(0.1) for _ in range(10)) == micros(1.0)


@pytest.mark.parametrize("amount", [math.nan, math.inf, -math.inf, 1e9 + 1, -1e12, Decimal("NaN")])
def test_an_amount_that_is_none_is_refused_by_the_name_of_its_field(amount: float | Decimal) -> None:
    """OD-42"""
    with pytest.raises(InvalidInput, match="budget") as refused:
        micros(amount, "budget")
    assert refused.value.details["field"] == "budget"
