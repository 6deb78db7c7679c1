"""Errors explain themselves."""

from __future__ import annotations

import string

import pytest

from muster.domain import errors
from muster.domain.errors import Category, InvalidInput, MusterError, NotFound, WrongState

CLASSES = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, MusterError)]


def test_the_message_is_the_docstring_with_the_culprit_in_it() -> None:
    """OD-42"""
    error = NotFound(noun="task", id="tsk_1")
    assert str(error) == error.message == "There is no task tsk_1."
    assert error.details == {"noun": "task", "id": "tsk_1"}


def test_a_message_of_its_own_goes_before_the_docstring() -> None:
    """OD-42"""
    assert str(InvalidInput("just so", field="x")) == "just so"


def test_a_message_that_lacks_a_detail_is_shown_as_it_is() -> None:
    """OD-42"""
    assert NotFound(noun="task").message == "There is no {noun} {id}."


def test_a_class_without_a_docstring_still_has_a_message() -> None:
    """OD-42"""

    class Bare(MusterError):
        pass

    Bare.__doc__ = None
    assert Bare().message == "error"


def test_a_long_docstring_is_one_line_as_a_message() -> None:
    """OD-42"""
    message = errors.DatabaseTooNew(found="9", known="8").message
    assert "\n" not in message
    assert "  " not in message


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_error_can_be_told_apart_and_explains_itself(error: type[MusterError]) -> None:
    """OD-42"""
    names = {name for _, name, _, _ in string.Formatter().parse(error.__doc__ or "") if name}
    message = error(**dict.fromkeys(names, "this")).message
    assert message
    assert "{" not in message
    assert isinstance(error.category, Category)


def test_codes_are_unique() -> None:
    """OD-42"""
    codes = [error.code for error in CLASSES]
    assert len(set(codes)) == len(codes)


def test_a_wrong_state_is_a_conflict() -> None:
    """OD-42"""
    error = WrongState(noun="task", id="t", state="running", wanted="cancel it first")
    assert error.category is Category.CONFLICT
    assert error.message == "task t is running; cancel it first"
