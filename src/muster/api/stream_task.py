"""What the socket of one task shows: its events, and what its attempts print, say and use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from muster.api.run_shapes import run_shape
from muster.api.stream_events import View
from muster.api.stream_frames import message_frame
from muster.api.stream_hub import StreamHub
from muster.api.stream_shows import EventsShow
from muster.domain import ids
from muster.domain.errors import NotFound
from muster.domain.times import iso
from muster.projections.runs import runs_of
from muster.store.codec import from_json
from muster.store.database import Store
from muster.store.statements import Statement

_TASK: Final = Statement("SELECT attempt_id FROM tasks WHERE id = ?1")
_ATTEMPT: Final = Statement(
    "SELECT a.lines, coalesce(r.entries, 0) FROM attempts a LEFT JOIN runs r ON r.attempt_id = a.id "
    "WHERE a.id = ?1 AND a.task_id = ?2"
)
_NEXT_ATTEMPT: Final = Statement("SELECT min(id) FROM attempts WHERE task_id = ?1 AND id > ?2")
_CHUNKS: Final = Statement(
    "SELECT position, lines, at, data FROM output_chunks WHERE attempt_id = ?1 AND position >= "
    "(SELECT coalesce(max(position), 0) FROM output_chunks WHERE attempt_id = ?1 AND position <= ?2) "
    "ORDER BY position LIMIT 4"
)
_ENTRIES: Final = Statement(
    "SELECT position, entries, at, data FROM transcript_chunks WHERE attempt_id = ?1 AND position >= "
    "(SELECT coalesce(max(position), 0) FROM transcript_chunks WHERE attempt_id = ?1 AND position <= ?2) "
    "ORDER BY position LIMIT 4"
)
_OUTPUT_BYTES: Final = 131_072


_DOCUMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class _Nudging(asyncio.Event):
    """A watcher of a topic that is told at once instead of being awaited."""

    def __init__(self, nudge: Callable[[], None]) -> None:
        super().__init__()
        self._nudge = nudge

    def set(self) -> None:
        self._nudge()


@dataclass(frozen=True, slots=True)
class _Place:
    attempt_id: int
    line: int
    entry: int
    used: int = 0
    """When the run was shown last (its `updated_at`)."""


class TaskShow(EventsShow):
    """A task's events, and what its attempts print, say and use, one attempt after the other."""

    pull = True

    def __init__(self, hub: StreamHub, store: Store, task_id: int, nudge: Callable[[], None]) -> None:
        super().__init__(hub, View(task_id=task_id))
        self._store = store
        self._task_id = task_id
        self._event = _Nudging(nudge)
        self._watched: str | None = None
        self._place = _Place(0, 0, 0)
        self._next = self._place

    async def start(self, attempt: str | None, line: int | None, entry: int | None) -> None:
        """Begin at a line and an entry (0: the first) of an attempt, by default the latest; without one, at what
        comes next.

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
        lines, entries = rows[0]
        self._place = _Place(attempt_id, lines if line is None else line, entries if entry is None else entry)

    async def beside(self) -> bytes:
        """Further lines, entries and figures: of this attempt, and when it has no more, of the one after it."""
        while True:
            self._watch(self._place.attempt_id)
            frame = await self._more() if self._place.attempt_id else b""
            if frame:
                return frame
            later = await self._store.rows(_NEXT_ATTEMPT, self._task_id, self._place.attempt_id)
            if later[0][0] is None:
                return b""
            self._place = _Place(later[0][0], 0, 0)

    async def _more(self) -> bytes:
        return await self._lines() or await self._said() or await self._used()

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
        self._next = replace(self._place, line=wanted)
        return message_frame(
            "output",
            task_id=ids.encode(ids.TASK, self._task_id),
            attempt_id=ids.encode(ids.ATTEMPT, attempt_id),
            line=first,
            lines=lines,
            next_line=wanted,
        )

    async def _said(self) -> bytes:
        attempt_id, first = self._place.attempt_id, self._place.entry
        entries: list[dict[str, Any]] = []
        size = 0
        for position, _, at, data in await self._store.rows(_ENTRIES, attempt_id, first):
            if size > _OUTPUT_BYTES:
                break
            size += len(data)
            documents = _DOCUMENTS.decode(data)
            entries += [
                {"position": position + offset, "at": iso(at), "entry": document}
                for offset, document in enumerate(documents)
                if position + offset >= first
            ]
        if not entries:
            return b""
        self._next = replace(self._place, entry=first + len(entries))
        return message_frame(
            "transcript",
            task_id=ids.encode(ids.TASK, self._task_id),
            attempt_id=ids.encode(ids.ATTEMPT, attempt_id),
            entry=first,
            entries=entries,
            next_entry=first + len(entries),
        )

    async def _used(self) -> bytes:
        run = (await runs_of(self._store, [self._place.attempt_id])).get(self._place.attempt_id)
        shape = run_shape(run)
        if run is None or shape is None or run.updated_at <= self._place.used:
            return b""
        self._next = replace(self._place, used=run.updated_at)
        return message_frame(
            "run", task_id=ids.encode(ids.TASK, self._task_id), run=shape.model_dump(mode="json")
        )

    def sent(self) -> None:
        """Go on behind what was given."""
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
