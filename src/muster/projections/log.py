"""The log as it is read: by position, or for one task."""

from __future__ import annotations

from typing import Final

from muster.domain import ids
from muster.domain.errors import NotFound
from muster.projections.page import Page, page_of
from muster.store.codec import Event
from muster.store.database import Reader
from muster.store.statements import Statement

COLUMNS: Final = "seq, at, kind, task_id, attempt_id, agent_id, project_id, amount, data"
_AFTER: Final = Statement(f"SELECT {COLUMNS} FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2")
_OF_TASK: Final = Statement(
    f"SELECT {COLUMNS} FROM events WHERE task_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
)
_HEAD: Final = Statement("SELECT coalesce(max(seq), 0) FROM events")


async def events_after(reader: Reader, position: int, limit: int) -> list[Event]:
    """Up to `limit` events behind a position, oldest first."""
    return [Event(*row) for row in await reader.rows(_AFTER, position, limit)]


async def head_of_log(reader: Reader) -> int:
    """The position of the newest event."""
    return (await reader.rows(_HEAD))[0][0]


async def events_of(reader: Reader, task_id: int, *, after: int = 0, limit: int = 50) -> Page[Event]:
    """The events of a task, oldest first, also of one that was removed; the page's key is (position,).

    NotFound for a task that never was.
    """
    rows = await reader.rows(_OF_TASK, task_id, after, limit + 1)
    if not rows and not (after and await reader.rows(_OF_TASK, task_id, 0, 1)):
        raise NotFound(noun="task", id=ids.encode(ids.TASK, task_id))
    events = [Event(*row) for row in rows]
    return page_of(events, limit, (events[limit - 1].seq,) if len(events) > limit else None)
