"""Commits are named by the beginning of their id, as they are shown (SW-4i)."""

from __future__ import annotations

import pytest

from muster.cli.commits import seen
from muster.domain.errors import InvalidInput

NOW = "1b76da327ec8b2f03006c0ac139e625b08e9b850"


@pytest.mark.parametrize("given", [None, NOW, NOW[:8], NOW[:8].upper(), NOW[:4]])
def test_what_is_shown_of_the_present_commit_names_it(given: str | None) -> None:
    assert seen(given, NOW) == NOW


def test_a_whole_id_of_another_one_is_for_the_server_to_judge() -> None:
    other = "0" * 40
    assert seen(other, NOW) == other
    assert seen(None, None) is None


@pytest.mark.parametrize(
    ("given", "now", "words"),
    [
        ("0000000", NOW, "the work is at 1b76da32, not at '0000000'"),
        ("1b7", NOW, "not at '1b7'"),
        ("1b76da32", None, "no work yet"),
    ],
)
def test_the_beginning_of_another_one_is_told_where_the_work_is(
    given: str, now: str | None, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        seen(given, now)
