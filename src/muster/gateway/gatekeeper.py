"""Which calls go out to a provider now: so many at once, and none while it is failing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from muster.domain.circuit import Circuit, CircuitState, is_answer, is_failure

NANOSECONDS: Final = 1_000_000_000


class ProviderDown(Exception):
    """It failed too often in a row; `seconds` until it is tried again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"tried again in {seconds:.0f} s")
        self.seconds = seconds


class Gatekeeper:
    """Of one provider. `most` calls at once, more wait; None: as many as come."""

    def __init__(self, most: int | None = None, now: Callable[[], int] = time.monotonic_ns) -> None:
        self._places = None if most is None else asyncio.Semaphore(most)
        self._now = now
        self._circuit = Circuit()
        self._trying = False

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """A call's turn. ProviderDown at once while the provider is failing and another call tries it."""
        trying = self._admit()
        try:
            if self._places is None:
                yield
                return
            async with self._places:
                yield
        finally:
            if trying:
                self._trying = False

    def _admit(self) -> bool:
        """Whether this call is the one that tries a failing provider."""
        self._circuit = self._circuit.due(self._now())
        match self._circuit.state:
            case CircuitState.CLOSED:
                return False
            case CircuitState.HALF_OPEN if not self._trying:
                self._trying = True
                return True
            case _:
                until = self._circuit.until
                raise ProviderDown(1.0 if until is None else max((until - self._now()) / NANOSECONDS, 1.0))

    def note(self, status: int | None, error: str) -> None:
        """How a call ended."""
        if is_failure(status, error):
            self._circuit = self._circuit.failed(self._now(), NANOSECONDS)
        elif is_answer(status, error):
            self._circuit = Circuit()
