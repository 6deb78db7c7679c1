"""Times as text: ISO-8601 UTC with milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(at_us: int) -> str:
    """`2026-01-31T09:30:00.000Z` of microseconds since the epoch."""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
