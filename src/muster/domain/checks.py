"""What fields of named things may hold; each check raises InvalidInput that names the field."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from muster.domain.errors import InvalidInput

MAX_NAME: Final = 200
MAX_TEXT: Final = 65_536
MAX_INTEGER: Final = 2**53


def check_name(field: str, value: str, limit: int = MAX_NAME, *, blank: bool = False) -> None:
    """A line of text without control characters; not just spaces unless `blank`."""
    if not 1 <= len(value) <= limit or not (blank or value.strip()):
        raise InvalidInput(field=field, problem=f"must have 1 to {limit} characters")
    if any(ord(char) < 32 or 127 <= ord(char) < 160 or "\ud800" <= char <= "\udfff" for char in value):
        raise InvalidInput(field=field, problem="must not hold control characters or lone surrogates")


def check_text(field: str, value: str | None, limit: int = MAX_TEXT) -> None:
    """Any text a database can keep."""
    if value is None:
        return
    if len(value) > limit:
        raise InvalidInput(field=field, problem=f"must have at most {limit} characters")
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise InvalidInput(field=field, problem="must not hold NUL characters or lone surrogates")


def check_choice(field: str, value: str, allowed: Iterable[str]) -> None:
    """One of a few words."""
    words = [str(word) for word in allowed]
    if value not in words:
        raise InvalidInput(field=field, problem=f"must be one of {', '.join(words)}")


def check_count(field: str, value: int | None, low: int = 0, high: int = MAX_INTEGER) -> None:
    """An integer within bounds, or nothing."""
    if value is not None and not low <= value <= high:
        raise InvalidInput(field=field, problem=f"must be between {low} and {high}")


def check_fields(changes: Mapping[str, Any], known: Collection[str]) -> None:
    """Only fields that can be changed."""
    for name in changes:
        if name not in known:
            raise InvalidInput(field=name, problem="cannot be changed")
