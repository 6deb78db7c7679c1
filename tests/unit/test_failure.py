"""The documented list of failure codes."""

from __future__ import annotations

import re

import pytest

from muster.domain.failure import FAILURES, FailureCode, failure

EVERY = pytest.mark.parametrize("entry", FAILURES.values(), ids=lambda entry: entry.code)


@EVERY
def test_a_code_says_what_it_means_and_what_happens_next(entry: FailureCode) -> None:
    """SA-2a"""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", entry.code)
    assert entry.meaning.endswith(".")
    assert entry.next_step.endswith(".")


@EVERY
def test_what_a_code_promises_is_what_it_does(entry: FailureCode) -> None:
    """SA-2a"""
    assert entry.next_step.startswith("Not retried") == (not entry.retry)
    if "does not count" in entry.next_step:
        assert not entry.counts


def test_there_are_about_twenty_five_codes() -> None:
    """SA-2a"""
    assert 25 <= len(FAILURES) <= 40


def test_a_code_that_is_not_in_the_list_counts_as_an_error_of_the_agent() -> None:
    """SA-2a"""
    assert failure("timeout").code == "timeout"
    assert failure("made_up") is FAILURES["agent_error"]
    assert failure("") is FAILURES["agent_error"]
