"""Ports of an attempt's own: a range that no other attempt of this worker has, and nobody listens on."""

from __future__ import annotations

import socket
from typing import Final

MOST_PORT: Final = 65_535


class PortRanges:
    """Ranges of `each` ports from `base` on. What is taken must be given back."""

    def __init__(self, base: int, each: int) -> None:
        self._base = base
        self._each = each
        self._taken: set[int] = set()

    def take(self) -> int:
        """The first port of a free range. When all are busy, the one after the last is given: they may never be used."""
        first = self._base
        while first in self._taken or not self._is_free(first):
            if first + 2 * self._each > MOST_PORT:
                break
            first += self._each
        self._taken.add(first)
        return first

    def give_back(self, first: int) -> None:
        """The attempt is over."""
        self._taken.discard(first)

    def _is_free(self, first: int) -> bool:
        for port in range(first, first + self._each):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    return False
        return True
