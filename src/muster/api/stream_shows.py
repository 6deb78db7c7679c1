"""What the sockets show: which events, in which messages, with what beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from muster.api.stream_events import FLEET_NOUNS, View, kinds_of
from muster.api.stream_frames import message_frame, text_frame
from muster.api.stream_hub import Page, StreamHub
from muster.api.times import iso
from muster.domain import ids
from muster.domain.errors import InvalidInput, NotFound
from muster.domain.money import dollars
from muster.store.codec import from_json
from muster.store.database import Store
from muster.store.statements import Row, Statement

FLEET: Final = View(kinds=kinds_of(FLEET_NOUNS))
COSTS: Final = View(money=True)


class Show(Protocol):
    """How a socket presents its view of the log. `pull`: its frames are made for it alone, not shared."""

    view: View
    pull: bool

    async def opening(self, position: int) -> bytes:
        """Frames that follow the greeting of a socket at a position of the log."""
        ...

    async def frames(self, page: Page) -> bytes:
        """The frames of a page; none when there is nothing in it to show."""
        ...

    async def beside(self) -> bytes:
        """Frames of what is not in the log; none when there is nothing new. Asked until then."""
        ...

    def sent(self) -> None:
        """What `beside` gave was written."""
        ...

    def close(self) -> None:
        """The socket ended."""
        ...


class EventsShow:
    """Events as they are in the log."""

    pull = False

    def __init__(self, hub: StreamHub, view: View) -> None:
        self.view = view
        self._hub = hub

    async def opening(self, position: int) -> bytes:
        """Nothing."""
        return b""

    async def frames(self, page: Page) -> bytes:
        """One message with the page's events."""
        if not page.events:
            return b""
        return text_frame(self._hub.texts.message(page.events, page.position))

    async def beside(self) -> bytes:
        """Nothing."""
        return b""

    def sent(self) -> None:
        """Nothing was."""

    def close(self) -> None:
        """Nothing is held."""


_TOTALS: Final = Statement("SELECT id, allocated, reserved, spent FROM projects WHERE id IN_INTS(?1)")
_ALL_TOTALS: Final = Statement(
    "SELECT id, allocated, reserved, spent FROM projects ORDER BY id DESC LIMIT 1000"
)


class CostsShow(EventsShow):
    """Events that move money, with the totals of the projects they touch; all projects' to begin with."""

    pull = True

    def __init__(self, hub: StreamHub, store: Store) -> None:
        super().__init__(hub, COSTS)
        self._store = store

    async def opening(self, position: int) -> bytes:
        """The totals of the newest thousand projects."""
        rows = await self._store.rows(_ALL_TOTALS)
        return message_frame("costs", events=[], projects=_totals(rows), seq=position)

    async def frames(self, page: Page) -> bytes:
        """One message: events, present totals."""
        if not page.events:
            return b""
        touched = sorted({event.project_id for event in page.events if event.project_id is not None})
        rows = await self._store.rows(_TOTALS, touched)
        events = [msgspec.Raw(self._hub.texts.of(event)) for event in page.events]
        return message_frame("costs", events=events, projects=_totals(rows), seq=page.position)


def _totals(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "project_id": ids.encode(ids.PROJECT, project),
            "allocated_usd": None if allocated is None else dollars(allocated),
            "reserved_usd": dollars(reserved),
            "spent_usd": dollars(spent),
            "remaining_usd": None if allocated is None else dollars(allocated - reserved - spent),
        }
        for project, allocated, reserved, spent in rows
    ]


_TASK: Final = Statement("SELECT attempt_id FROM tasks WHERE id = ?1")
_ATTEMPT: Final = Statement("SELECT lines FROM attempts WHERE id = ?1 AND task_id = ?2")
_NEXT_ATTEMPT: Final = Statement("SELECT min(id) FROM attempts WHERE task_id = ?1 AND id > ?2")
_CHUNKS: Final = Statement(
    "SELECT position, lines, at, data FROM output_chunks WHERE attempt_id = ?1 AND position >= "
    "(SELECT coalesce(max(position), 0) FROM output_chunks WHERE attempt_id = ?1 AND position <= ?2) "
    "ORDER BY position LIMIT 4"
)
_OUTPUT_BYTES: Final = 131_072


class _Nudging(asyncio.Event):
    """A watcher of a topic that is told at once instead of being awaited."""

    def __init__(self, nudge: Callable[[], None]) -> None:
        super().__init__()
        self._nudge = nudge

    def set(self) -> None:
        self._nudge()


@dataclass(slots=True)
class _Place:
    attempt_id: int
    line: int


