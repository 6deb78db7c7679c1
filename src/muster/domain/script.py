"""Scripts that describe themselves in a comment header, and the values they may be given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final, assert_never

from muster.domain.errors import InvalidInput
from muster.domain.task import TaskKind

InputValue = str | int | float | bool
MAX_TEXT: Final = 32_768
_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})


class InputType(StrEnum):
    """What an input may hold."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptInput:
    """One value a script takes. `choices` is what a choice may be."""

    name: str
    type: InputType = InputType.STRING
    required: bool = False
    default: InputValue | None = None
    choices: tuple[str, ...] = ()
    description: str = ""

    def checked(self, value: object) -> InputValue:
        """`value` as this input's type; texts are read as numbers and flags. InvalidInput names the input."""
        if isinstance(value, str) and ("\x00" in value or len(value) > MAX_TEXT):
            raise self._refused(f"is longer than {MAX_TEXT} characters or holds a NUL byte")
        match self.type:
            case InputType.STRING:
                return self._text(value)
            case InputType.CHOICE:
                return self._choice(value)
            case InputType.INT:
                return self._int(value)
            case InputType.FLOAT:
                return self._float(value)
            case InputType.BOOL:
                return self._bool(value)
            case _:
                assert_never(self.type)

    def _refused(self, problem: str) -> InvalidInput:
        return InvalidInput(field=f"inputs.{self.name}", problem=problem)

    def _text(self, value: object) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        raise self._refused(f"must be text, not {_shown(value)}")

    def _choice(self, value: object) -> str:
        if isinstance(value, (str, int, float)) and str(value) in self.choices:
            return str(value)
        raise self._refused(f"must be one of {', '.join(self.choices)}, not {_shown(value)}")

    def _int(self, value: object) -> int:
        number = value
        if isinstance(value, str):
            try:
                number = int(value.strip())
            except ValueError:
                number = None
        elif isinstance(value, float) and value.is_integer():
            number = int(value)
        if not isinstance(number, int) or isinstance(number, bool) or abs(number) >= 2**63:
            raise self._refused(f"must be a whole number, not {_shown(value)}")
        return number

    def _float(self, value: object) -> float:
        number: float | None = None
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            try:
                number = float(value)
            except (ValueError, OverflowError):
                number = None
        if number is None or not math.isfinite(number):
            raise self._refused(f"must be a number, not {_shown(value)}")
        return number

    def _bool(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise self._refused(f"must be true or false, not {_shown(value)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptOutput:
    """One value a script says it produces."""

    name: str
    type: str = "string"
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script of the index. `path` is absolute; `timeout_seconds` and `task_class` are None when not declared."""

    name: str
    path: str
    kind: TaskKind
    description: str = ""
    inputs: tuple[ScriptInput, ...] = ()
    outputs: tuple[ScriptOutput, ...] = ()
    tags: tuple[str, ...] = ()
    timeout_seconds: float | None = None
    task_class: str | None = None

    def checked_inputs(self, given: Mapping[str, Any]) -> dict[str, InputValue]:
        """The values the script gets: the given ones checked, and the defaults of the others.

        InvalidInput names the field: an unknown input, a required one that is missing, or a
        value of the wrong type.
        """
        known = {item.name: item for item in self.inputs}
        for name in given:
            if name not in known:
                raise InvalidInput(
                    field=f"inputs.{name[:80]}", problem=_unknown_input(self.name, name, list(known))
                )
        values: dict[str, InputValue] = {}
        for item in self.inputs:
            if given.get(item.name) is not None:
                values[item.name] = item.checked(given[item.name])
            elif item.default is not None:
                values[item.name] = item.default
            elif item.required:
                needs = f" ({item.description})" if item.description else ""
                raise InvalidInput(
                    field=f"inputs.{item.name}",
                    problem=f"is required by script {self.name}: {item.type}{needs}",
                )
        return values

    def task_fields(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a task that runs this script with these inputs; InvalidInput as in `checked_inputs`."""
        fields: dict[str, Any] = {
            "kind": self.kind.value,
            "title": self.name,
            "description": self.description,
            "tags": list(self.tags),
            "payload": {"path": self.path, "inputs": self.checked_inputs(given)},
        }
        if self.task_class is not None:
            fields["task_class"] = self.task_class
        if self.timeout_seconds is not None:
            fields["timeout_seconds"] = self.timeout_seconds
        return fields


def tag_of(name: str) -> str:
    """The tag of tasks that run the script of this name."""
    return f"script:{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptProblem:
    """Why a file is not in the index, or not as its author meant it. `line` counts from 1; 0 is the whole file."""

    path: str
    message: str
    line: int = 0


def _unknown_input(script: str, name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f"script {script} has no such input; did you mean {close[0]}?"
    return f"script {script} has no such input; it takes {', '.join(known) or 'none'}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
