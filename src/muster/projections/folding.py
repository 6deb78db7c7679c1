"""How a read model that is made from the log is brought forward."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from muster.store.database import Reader
from muster.store.statements import Row, Statement
from muster.store.unit_of_work import UnitOfWork, command

TouchedTasks = Mapping[str, Sequence[int]]
"""Tasks by the kind of event that touched them."""


@dataclass(frozen=True, slots=True)
class Projection:
    """A read model: the kinds of events that touch it, and how it makes the rows of touched tasks anew.

    It waits until there are `gather_events`, `gather_seconds` at most. One that `weighs` its events takes fewer at
    once when they are large.
    """

    name: str
    kinds: frozenset[str]
    fold: Callable[[UnitOfWork, TouchedTasks], Awaitable[None]]
    events_at_once: int
    gather_events: int
    gather_seconds: float
    weighs: bool = False


BYTES_AT_ONCE: Final = 131_072
"""Data of the events folded in one transaction; on SQLite the loop stands still for as long."""

_POSITION: Final = Statement("SELECT seq FROM projection_positions WHERE name = ?1")
_HEAD: Final = Statement("SELECT coalesce(max(seq), 0) FROM events")
_WEIGHED: Final = Statement(
    "SELECT seq, kind, task_id, octet_length(data) FROM events "
    "WHERE seq > ?1 AND seq <= ?2 AND kind IN_TEXTS(?3) ORDER BY seq"
)
_NEXT: Final = Statement(
    "SELECT seq, kind, task_id, 0 FROM events WHERE seq > ?1 AND seq <= ?2 AND kind IN_TEXTS(?3) ORDER BY seq"
)
_MOVE: Final = Statement(
    "INSERT INTO projection_positions (name, seq) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq"
)


async def position_and_head(reader: Reader, projection: Projection) -> tuple[int, int]:
    """How far the read model is, and the position of the newest event."""
    rows = await reader.rows(_POSITION, projection.name)
    head: int = (await reader.rows(_HEAD))[0][0]
    return (rows[0][0] if rows else 0), head


@command(durable=False)
async def fold_next(uow: UnitOfWork, projection: Projection, limit: int) -> int:
    """Fold up to `limit` events behind the read model's position into it, fewer when they are large; the new position."""
    await uow.exclusive(f"projection {projection.name}")
    rows = await uow.rows(_POSITION, projection.name)
    position: int = rows[0][0] if rows else 0
    head: int = (await uow.rows(_HEAD))[0][0]
    target = min(position + limit, head)
    if target <= position:
        return position
    statement = _WEIGHED if projection.weighs else _NEXT
    events = await uow.rows(statement, position, target, sorted(projection.kinds))
    bite = _bite(events)
    if len(bite) < len(events):
        target = bite[-1][0]
    touched: dict[str, dict[int, None]] = {}
    for _, kind, task, _ in bite:
        if task is not None:
            touched.setdefault(kind, {})[task] = None
    if touched:
        await projection.fold(uow, {kind: list(tasks) for kind, tasks in touched.items()})
    await uow.run(_MOVE, projection.name, target)
    return target


def _bite(events: Sequence[Row]) -> Sequence[Row]:
    """So many that a bite stays small, though always one."""
    total = 0
    for index, event in enumerate(events):
        total += event[3]
        if total > BYTES_AT_ONCE and index:
            return events[:index]
    return events
