"""Preferences: which are kept, and what changed."""

from __future__ import annotations

import pytest

from muster.domain.errors import InvalidInput, TooLarge
from muster.domain.preferences import MAX_NAMES, Preferences, changed_names, check_preferences


def test_there_are_none_to_begin_with() -> None:
    assert (Preferences().version, dict(Preferences().values), Preferences().updated_at) == (0, {}, None)


def test_names_are_plain_and_few() -> None:
    check_preferences({"theme": "dark", "views.tasks": [], "fleet_1": None})
    with pytest.raises(InvalidInput, match="'Theme' is no name"):
        check_preferences({"Theme": "dark"})
    with pytest.raises(InvalidInput, match="holds 101 names"):
        check_preferences({f"n{number}": 1 for number in range(MAX_NAMES + 1)})


def test_all_of_them_together_are_small() -> None:
    with pytest.raises(TooLarge):
        check_preferences({"views": "x" * 40_000})


def test_what_was_added_changed_and_removed_is_named() -> None:
    before = {"a": 1, "b": {"x": 1, "y": 2}, "c": 1, "one": 1, "gone": None}
    after = {"a": 1, "b": {"y": 2, "x": 1}, "c": 2, "one": True, "new": None}
    assert changed_names(before, after) == ["c", "gone", "new", "one"]
