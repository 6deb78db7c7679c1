"""Reading what a program wrote without trusting its shape: a value of the wanted type, or an empty one.

These are called for nearly every value of every line, so they do without `cast`, which is a call.
"""

from __future__ import annotations

from typing import Any, Final

_LARGEST: Final = 2**62


def obj(value: Any) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if type(value) is dict else {}  # pyright: ignore[reportUnknownVariableType]


def objs(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def text(value: Any) -> str:
    """The text, or an empty one."""
    return value if type(value) is str else ""


def texts(value: Any) -> list[str]:
    """The texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def number(value: Any) -> int | None:
    """The whole number, or None."""
    if type(value) is int or type(value) is float:
        return int(value) if -_LARGEST < value < _LARGEST else None
    return None


def amount(value: Any) -> float | None:
    """The number, or None."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def count(value: Any) -> int:
    """A number of something, 0 where there is none."""
    if type(value) is int and 0 <= value < _LARGEST:
        return value
    return max(number(value) or 0, 0)
