"""What the sockets show: which events, in which messages, with what beside them."""

from __future__ import annotations

from collections.abc import Sequence
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


_ROOM_TYPES: Final = {
    "approval.requested": "approvalRequested",
    "approval.answered": "approvalResolved",
    "approval.expired": "approvalResolved",
    "approval.withdrawn": "approvalResolved",
    "message.posted": "sessionMessage",
}


def _room_type(kind: str) -> str:
    """What rooms call an event: by the names of their contract where it has one."""
    return "sessionUpdate" if kind.startswith("session.") else _ROOM_TYPES.get(kind, kind)


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
                kind = _room_type(event.kind)
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
