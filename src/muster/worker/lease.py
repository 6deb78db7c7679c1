"""The leases a worker holds, and how each may end before its attempt does."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from muster.client.wire import ClaimedTask


class Stop(StrEnum):
    """Why an attempt is stopped from outside."""

    CANCEL = "cancel"
    LOST = "lost"
    RELEASE = "release"


class Lease:
    """One claimed task in this worker's hands."""

    def __init__(self, claim: ClaimedTask) -> None:
        self.claim = claim
        self.stopped: Stop | None = None
        self._kill: Callable[[], None] | None = None

    def on_stop(self, kill: Callable[[], None]) -> None:
        """What to call when the attempt is stopped; at once when it already is."""
        self._kill = kill
        if self.stopped is not None:
            kill()

    def stop(self, why: Stop) -> None:
        """Stop the attempt; the first reason stays."""
        if self.stopped is None:
            self.stopped = why
            if self._kill is not None:
                self._kill()


class Leases:
    """All of a worker's leases."""

    def __init__(self) -> None:
        self._held: dict[str, Lease] = {}
        self._watcher: Callable[[Lease], None] | None = None

    def on_held(self, watcher: Callable[[Lease], None]) -> None:
        """Whom to tell of a new lease."""
        self._watcher = watcher

    def hold(self, claim: ClaimedTask) -> Lease:
        """Take a claim on."""
        lease = Lease(claim)
        self._held[claim.attempt_id] = lease
        if self._watcher is not None:
            self._watcher(lease)
        return lease

    def drop(self, lease: Lease) -> None:
        """The attempt is over."""
        self._held.pop(lease.claim.attempt_id, None)

    def get(self, attempt_id: str | None) -> Lease | None:
        """The lease of an attempt, if it is held."""
        return self._held.get(attempt_id or "")

    def all(self) -> list[Lease]:
        """Every lease held now."""
        return list(self._held.values())
