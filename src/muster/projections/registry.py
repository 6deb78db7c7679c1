"""The read models that are folded from the log, and how one is brought forward."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from muster.projections import search
from muster.projections.log import COLUMNS
from muster.store.codec import Event
from muster.store.statements import Row, Statement
from muster.store.unit_of_work import UnitOfWork, command


@dataclass(frozen=True, slots=True)
class Projection:
    """A read model: the kinds of events it is made of and how they change its tables."""

    name: str
    kinds: frozenset[str]
    fold: Callable[[UnitOfWork, Sequence[Event]], Awaitable[None]]


PROJECTIONS: Final[tuple[Projection, ...]] = (Projection(search.NAME, search.KINDS, search.fold_search),)

BYTES_AT_ONCE: Final = 131_072
"""Data of the events folded in one transaction; on SQLite the loop stands still for as long."""

_POSITION: Final = Statement("SELECT seq FROM projection_positions WHERE name = ?1")
_HEAD: Final = Statement("SELECT coalesce(max(seq), 0) FROM events")
_SIZES: Final = Statement(
    "SELECT seq, octet_length(data) FROM events WHERE seq > ?1 AND seq <= ?2 AND kind IN_TEXTS(?3) ORDER BY seq"
)
_NEXT: Final = Statement(
    f"SELECT {COLUMNS} FROM events WHERE seq > ?1 AND seq <= ?2 AND kind IN_TEXTS(?3) ORDER BY seq"
)
_MOVE: Final = Statement(
    "INSERT INTO projection_positions (name, seq) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq"
)


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
    kinds = sorted(projection.kinds)
    sizes = await uow.rows(_SIZES, position, target, kinds)
    if sizes:
        target = _bite(sizes, target)
        events = [Event(*row) for row in await uow.rows(_NEXT, position, target, kinds)]
        await projection.fold(uow, events)
    await uow.run(_MOVE, projection.name, target)
    return target


def _bite(sizes: Sequence[Row], target: int) -> int:
    """How far to go so that a bite stays small, though always one event further."""
    total = 0
    for index, (_, size) in enumerate(sizes):
        total += size
        if total > BYTES_AT_ONCE and index:
            return sizes[index - 1][0]
    return target
