"""Times at the API: ISO-8601 UTC with milliseconds outside, microseconds since the epoch inside."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from muster.domain.errors import InvalidInput
from muster.domain.times import iso

__all__ = ["iso", "iso_or_none", "microseconds"]

_LATEST_US: Final = 253_402_300_799_000_000


def iso_or_none(at_us: int | None) -> str | None:
    """Like `iso`; None stays None."""
    return None if at_us is None else iso(at_us)


def microseconds(text: str, field: str) -> int:
    """Microseconds since the epoch of an ISO-8601 time with a zone; InvalidInput names `field`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            field=field, problem="must be an ISO-8601 time such as 2026-01-31T09:30:00Z"
        ) from None
    if moment.tzinfo is None:
        raise InvalidInput(field=field, problem="must name its time zone, such as 2026-01-31T09:30:00Z")
    at_us = round(moment.timestamp() * 1_000_000)
    if not 0 <= at_us <= _LATEST_US:
        raise InvalidInput(field=field, problem="must lie between 1970 and 9999")
    return at_us
