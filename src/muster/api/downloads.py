"""Links that a browser saves something by: good for one thing, once, and for a moment only.

A browser writes what a link leads to to the disk as it comes, but sends no bearer token with it; the token itself
has no place in an address. So who has the token has a link made, whose name is a secret of its own.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from muster.domain.errors import Category, MusterError

GOOD_SECONDS: Final = 60.0
MOST: Final = 1_000
"""Links that nobody has used yet; the oldest gives way."""


class DownloadGone(MusterError):
    """This link has been used, or is older than a minute, or was made by another server. Make a new one where you got it."""

    code = "download_gone"
    category = Category.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a link leads to: the archive of one attempt."""

    task_id: str
    attempt: int


class Downloads:
    """The links of this server, in memory only."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now` in seconds, from any beginning."""
        self._now = now
        self._links: dict[str, tuple[float, Bundle]] = {}

    def make(self, what: Bundle) -> str:
        """A new link's name."""
        self._tidy()
        while len(self._links) >= MOST:
            del self._links[next(iter(self._links))]
        name = f"dl_{secrets.token_urlsafe(32)}"
        self._links[name] = (self._now() + GOOD_SECONDS, what)
        return name

    def spend(self, name: str) -> Bundle:
        """What a link leads to; it is used up. DownloadGone when it is none, or none any more."""
        self._tidy()
        found = self._links.pop(name, None)
        if found is None:
            raise DownloadGone()
        return found[1]

    def _tidy(self) -> None:
        now = self._now()
        for name in [name for name, (until, _) in self._links.items() if until <= now]:
            del self._links[name]
