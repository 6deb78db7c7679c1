"""Putting a task elsewhere in its queue."""

from __future__ import annotations

import pytest

from muster.domain.order import rearranged


@pytest.mark.parametrize(
    ("line", "target", "expected"),
    [
        ([1, 2], 0, {4: 10, 1: 20, 2: 40}),
        ([1, 2], 1, {4: 20, 2: 40}),
        ([1, 2], 2, {}),
        ([], 0, {}),
    ],
)
def test_places_are_handed_on_and_never_made_up(
    line: list[int], target: int, expected: dict[int, int]
) -> None:
    """SW-8a"""
    assert rearranged(line, {1: 10, 2: 20, 4: 40}, 4, target) == expected
