"""Fan-out of the log: one place reads the feed and hands ready-made frames to everybody who listens.

A listener keeps only a position. Who has kept up is written to directly, the same bytes for all with the
same view; who has fallen behind catches up by itself, from the ring or in pages from the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter, thread_time
from typing import Final, Protocol

from muster.api.stream_events import EventTexts, View
from muster.api.stream_frames import text_frame
from muster.store.codec import Event
from muster.store.database import Store
from muster.store.statements import Row, Statement

TICK_SECONDS: Final = 0.02
"""Deliveries are never put off longer than this."""
REST: Final = 2
"""After a delivery that cost t of CPU, the next one waits REST * t: most of the loop's time is left to others."""
PAGE_EVENTS: Final = 500
PAGE_BYTES: Final = 65_536
PAGES_A_TICK: Final = 8
DATABASE_READERS: Final = 2

_COLUMNS: Final = "SELECT seq, at, kind, task_id, attempt_id, agent_id, project_id, amount, data FROM events"
_WINDOW: Final = Statement(f"{_COLUMNS} WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3")
_OF_TASK: Final = Statement(f"{_COLUMNS} WHERE task_id = ?4 AND seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3")


class Listener(Protocol):
    """Somebody who wants events. `position` is the newest event that was handed over or passed over."""

    view: View
    position: int

    def push(self, frame: bytes) -> bool:
        """Write a ready-made WebSocket frame. False: not now; the listener catches up by itself later."""
        ...

    def nudge(self) -> None:
        """There is something to catch up with."""
        ...


@dataclass(slots=True)
class Group:
    """Listeners with the same view: those that take frames, and those that read pages when nudged."""

    pushed: dict[Listener, None] = field(default_factory=dict[Listener, None])
    pulled: dict[Listener, None] = field(default_factory=dict[Listener, None])


@dataclass(frozen=True, slots=True)
class Page:
    """Events behind a position that a view wants, and the position to go on from."""

    events: Sequence[Event]
    position: int


class StreamHub:
    """One for the app. It listens to the feed while somebody listens to it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._feed = store.feed
        self._groups: dict[View, Group] = {}
        self._position = 0
        self._delivering = False
        self._next_at = 0.0
        self._readers = asyncio.Semaphore(DATABASE_READERS)
        self.texts = EventTexts()
        self.event_streams = 0
        """How many clients of server-sent events there are."""

    @property
    def position(self) -> int:
        """The newest event that was delivered to those who keep up."""
        return self._position if self._groups else self._feed.head

    def join(self, listener: Listener, *, pull: bool) -> None:
        """Have a listener told from its position on; one behind the present catches up first. Undo it with `leave`."""
        if not self._groups:
            self._position = self._feed.head
            self._feed.listen(self._published)
        group = self._groups.setdefault(listener.view, Group())
        (group.pulled if pull else group.pushed)[listener] = None

    def leave(self, listener: Listener) -> None:
        """Tell it no more; leaving twice is once."""
        group = self._groups.get(listener.view)
        if group is None:
            return
        group.pushed.pop(listener, None)
        group.pulled.pop(listener, None)
        if not group.pushed and not group.pulled:
            del self._groups[listener.view]
            if not self._groups:
                self._feed.unlisten(self._published)

    def catch_up_now(self) -> int:
        """Deliver what is waiting for its tick, so that who joins now starts at the head; the position."""
        while self._groups and self._position < self._feed.head:
            self._deliver()
        return self.position

    def _published(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        loop = asyncio.get_running_loop()
        wait = self._next_at - perf_counter()
        if wait > 0:
            loop.call_later(wait, self._tick)
        else:
            loop.call_soon(self._tick)

    def _tick(self) -> None:
        started = thread_time()
        for _ in range(PAGES_A_TICK):
            if not self._groups or self._position >= self._feed.head:
                break
            self._deliver()
        # The loop writes at the end of its turn: only the next turn knows what the delivery cost.
        asyncio.get_running_loop().call_soon(self._rest, started)

    def _rest(self, started: float) -> None:
        spent = thread_time() - started
        self._next_at = perf_counter() + min(TICK_SECONDS, REST * spent)
        self._delivering = False
        if self._groups and self._position < self._feed.head:
            self._published()

    def _deliver(self) -> None:
        before = self._position
        events = self._feed.after(before, PAGE_EVENTS)
        if events is None:
            self._position = self._feed.head
            for group in self._groups.values():
                _nudge_all(group)
            return
        events = _bounded(events)
        if not events:
            return
        self._position = after = events[-1].seq
        for view, group in self._groups.items():
            self._hand_over(group, view.select(events), before, after)

    def _hand_over(self, group: Group, events: Sequence[Event], before: int, after: int) -> None:
        if not events:
            for listener in (*group.pushed, *group.pulled):
                if listener.position == before:
                    listener.position = after
            return
        if group.pushed:
            frame = text_frame(self.texts.message(events, after))
            for listener in group.pushed:
                # Who is not at `before` catches up by itself, in order.
                if listener.position == before and listener.push(frame):
                    listener.position = after
        for listener in group.pulled:
            listener.nudge()

    async def page(self, view: View, position: int) -> Page:
        """The next wanted events behind `position`, up to the present position of the hub; bounded in number and bytes.

        It lets others run in between, however far a listener is behind.
        """
        until = self.position
        events = self._feed.after(position, min(PAGE_EVENTS, max(until - position, 0)))
        if events is None:
            async with self._readers:
                page = await self._from_database(view, position, until)
                await asyncio.sleep(0)
                return page
        events = _bounded(events)
        reached = events[-1].seq if events else max(position, until)
        if reached < until:
            await asyncio.sleep(0)
        return Page(view.select(events), reached)

    async def _from_database(self, view: View, position: int, until: int) -> Page:
        if view.task_id is None:
            rows = await self._store.rows(_WINDOW, position, until, PAGE_EVENTS)
        else:
            rows = await self._store.rows(_OF_TASK, position, until, PAGE_EVENTS, view.task_id)
        events = _bounded(_events(rows))
        whole = len(rows) < PAGE_EVENTS and len(events) == len(rows)
        return Page(view.select(events), until if whole else events[-1].seq)


def _events(rows: Sequence[Row]) -> list[Event]:
    return [Event(*row) for row in rows]


def _bounded(events: Sequence[Event]) -> Sequence[Event]:
    """As many events from the first on as fit into a page, at least one."""
    size = 0
    for count, event in enumerate(events):
        size += len(event.data) + 200
        if size > PAGE_BYTES and count:
            return list(islice(events, count))
    return events


def _nudge_all(group: Group) -> None:
    for listener in (*group.pushed, *group.pulled):
        listener.nudge()
