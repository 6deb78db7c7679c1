"""The catalogue of events."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass

import pytest

from muster.domain.events import CATALOGUE, Payload

EVERY = pytest.mark.parametrize("payload", CATALOGUE, ids=lambda payload: payload.kind)


def test_every_kind_of_event_is_in_the_catalogue_once() -> None:
    """OD-6"""
    kinds = [payload.kind for payload in CATALOGUE]
    assert len(set(kinds)) == len(kinds)
    assert set(Payload.__subclasses__()) == set(CATALOGUE)


@EVERY
def test_a_kind_is_a_noun_and_what_happened_to_it(payload: type[Payload]) -> None:
    """OD-6"""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+", payload.kind)


@EVERY
def test_a_kind_says_what_it_means(payload: type[Payload]) -> None:
    """OD-6"""
    assert is_dataclass(payload)
    assert payload.__doc__
    assert payload.__doc__.strip().endswith(".")


@EVERY
def test_data_does_not_repeat_what_the_log_has_in_columns(payload: type[Payload]) -> None:
    """OD-6"""
    columns = {"seq", "at", "task_id", "attempt_id", "agent_id", "project_id", "amount"}
    assert not columns & {field.name for field in fields(payload)}
