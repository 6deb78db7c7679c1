"""What the log says, for tests."""

from __future__ import annotations

from typing import Any

from muster.store.codec import Event
from muster.store.database import Store
from muster.store.statements import Statement

_EVENTS = Statement(
    "SELECT seq, at, kind, task_id, attempt_id, agent_id, project_id, amount, data FROM events ORDER BY seq"
)


async def log_of(store: Store, *kinds: str) -> list[Event]:
    """All events, or those of some kinds, oldest first."""
    events = [Event(*row) for row in await store.rows(_EVENTS)]
    return [event for event in events if not kinds or event.kind in kinds]


async def one(store: Store, sql: str, *params: Any) -> Any:
    """The first column of the first row."""
    return (await store.rows(Statement(sql), *params))[0][0]
