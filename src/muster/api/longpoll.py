"""Waiting for something on behalf of a caller who may hang up, on a server that may shut down."""

from __future__ import annotations

import asyncio

from muster.api.body import Receive


class Drain:
    """Tells everybody who waits that the server shuts down."""

    def __init__(self) -> None:
        self._started = False
        self._waiting: set[asyncio.Event] = set()

    @property
    def started(self) -> bool:
        """Whether the server shuts down."""
        return self._started

    def start(self) -> None:
        """Answer all long-polls now, and later ones at once."""
        self._started = True
        for event in tuple(self._waiting):
            event.set()

    def join(self, event: asyncio.Event) -> None:
        """Have `event` set when the drain starts."""
        self._waiting.add(event)
        if self._started:
            event.set()

    def leave(self, event: asyncio.Event) -> None:
        """Stop waiting for the drain."""
        self._waiting.discard(event)


class Caller:
    """The other end of one request."""

    __slots__ = ("_drain", "_receive", "gone", "request_id")

    def __init__(self, receive: Receive, drain: Drain, request_id: str) -> None:
        self._receive = receive
        self._drain = drain
        self.request_id = request_id
        self.gone = False
        """Whether the caller was seen to hang up; only known while waiting."""

    @property
    def hurried(self) -> bool:
        """It is time to answer with what there is: nobody waits any more, or the server shuts down."""
        return self.gone or self._drain.started

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait at most `seconds` for the event. False: it is time to answer with what there is."""
        if seconds <= 0 or self.hurried:
            return False
        self._drain.join(event)
        try:
            async with asyncio.TaskGroup() as group:
                watcher = group.create_task(self._watch(event))
                happened = await _within(event, seconds)
                watcher.cancel()
        finally:
            self._drain.leave(event)
        return happened and not self.hurried

    async def _watch(self, event: asyncio.Event) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        event.set()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
