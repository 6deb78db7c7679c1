"""The leases a worker holds, and how each may end before its attempt does."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from muster.client.wire import ClaimedTask, Directive


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
        self._hear: Callable[[Directive], bool] | None = None
        self._heard: set[str] = set()
        self.delivered: list[str] = []
        """Ids of words that the agent has got and the server does not know of yet."""

    def on_word(self, hear: Callable[[Directive], bool] | None) -> None:
        """Who hands people's words to the agent, and says whether it has got them; None when nobody can any more."""
        self._hear = hear

    def tell(self, word: Directive) -> bool:
        """Hand a word to the agent; whether it was new. One that nobody takes now comes again."""
        if word.id is None or self._hear is None:
            return False
        if word.id in self._heard:
            if word.id not in self.delivered:
                self.delivered.append(word.id)
            return False
        if not self._hear(word):
            return False
        self._heard.add(word.id)
        self.delivered.append(word.id)
        return True

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
