"""Lists of tasks, page by page."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from muster.projections.page import Key, Page
from muster.projections.search import is_rare, search_for
from muster.projections.task_filter import (
    OPEN,
    LaneCount,
    TaskFilter,
    counts_of_queues,
    lanes_for,
)
from muster.projections.task_ranges import Query, narrow_range, ranges_by_id, ranges_in_queue_order
from muster.projections.tasks import SHORT, TaskRow, task_rows
from muster.store.database import Reader
from muster.store.statements import Row

_NEWEST_OF_ALL = 2**62


class Order(StrEnum):
    """How a list is sorted: by age, or as work is handed out (finished tasks then follow, newest first)."""

    NEWEST = "newest"
    OLDEST = "oldest"
    QUEUE = "queue"


async def list_tasks(
    reader: Reader,
    wanted: TaskFilter,
    now: int,
    *,
    order: Order = Order.NEWEST,
    after: Key | None = None,
    limit: int = 50,
    cut: int = SHORT,
) -> Page[TaskRow]:
    """A page of tasks; long texts are cut after `cut` characters. The page's key is (id,), in queue order
    (0, priority, position) or (1, id, 0)."""
    page = await list_task_ids(reader, wanted, order=order, after=after, limit=limit)
    return Page(await task_rows(reader, page.items, now, cut=cut), page.next)


async def list_task_ids(
    reader: Reader,
    wanted: TaskFilter,
    *,
    order: Order = Order.NEWEST,
    after: Key | None = None,
    limit: int = 50,
) -> Page[int]:
    """Like `list_tasks`, the ids alone."""
    if wanted.text is not None:
        query = await search_for(reader, wanted.text)
        if query is None:
            return Page([])
        wanted = replace(wanted, text=query, rare=await is_rare(reader, query))
    if order is Order.QUEUE:
        return await _in_queue_order(reader, wanted, after, limit)
    behind = int(after[0]) if after else None
    found = await _by_id(reader, wanted, behind, limit + 1, newest=order is Order.NEWEST)
    return Page(found[:limit], (found[limit - 1],) if len(found) > limit else None)


async def _by_id(
    reader: Reader, wanted: TaskFilter, after: int | None, limit: int, *, newest: bool
) -> list[int]:
    lanes: list[LaneCount] = []
    if wanted.kind is not None or (wanted.states is not None and narrow_range(wanted) is None):
        lanes = await lanes_for(reader, wanted, one_by_one=False)
    if wanted.kind is not None and not lanes:
        return []
    spread = wanted.in_lanes and wanted.queue_id is None and wanted.states is not None
    queues = await counts_of_queues(reader, {lane.queue_id for lane in lanes}) if spread and lanes else {}
    ranges = ranges_by_id(wanted, lanes, queues)
    if not ranges:
        return []
    query = Query(wanted, lanes)
    statement = query.by_id(ranges, after, limit, newest=newest)
    return [row[0] for row in await reader.rows(statement, *query.params)]


async def _in_queue_order(reader: Reader, wanted: TaskFilter, after: Key | None, limit: int) -> Page[int]:
    opened: list[Row] = []
    if after is None or after[0] == 0:
        behind = (int(after[1]), int(after[2])) if after else None
        opened = await _open_in_order(reader, wanted, behind, limit + 1)
        if len(opened) > limit:
            last = opened[limit - 1]
            return Page([row[0] for row in opened[:limit]], (0, last[1], last[2]))
    found = [row[0] for row in opened]
    closed = wanted.all_states - OPEN
    if closed:
        behind_id = int(after[1]) if after and after[0] == 1 else None
        missing = limit + 1 - len(found)
        found += await _by_id(reader, wanted.among(closed), behind_id, missing, newest=True)
    if len(found) <= limit:
        return Page(found)
    # When unfinished tasks fill the page to the brim, the finished ones start the next.
    last_id = found[limit - 1] if limit > len(opened) else _NEWEST_OF_ALL
    return Page(found[:limit], (1, last_id, 0))


async def _open_in_order(
    reader: Reader, wanted: TaskFilter, after: tuple[int, int] | None, limit: int
) -> list[Row]:
    if not wanted.all_states & OPEN or wanted.archived is True:
        return []
    lanes: list[LaneCount] = []
    if wanted.kind is not None or narrow_range(wanted) is None:
        lanes = await lanes_for(reader, wanted, one_by_one=True)
    ranges = ranges_in_queue_order(wanted.among(wanted.all_states & OPEN), lanes)
    if not ranges or (wanted.kind is not None and not lanes):
        return []
    query = Query(wanted, lanes)
    statement = query.in_queue_order(ranges, after, limit)
    return await reader.rows(statement, *query.params)
