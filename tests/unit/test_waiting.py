"""Why tasks wait that are not ready, times as text, words of a search."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from muster.domain import ids
from muster.domain.search import MAX_TERMS, MAX_WORD, search_query, search_words, words_of
from muster.domain.task import TaskState
from muster.domain.times import iso
from muster.domain.waiting import Blocker, blocked_hold, delayed_hold


def named(number: int) -> str:
    return ids.encode(ids.TASK, number)


def test_a_blocked_task_names_at_most_ten_of_what_it_waits_for() -> None:
    hold = blocked_hold([Blocker(number, TaskState.READY) for number in range(12)])
    assert hold.code == "blocked_by"
    assert hold.message.endswith(f"{named(9)} and 2 more")
    assert hold.details == {"tasks": [named(number) for number in range(10)], "count": 12}


def test_what_will_not_be_done_any_more_is_named_first() -> None:
    hold = blocked_hold([Blocker(1, TaskState.RUNNING), Blocker(2, TaskState.CANCELLED)])
    assert hold.code == "dependency_failed"
    assert hold.message == f"{named(2)} was cancelled: requeue it, or cancel this task"
    assert blocked_hold([Blocker(3, None)]).message.startswith(f"{named(3)} was removed")
    both = blocked_hold([Blocker(4, TaskState.FAILED), Blocker(5, TaskState.FAILED)])
    assert both.message.startswith(f"{named(4)} failed (and 1 more)")


def test_a_task_is_delayed_by_its_time_or_by_its_back_off() -> None:
    assert delayed_hold(1_000_000, 0, 3).code == "scheduled"
    hold = delayed_hold(1_000_000, 2, 3)
    assert hold.code == "backoff_until"
    assert hold.message == "attempt 2 of 3 failed; next try at 1970-01-01T00:00:01.000Z"


def test_times_are_utc_with_milliseconds() -> None:
    assert iso(1_769_851_800_123_456) == "2026-01-31T09:30:00.123Z"
    assert iso(253_402_300_799_999_999) == "9999-12-31T23:59:59.999Z"


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31)))
def test_every_time_is_written_as_the_calendar_has_it(moment: datetime) -> None:
    at_us = (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    assert iso(at_us) == moment.isoformat(timespec="milliseconds") + "Z"


def test_search_ignores_case_accents_and_signs() -> None:
    assert words_of("Über-Größe: foo_bar/baz.py ²") == ["uber", "grosse", "foo", "bar", "baz", "py", "2"]
    assert search_words("Fix a BUG, fix!") == ["fix", "a", "bug"]
    assert search_words("?! --") == []
    assert search_words("x" * 100) == ["x" * MAX_WORD]


def test_words_of_three_letters_are_beginnings_and_completed_where_that_is_known() -> None:
    assert search_query(["fix", "a", "bug"], {}) == "fix* AND a AND bug*"
    assert search_query(["bug", "fix"], {"bug": ["bug", "bugs"], "fix": []}) == "(bug OR bugs) AND fix*"


@given(st.text())
def test_what_people_type_becomes_words_and_nothing_else(text: str) -> None:
    words = search_words(text)
    assert len(words) <= MAX_TERMS
    assert all(word.isalnum() and word == word.casefold() for word in words)
