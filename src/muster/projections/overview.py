"""The installation in a few figures: what waits for people, what is open, and what a day came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from muster.domain import ids
from muster.domain.task import TaskState
from muster.projections.approvals import count_pending
from muster.projections.counts import StateCounts
from muster.projections.reviews import count_unreviewed, count_unseen
from muster.projections.status import counts_by_state
from muster.projections.stuck import count_stuck
from muster.store.database import Reader
from muster.store.statements import Statement

HOUR_US: Final = 3_600_000_000
LONGEST_US: Final = 7 * 24 * HOUR_US
"""No attempt may run longer: one that ended later began later than this before."""
MOST_PROBLEMS: Final = 1_000


@dataclass(slots=True)
class Hour:
    """Tasks that ended in an hour of the day."""

    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0


@dataclass(slots=True, kw_only=True)
class Day:
    """What a stretch of time came to. Money is micro-dollars; runs under way are counted as far as they are."""

    since: int
    cost: int = 0
    unpriced: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    hours: list[Hour] = field(default_factory=list[Hour])
    median_us: int | None = None
    """Of the attempts that succeeded."""


@dataclass(slots=True, kw_only=True)
class Overview:
    """`waiting`, `problems` and `stuck` are what the interface calls the inbox. The last two are cut at a thousand."""

    waiting: int
    reviews: int
    """Of these: results that wait for a verdict."""
    unseen: int
    """Results with commits that nobody looked at; nothing waits for that. Cut at a thousand."""
    problems: int
    stuck: int
    """Open tasks behind one that failed, was cancelled or was rejected."""
    open: int
    counts: StateCounts
    budget: int | None
    """Of all projects that have one, together; None when none has."""
    budget_used: int
    """What these spent and have reserved of it."""
    day: Day


_PROBLEMS: Final = Statement(
    f"SELECT count(*) FROM (SELECT 1 FROM tasks WHERE state = {int(TaskState.FAILED)} AND state >= 60 "
    f"AND archived_at IS NULL LIMIT {MOST_PROBLEMS}) p"
)
_BUDGET: Final = Statement(
    "SELECT sum(allocated), sum(spent + reserved) FROM projects WHERE allocated IS NOT NULL"
)
_ENDED: Final = Statement(
    "SELECT (a.finished_at - ?2) / 3600000000, CASE WHEN t.attempt_id = a.id THEN t.state ELSE 0 END, count(*), "
    "sum(a.cost), sum(a.input_tokens), sum(a.output_tokens), sum(a.cache_read_tokens), sum(a.cache_write_tokens), "
    "sum(coalesce(r.unpriced_calls, 0)) "
    "FROM attempts a LEFT JOIN tasks t ON t.id = a.task_id LEFT JOIN runs r ON r.attempt_id = a.id "
    "WHERE a.id >= ?1 AND a.finished_at >= ?2 GROUP BY 1, 2"
)
_UNDER_WAY: Final = Statement(
    "SELECT coalesce(sum(r.cost), 0), coalesce(sum(r.unpriced_calls), 0), coalesce(sum(r.input_tokens), 0), "
    "coalesce(sum(r.output_tokens), 0), coalesce(sum(r.cache_read_tokens), 0), coalesce(sum(r.cache_write_tokens), 0) "
    "FROM tasks t JOIN runs r ON r.attempt_id = t.attempt_id "
    f"WHERE t.state = {int(TaskState.RUNNING)} AND t.state < 60"
)
_TIMES: Final = Statement(
    "SELECT finished_at - claimed_at FROM attempts WHERE id >= ?1 AND finished_at >= ?2 AND state = 'succeeded' "
    "ORDER BY 1 LIMIT 1 OFFSET ?3"
)


async def overview_of(reader: Reader, since: int, now: int) -> Overview:
    """The figures at `now`, the day's from `since` on (microseconds)."""
    counts = await counts_by_state(reader)
    budget, used = (await reader.rows(_BUDGET))[0]
    reviews = await count_unreviewed(reader)
    return Overview(
        waiting=await count_pending(reader) + reviews,
        reviews=reviews,
        unseen=await count_unseen(reader),
        problems=(await reader.rows(_PROBLEMS))[0][0],
        stuck=await count_stuck(reader) if counts.blocked else 0,
        open=counts.waiting + counts.running,
        counts=counts,
        budget=None if budget is None else int(budget),
        budget_used=int(used or 0),
        day=await _day(reader, since, now),
    )


async def _day(reader: Reader, since: int, now: int) -> Day:
    first = ids.first_id_at(since - LONGEST_US)
    day = Day(since=since, hours=[Hour() for _ in range(max(-(-(now - since) // HOUR_US), 1))])
    succeeded = 0
    for hour, state, count, *sums in await reader.rows(_ENDED, first, since):
        _add(day, [int(value) for value in (sums[0], sums[5], *sums[1:5])])
        slot = day.hours[min(int(hour), len(day.hours) - 1)]
        match state:
            case TaskState.SUCCEEDED:
                slot.succeeded += count
                succeeded += count
            case TaskState.FAILED:
                slot.failed += count
            case TaskState.CANCELLED:
                slot.cancelled += count
            case _:
                pass
    _add(day, [int(value) for value in (await reader.rows(_UNDER_WAY))[0]])
    if succeeded:
        rows = await reader.rows(_TIMES, first, since, (succeeded - 1) // 2)
        day.median_us = rows[0][0] if rows else None
    return day


def _add(day: Day, sums: list[int]) -> None:
    cost, unpriced, fresh, output, cache_read, cache_write = sums
    day.cost += cost
    day.unpriced += unpriced
    day.input += fresh
    day.output += output
    day.cache_read += cache_read
    day.cache_write += cache_write
