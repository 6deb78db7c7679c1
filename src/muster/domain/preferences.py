"""What somebody set for themselves: column widths, density, keys, notifications, saved views."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from muster.domain.errors import InvalidInput, TooLarge

LOCAL: Final = "local"
"""Whose preferences these are where nobody signs in."""
MAX_NAMES: Final = 100
MAX_BYTES: Final = 32_768
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Preferences:
    """Values by name, as the interface wrote them, and how often they were changed (0: never)."""

    version: int = 0
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    updated_at: int | None = None


def check_preferences(values: Mapping[str, Any]) -> None:
    """Raise InvalidInput or TooLarge where values are not to be kept."""
    if len(values) > MAX_NAMES:
        raise InvalidInput(field="values", problem=f"holds {len(values)} names where {MAX_NAMES} are allowed")
    for name in values:
        if _NAME.fullmatch(name) is None:
            raise InvalidInput(field="values", problem=f"{name[:64]!r} is no name of a preference")
    size = len(json.dumps(values, ensure_ascii=True, separators=(",", ":")))
    if size > MAX_BYTES:
        raise TooLarge(field="values", size=size, limit=MAX_BYTES)


def changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The names whose values differ, sorted."""
    names = before.keys() | after.keys()
    return sorted(
        name
        for name in names
        if (name in before) != (name in after) or _text(before.get(name)) != _text(after.get(name))
    )


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
