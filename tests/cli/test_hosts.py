"""`muster sandboxes`: what each moved over its network."""

from __future__ import annotations

from typing import Any

import pytest

from muster.cli.hosts import SANDBOX_COLUMNS


def cell(heading: str, row: dict[str, Any]) -> object:
    (column,) = [one for one in SANDBOX_COLUMNS if one.heading == heading]
    assert callable(column.value)
    return column.value(row)


@pytest.mark.parametrize(
    ("samples", "reason", "shown"),
    [
        ([{"rx_bytes": 2048}], None, "2.0 KiB"),
        ([{"rx_bytes": 0}], None, "0 B"),
        ([{"rx_bytes": None}], "Not counted at this level", "not counted"),
        ([], "Not counted at this level", "not counted"),
        ([{"rx_bytes": None}], None, "-"),
    ],
)
def test_bytes_that_nobody_counts_are_never_zero(
    samples: list[dict[str, Any]], reason: str | None, shown: str
) -> None:
    """OD-34"""
    assert cell("received", {"samples": samples, "no_traffic": reason}) == shown
