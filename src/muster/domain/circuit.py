"""A breaker per model provider: after failures in a row its tasks wait, then one tries, then all go on.

The state machine of Nygard, "Release It!": closed, open, half-open. Times are of any clock, in one unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

OPENS_AFTER: Final = 5
"""Failed calls in a row."""
FIRST_SECONDS: Final = 30
LONGEST_SECONDS: Final = 600
OWN_DOING: Final = ("cut off", "held back")
"""How the errors of calls begin that were ended or not even made by us."""


class CircuitState(StrEnum):
    """What a breaker does with work."""

    CLOSED = "closed"
    OPEN = "open"
    """Nothing goes through until the time is up."""
    HALF_OPEN = "half_open"
    """One at a time, to see whether it is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A provider's breaker. `trips` counts the times it opened since it last worked."""

    state: CircuitState = CircuitState.CLOSED
    failures: int = 0
    trips: int = 0
    until: int | None = None

    def failed(self, now: int, second: int) -> Circuit:
        """After one more failed call; `second` is the length of one in the clock's unit."""
        failures = self.failures + 1
        trying = self.state is CircuitState.HALF_OPEN
        if not trying and (self.state is CircuitState.OPEN or failures < OPENS_AFTER):
            return replace(self, failures=failures)
        wait = min(FIRST_SECONDS << min(self.trips, 16), LONGEST_SECONDS)
        return Circuit(
            state=CircuitState.OPEN, failures=failures, trips=self.trips + 1, until=now + wait * second
        )

    def due(self, now: int) -> Circuit:
        """As time goes: an open one lets one try when its time is up."""
        if self.state is CircuitState.OPEN and self.until is not None and self.until <= now:
            return replace(self, state=CircuitState.HALF_OPEN, until=None)
        return self


def is_failure(status: int | None, error: str) -> bool:
    """Whether a call says that its provider is in trouble: no answer, or one of 500 and above. What we did ourselves is none."""
    return not error.startswith(OWN_DOING) and (status is None or status >= 500)


def is_answer(status: int | None, error: str) -> bool:
    """Whether a call says that its provider works."""
    return status is not None and status < 500 and not error.startswith(OWN_DOING)
