"""Time that passes evenly, whatever is done to the machine's clock.

Leases and back-offs are measured in it: a clock that is set forward must not take work from those
who do it, and one that is set back must not leave silent ones in possession.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

SLEW: Final = 20
"""A difference from the machine's clock is made up by at most one part in so many."""

Microseconds = Callable[[], int]


class SteadyClock:
    """Microseconds since the epoch. `wall` is the machine's clock, which may jump, `elapsed` one that never does.

    It starts with the machine's clock and follows `elapsed`; where the two come apart it runs up to a
    twentieth slower or faster until they agree again.
    """

    def __init__(self, wall: Microseconds, elapsed: Microseconds) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._passed = elapsed()
        self._now = wall()

    def __call__(self) -> int:
        """The time now; never less than the last."""
        passed = self._elapsed()
        step = passed - self._passed
        if step > 0:
            most = -(-step // SLEW)
            apart = self._wall() - (self._now + step)
            self._now += step + max(-most, min(most, apart))
            self._passed = passed
        return self._now
