"""The values a script may be given, and the task that runs it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.domain.errors import InvalidInput
from muster.domain.script import MAX_TEXT, InputType, InputValue, Script, ScriptInput, tag_of
from muster.domain.task import TaskKind

JSON_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.text(), st.lists(st.integers())
)


def read(kind: InputType, value: object) -> InputValue:
    return ScriptInput(name="x", type=kind, choices=("fast", "full", "3")).checked(value)


class TestValues:
    @pytest.mark.parametrize(
        ("kind", "value", "expected"),
        [
            (InputType.STRING, "words", "words"),
            (InputType.STRING, "", ""),
            (InputType.STRING, 3, "3"),
            (InputType.STRING, 2.5, "2.5"),
            (InputType.CHOICE, "fast", "fast"),
            (InputType.CHOICE, 3, "3"),
            (InputType.INT, 7, 7),
            (InputType.INT, " -7 ", -7),
            (InputType.INT, 7.0, 7),
            (InputType.FLOAT, 1, 1.0),
            (InputType.FLOAT, "2.5e3", 2500.0),
            (InputType.BOOL, True, True),
            (InputType.BOOL, "Yes", True),
            (InputType.BOOL, "off", False),
            (InputType.BOOL, 0, False),
        ],
    )
    def test_texts_are_read_as_numbers_and_flags(
        self, kind: InputType, value: object, expected: InputValue
    ) -> None:
        """SQ-7"""
        found = read(kind, value)
        assert found == expected
        assert type(found) is type(expected)

    @pytest.mark.parametrize(
        ("kind", "value", "problem"),
        [
            (InputType.STRING, True, "must be text"),
            (InputType.STRING, ["a"], "must be text"),
            (InputType.STRING, "a\x00b", "NUL"),
            (InputType.STRING, "x" * (MAX_TEXT + 1), "longer than"),
            (InputType.CHOICE, "slow", "must be one of fast, full, 3"),
            (InputType.CHOICE, None, "must be one of"),
            (InputType.INT, "seven", "whole number"),
            (InputType.INT, "9" * 5_000, "whole number"),
            (InputType.INT, 7.5, "whole number"),
            (InputType.INT, True, "whole number"),
            (InputType.INT, 2**63, "whole number"),
            (InputType.INT, math.nan, "whole number"),
            (InputType.FLOAT, "many", "must be a number"),
            (InputType.FLOAT, "nan", "must be a number"),
            (InputType.FLOAT, math.inf, "must be a number"),
            (InputType.FLOAT, 10**400, "must be a number"),
            (InputType.FLOAT, False, "must be a number"),
            (InputType.BOOL, "maybe", "true or false"),
            (InputType.BOOL, 2, "true or false"),
            (InputType.BOOL, 1.0, "true or false"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name(self, kind: InputType, value: object, problem: str) -> None:
        """SQ-7, OD-42"""
        with pytest.raises(InvalidInput, match=problem) as refused:
            read(kind, value)
        assert refused.value.details["field"] == "inputs.x"
        assert len(refused.value.message) < 200

    @given(st.sampled_from(InputType), JSON_VALUES)
    def test_a_value_is_read_or_refused_and_reading_it_again_changes_nothing(
        self, kind: InputType, value: object
    ) -> None:
        """SQ-7"""
        try:
            found = read(kind, value)
        except InvalidInput:
            return
        assert read(kind, found) == found


SCRIPT = Script(
    name="backup",
    path="/scripts/backup.sh",
    kind=TaskKind.BASH,
    description="Dump it",
    inputs=(
        ScriptInput(name="target", required=True, description="where to"),
        ScriptInput(name="level", type=InputType.INT, default=3),
        ScriptInput(name="note"),
    ),
    tags=("db",),
)


class TestInputs:
    def test_a_script_gets_what_was_given_and_the_defaults_of_the_rest(self) -> None:
        """SQ-7"""
        assert SCRIPT.checked_inputs({"target": "/tmp", "note": None}) == {"target": "/tmp", "level": 3}
        assert SCRIPT.checked_inputs({"target": "/tmp", "level": "9"})["level"] == 9

    @pytest.mark.parametrize(
        ("given_values", "problem"),
        [
            ({}, r"inputs.target: is required by script backup: string \(where to\)"),
            ({"target": None}, "is required"),
            ({"target": "a", "levle": 1}, "did you mean level"),
            ({"target": "a", "zzz": 1}, "it takes target, level, note"),
            ({"target": "a", "level": "high"}, "inputs.level"),
        ],
    )
    def test_wrong_inputs_are_refused(self, given_values: dict[str, Any], problem: str) -> None:
        """SQ-7, OD-42"""
        with pytest.raises(InvalidInput, match=problem):
            SCRIPT.checked_inputs(given_values)

    def test_a_script_without_inputs_says_so(self) -> None:
        """SQ-7"""
        bare = Script(name="bare", path="/b", kind=TaskKind.PYTHON)
        with pytest.raises(InvalidInput, match="it takes none"):
            bare.checked_inputs({"x": 1})

    def test_a_required_input_without_words_is_named_all_the_same(self) -> None:
        """SQ-7"""
        script = Script(
            name="s", path="/s", kind=TaskKind.BASH, inputs=(ScriptInput(name="a", required=True),)
        )
        with pytest.raises(InvalidInput, match=r"is required by script s: string$"):
            script.checked_inputs({})


def test_a_script_becomes_a_task_with_its_own_limits() -> None:
    """SQ-7"""
    fields = SCRIPT.task_fields({"target": "/tmp"})
    assert fields == {
        "kind": "bash",
        "title": "backup",
        "description": "Dump it",
        "tags": ["db"],
        "payload": {"path": "/scripts/backup.sh", "inputs": {"target": "/tmp", "level": 3}},
    }
    limited = Script(name="s", path="/s", kind=TaskKind.BASH, timeout_seconds=5, task_class="FAST_SCRIPT")
    assert limited.task_fields({})["timeout_seconds"] == 5
    assert limited.task_fields({})["task_class"] == "FAST_SCRIPT"


def test_runs_of_a_script_are_found_by_its_tag() -> None:
    """SQ-7"""
    assert tag_of("backup") == "script:backup"
