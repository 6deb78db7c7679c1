"""Reading what a program wrote without trusting its shape: a value of the wanted type, or an empty one."""

from __future__ import annotations

from typing import Any, cast


def obj(value: Any) -> dict[str, Any]:
    """The object, or an empty one."""
    # Called for nearly every value of every line: a cast would be a call.
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def objs(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    if not isinstance(value, list):
        return []
    return [cast(dict[str, Any], item) for item in cast(list[Any], value) if isinstance(item, dict)]


def text(value: Any) -> str:
    """The text, or an empty one."""
    return value if isinstance(value, str) else ""


def texts(value: Any) -> list[str]:
    """The texts of a list."""
    return (
        [item for item in cast(list[Any], value) if isinstance(item, str)] if isinstance(value, list) else []
    )


def number(value: Any) -> int | None:
    """The whole number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if abs(value) < 2**62 else None


def amount(value: Any) -> float | None:
    """The number, or None."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def count(value: Any) -> int:
    """A number of something, 0 where there is none."""
    return max(number(value) or 0, 0)
