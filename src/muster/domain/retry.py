"""Retry with exponential back-off and jitter."""

from __future__ import annotations

from dataclasses import dataclass

from muster.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a task is tried and how long it waits in between. Durations are seconds.

    The delay before attempt n+1 is base * factor**(n-1), at most `max_seconds`, then spread by
    +/- `jitter` (a share, 0 to 1).
    """

    max_attempts: int = 3
    base_seconds: float = 2.0
    factor: float = 2.0
    max_seconds: float = 300.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        if not 1 <= self.max_attempts <= 100:
            raise InvalidInput(field="retry.max_attempts", problem="must be between 1 and 100")
        if not 0 <= self.base_seconds <= 86_400 or not 0 <= self.max_seconds <= 86_400:
            raise InvalidInput(
                field="retry.base_seconds, retry.max_seconds", problem="must be between 0 and 86400 seconds"
            )
        if not 1 <= self.factor <= 10:
            raise InvalidInput(field="retry.factor", problem="must be between 1 and 10")
        if not 0 <= self.jitter <= 1:
            raise InvalidInput(field="retry.jitter", problem="must be between 0 and 1")

    def delay_us(self, failed_attempts: int, chance: float) -> int:
        """Microseconds to wait after the given number of failed attempts; `chance` in [0, 1) places the jitter."""
        if self.base_seconds == 0:
            return 0
        exponent = min(failed_attempts - 1, 60)
        plain = min(self.base_seconds * self.factor**exponent, self.max_seconds)
        return int(plain * (1 + self.jitter * (2 * chance - 1)) * 1_000_000)


IMMEDIATE = RetryPolicy(base_seconds=0.0)
