"""The live tail of the log: the newest events in memory, shared by every listener.

A listener keeps only a position. One that falls behind the ring reads the database instead, so
that a slow client costs a query and never memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from muster.store.codec import Event
from muster.store.statements import Row

RING: Final = 20_000


class Feed:
    """Events in order of their position, as they are committed."""

    def __init__(self, head: int = 0) -> None:
        self._ring: deque[Row | Event] = deque(maxlen=RING)
        self._head = head
        self._waiters: set[asyncio.Future[None]] = set()
        self._listeners: list[Callable[[], None]] = []

    @property
    def head(self) -> int:
        """The position of the newest event."""
        return self._head

    def publish(self, rows: Sequence[Row]) -> None:
        """Append freshly committed rows of `events`; they follow the head without a gap."""
        if not rows:
            return
        self._ring.extend(rows)
        self._head = rows[-1][0]
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        for listener in self._listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after every publication. It runs inside the commit: it may schedule, and must not raise."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Call it no more."""
        self._listeners.remove(listener)

    def restart(self, head: int) -> None:
        """Forget the ring and go on behind `head`: what lies before it was not followed."""
        self._ring.clear()
        self._head = head

    def after(self, position: int, limit: int) -> Sequence[Event] | None:
        """Up to `limit` events behind `position`, or None when the ring does not reach back that far."""
        if position >= self._head:
            return ()
        oldest = self._head - len(self._ring) + 1
        if position + 1 < oldest:
            return None
        start = position + 1 - oldest
        return [self._event(index) for index in range(start, min(start + limit, len(self._ring)))]

    def _event(self, index: int) -> Event:
        """The event of a slot; rows become events when somebody looks, most of the time nobody does."""
        entry = self._ring[index]
        if not isinstance(entry, Event):
            entry = self._ring[index] = Event(*entry)
        return entry

    async def wait(self, position: int) -> None:
        """Return once there is an event behind `position`."""
        while position >= self._head:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
