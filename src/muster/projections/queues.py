"""Queues with their tasks counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from muster.domain import ids
from muster.domain.errors import NotFound
from muster.projections.counts import SUMS, StateCounts, counts_from
from muster.projections.page import Key, Page, page_of_fitting
from muster.store.database import Reader
from muster.store.statements import Row, Statement


@dataclass(slots=True)
class QueueRow:
    """A queue. `agent_id` is its owner, `concurrency` None: no limit. Times are microseconds."""

    id: int
    name: str
    instructions: str
    mode: str
    status: str
    paused: bool
    concurrency: int | None
    project_id: int | None
    session_id: int | None
    agent_id: str | None
    sandbox: str | None
    approval: str
    created_at: int
    updated_at: int
    counts: StateCounts


_COLUMNS: Final = (
    "id, name, instructions, mode, status, paused, concurrency, project_id, session_id, agent_id, sandbox, "
    "approval, "
    "created_at, updated_at"
)
_LIST: Final = Statement(f"SELECT {_COLUMNS} FROM queues WHERE name > ?1 ORDER BY name LIMIT ?2")
_ONE: Final = Statement(f"SELECT {_COLUMNS} FROM queues WHERE id = ?1")
_NAMED: Final = Statement("SELECT id FROM queues WHERE name = ?1")
_KNOWN: Final = Statement("SELECT id FROM queues WHERE id = ?1")
_COUNTS: Final = Statement(f"SELECT queue_id, {SUMS} FROM lanes WHERE queue_id IN_INTS(?1) GROUP BY queue_id")


async def list_queues(
    reader: Reader,
    *,
    archived: bool | None = False,
    project_id: int | None = None,
    mode: str | None = None,
    after: Key | None = None,
    limit: int = 50,
) -> Page[QueueRow]:
    """Queues by name; archived ones are hidden unless asked for (True: only those, None: both).

    The page's key is (name,).
    """

    async def fetch(behind: Key | None, count: int) -> list[Row]:
        return await reader.rows(_LIST, str(behind[0]) if behind else "", count)

    def fits(row: Row) -> bool:
        return (
            (archived is None or (row[4] == "archived") is archived)
            and (project_id is None or row[7] == project_id)
            and (mode is None or row[3] == mode)
        )

    page = await page_of_fitting(fetch, fits, lambda row: (row[1],), after, limit)
    counts = await _counts(reader, [row[0] for row in page.items])
    return Page([_queue(row, counts) for row in page.items], page.next)


async def get_queue(reader: Reader, queue_id: int) -> QueueRow:
    """One queue; NotFound when there is none."""
    rows = await reader.rows(_ONE, queue_id)
    if not rows:
        raise NotFound(noun="queue", id=ids.encode(ids.QUEUE, queue_id))
    return _queue(rows[0], await _counts(reader, [queue_id]))


async def find_queue(reader: Reader, reference: str) -> int:
    """The id of the queue with this public id or name; NotFound when there is none."""
    if ids.is_id(ids.QUEUE, reference):
        rows = await reader.rows(_KNOWN, ids.decode(ids.QUEUE, reference))
    else:
        rows = await reader.rows(_NAMED, reference)
    if not rows:
        raise NotFound(noun="queue", id=reference[:60])
    return rows[0][0]


async def _counts(reader: Reader, queue_ids: list[int]) -> dict[int, StateCounts]:
    return {row[0]: counts_from(row[1:]) for row in await reader.rows(_COUNTS, queue_ids)}


def _queue(row: Row, counts: dict[int, StateCounts]) -> QueueRow:
    values: list[Any] = [*row, counts.get(row[0]) or StateCounts()]
    values[5] = bool(row[5])
    return QueueRow(*values)