class TaskShow(EventsShow):
    """A task's events, and what its attempts print, one attempt after the other."""

    pull = True

    def __init__(self, hub: StreamHub, store: Store, task_id: int, nudge: Callable[[], None]) -> None:
        super().__init__(hub, View(task_id=task_id))
        self._store = store
        self._task_id = task_id
        self._event = _Nudging(nudge)
        self._watched: str | None = None
        self._place = _Place(0, 0)
        self._next = self._place

    async def start(self, attempt: str | None, line: int | None) -> None:
        """Begin at a line (0: the first) of an attempt, by default the latest; without a line, at what comes next.

        NotFound when there is no such task or attempt.
        """
        found = await self._store.rows(_TASK, self._task_id)
        if not found:
            raise NotFound(noun="task", id=ids.encode(ids.TASK, self._task_id))
        attempt_id = ids.decode(ids.ATTEMPT, attempt) if attempt is not None else found[0][0]
        if attempt_id is None:
            return
        rows = await self._store.rows(_ATTEMPT, attempt_id, self._task_id)
        if not rows:
            raise NotFound(noun="attempt", id=ids.encode(ids.ATTEMPT, attempt_id))
        self._place = _Place(attempt_id, rows[0][0] if line is None else line)

    async def beside(self) -> bytes:
        """Further lines: of this attempt, and when it has no more, of the one after it."""
        while True:
            self._watch(self._place.attempt_id)
            frame = await self._lines() if self._place.attempt_id else b""
            if frame:
                return frame
            later = await self._store.rows(_NEXT_ATTEMPT, self._task_id, self._place.attempt_id)
            if later[0][0] is None:
                return b""
            self._place = _Place(later[0][0], 0)

    async def _lines(self) -> bytes:
        attempt_id, wanted = self._place.attempt_id, self._place.line
        lines: list[dict[str, Any]] = []
        first, size = wanted, 0
        for position, count, _, data in await self._store.rows(_CHUNKS, attempt_id, wanted):
            if position + count <= wanted:
                continue
            # A hole left by rotation begins a message of its own, so that `line` numbers the lines rightly.
            if lines and (position != wanted or size > _OUTPUT_BYTES):
                break
            size += len(data)
            skipped = max(wanted - position, 0)
            first = first if lines else position + skipped
            lines += [{"stream": stream, "text": text} for stream, text in from_json(data)[skipped:]]
            wanted = position + count
        if not lines:
            return b""
        self._next = _Place(attempt_id, wanted)
        return message_frame(
            "output",
            task_id=ids.encode(ids.TASK, self._task_id),
            attempt_id=ids.encode(ids.ATTEMPT, attempt_id),
            line=first,
            lines=lines,
            next_line=wanted,
        )

    def sent(self) -> None:
        """Go on behind those lines."""
        self._place = self._next

    def _watch(self, attempt_id: int) -> None:
        topic = f"output:{attempt_id}" if attempt_id else None
        if topic != self._watched:
            self.close()
            if topic is not None:
                self._store.signals.watch(topic, self._event)
                self._watched = topic

    def close(self) -> None:
        """Watch no attempt any more."""
        if self._watched is not None:
            self._store.signals.unwatch(self._watched, self._event)
            self._watched = None


@dataclass(frozen=True, slots=True)
class Room:
    """A session or a project that somebody listens to; `name` is how the caller named it."""

    name: str
    prefix: str
    number: int


_ROOM_PREFIXES: Final = {"session": ids.SESSION, "project": ids.PROJECT}
_EXISTS: Final = {
    ids.SESSION: Statement("SELECT 1 FROM sessions WHERE id = ?1"),
    ids.PROJECT: Statement("SELECT 1 FROM projects WHERE id = ?1"),
}
_SESSIONS: Final = Statement(
    "SELECT id, session_id FROM tasks WHERE id IN_INTS(?1) AND session_id IN_INTS(?2)"
)
MAX_ROOMS: Final = 100


class RoomsShow(EventsShow):
    """Events of sessions and projects, each as a message of its own that names the room."""

    pull = True

    def __init__(self, hub: StreamHub, store: Store) -> None:
        super().__init__(hub, View())
        self._store = store
        self._rooms: dict[str, Room] = {}

    async def enter(self, name: str) -> None:
        """Listen to `session:ID` or `project:ID` as well. InvalidInput or NotFound when that is no room."""
        noun, _, text = name.partition(":")
        prefix = _ROOM_PREFIXES.get(noun)
        if prefix is None:
            raise InvalidInput(field="room", problem="must be session:ID or project:ID")
        if len(self._rooms) >= MAX_ROOMS and name not in self._rooms:
            raise InvalidInput(field="room", problem=f"a socket listens to at most {MAX_ROOMS} rooms")
        number = ids.decode(prefix, text)
        if not await self._store.rows(_EXISTS[prefix], number):
            raise NotFound(noun=noun, id=text)
        self._rooms[name] = Room(name, prefix, number)

    def leave(self, name: str) -> None:
        """Listen to it no more."""
        self._rooms.pop(name, None)

    async def frames(self, page: Page) -> bytes:
        """A message for each event and room it belongs to."""
        sessions = await self._sessions(page)
        projects = {room.number: room for room in self._rooms.values() if room.prefix == ids.PROJECT}
        written: list[bytes] = []
        for event in page.events:
            rooms = [sessions.get(event.seq), projects.get(event.project_id or 0)]
            for room in filter(None, rooms):
                kind = "sessionUpdate" if event.kind.startswith("session.") else event.kind
                text = self._hub.texts.of(event)
                written.append(
                    text_frame(
                        b'{"type":"%b","room":"%b","data":%b,"seq":%d,"timestamp":"%b"}'
                        % (kind.encode(), room.name.encode(), text, event.seq, iso(event.at).encode())
                    )
                )
        return b"".join(written)

    async def _sessions(self, page: Page) -> dict[int, Room]:
        """The session room of each event that belongs to one, by position."""
        rooms = {room.number: room for room in self._rooms.values() if room.prefix == ids.SESSION}
        if not rooms:
            return {}
        tasks = sorted({event.task_id for event in page.events if event.task_id is not None})
        found = dict(await self._store.rows(_SESSIONS, tasks, sorted(rooms))) if tasks else {}
        by_name = {ids.encode(ids.SESSION, number): room for number, room in rooms.items()}
        placed: dict[int, Room] = {}
        for event in page.events:
            if event.kind.startswith("session."):
                room = by_name.get(str(getattr(event.payload(), "session_id", "")))
            else:
                room = rooms.get(found.get(event.task_id, 0))
            if room is not None:
                placed[event.seq] = room
        return placed
