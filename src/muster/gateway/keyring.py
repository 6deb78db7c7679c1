"""Which account's key goes out with a call: the first whose quota is not used up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from muster.agents.failures import failure_of, reset_in

REST_SECONDS: Final = 900.0
"""How long a used-up account rests where the provider does not say when its quota opens again."""


@dataclass(frozen=True, slots=True)
class Key:
    """An account's key, and the name it is spoken of by: that of its environment variable."""

    name: str
    value: str = field(repr=False)


class Keyring:
    """The keys of one provider in the order in which they are used. `now` is in seconds of any clock that only goes on."""

    def __init__(self, keys: Sequence[Key], now: Callable[[], float] = time.monotonic) -> None:
        self._keys = list(keys)
        self._now = now
        self._opens: dict[str, float] = {}

    def current(self) -> Key | None:
        """The first open one, else the one that opens first; None: there is no key at all."""
        now = self._now()
        for key in self._keys:
            if self._opens.get(key.name, 0.0) <= now:
                return key
        return min(self._keys, key=lambda key: self._opens[key.name], default=None)

    def rest(self, key: Key, seconds: float | None) -> Key | None:
        """Leave it alone for so long, and give the key that takes over; None when no other is open."""
        now = self._now()
        self._opens[key.name] = now + (REST_SECONDS if seconds is None or seconds <= 0 else seconds)
        other = self.current()
        return other if other is not None and self._opens.get(other.name, 0.0) <= now else None


def used_up(status: int, answer: bytes) -> bool:
    """Whether a provider's answer says that the account's quota is used up; a passing limit of its rate is not."""
    return failure_of(answer.decode("utf-8", "replace"), status) == "quota_exhausted"


def opens_in(headers: Mapping[str, str], answer: bytes, now: float) -> float | None:
    """In how many seconds the quota opens again, if the answer's words or its Retry-After say so.

    `now` is in seconds since the epoch.
    """
    told = reset_in(answer.decode("utf-8", "replace"))
    if told is not None:
        return told - now
    wait = headers.get("retry-after", "")
    return float(wait) if wait.isdecimal() and len(wait) < 10 else None
