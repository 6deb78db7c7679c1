"""Times as text: ISO-8601 UTC with milliseconds."""

from __future__ import annotations

from typing import Final

_DAY_MS: Final = 86_400_000


def iso(at_us: int) -> str:
    """`2026-01-31T09:30:00.000Z` of microseconds since the epoch."""
    days, ms = divmod(at_us // 1_000, _DAY_MS)
    year, month, day = _date(days)
    seconds, ms = divmod(ms, 1_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"


def _date(days: int) -> tuple[int, int, int]:
    """Year, month and day so many days after 1970-01-01; counted in eras of 400 years that begin in March."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    return year_of_era + era * 400 + (1 if month <= 2 else 0), month, day
