"""What is known beforehand of a task that is not queued yet: tasks like it, and what stands before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain.admission import Hold, LaneFacts, WorkerFacts, affordable, hold_of, ready_hold
from muster.domain.estimate import Crowd, Ended, Estimate, Kind, Range, estimate_of, range_of, starts_in
from muster.domain.task import LaneKey, TaskState
from muster.projections.workers import live_workers
from muster.store.database import Reader
from muster.store.lanes import facts_of_key, load_lane_facts
from muster.store.statements import Row, Statement, for_each

LOOKED_AT: Final = 600
MOST_AHEAD: Final = 10_000
AT_HAND: Final = frozenset({"in_line", "worker_busy"})
"""Why a task waits that will be handed out as soon as a place is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A task as it would be queued. Money is micro-dollars."""

    lane: LaneKey
    type: str
    directory: str
    priority: int
    cost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`position` counts from 1 within its queue; `hold`: what would keep it waiting whoever is free."""

    estimate: Estimate
    position: int
    hold: Hold | None
    starts_in: Range | None
    workers: int
    free: int


_ENDED: Final = tuple(
    for_each(
        *(
            f"SELECT s.type, l.kind, coalesce(r.agent, ''), t.queue_id, {folder}, t.state, t.cost, "
            "coalesce(r.unpriced_calls, 0), t.finished_at - t.started_at, "
            "coalesce(r.input_tokens + r.output_tokens + r.cache_read_tokens + r.cache_write_tokens, 0) "
            "FROM tasks t JOIN task_specs s ON s.id = t.id JOIN lanes l ON l.id = t.lane_id "
            "LEFT JOIN runs r ON r.attempt_id = t.attempt_id "
            f"WHERE t.state = {int(state)} AND t.state >= 60 AND t.archived_at IS NULL "
            f"AND t.started_at IS NOT NULL ORDER BY t.id DESC LIMIT {LOOKED_AT}"
            for folder in (
                "coalesce(json_extract(s.doc, '$.working_dir'), '')",
                "coalesce(s.doc::json ->> 'working_dir', '')",
            )
        )
    )
    for state in (TaskState.SUCCEEDED, TaskState.FAILED)
)
_LANES: Final = Statement("SELECT id FROM lanes WHERE queue_id = ?1 AND ready > 0")
_AHEAD: Final = Statement(
    f"SELECT count(*) FROM (SELECT 1 FROM tasks WHERE state = {int(TaskState.READY)} AND state < 60 "
    f"AND lane_id IN_INTS(?1) AND priority <= ?2 LIMIT {MOST_AHEAD}) q"
)


async def forecast_of(reader: Reader, asked: Asked, now: int) -> Forecast:
    """What can be said of it at `now` (microseconds)."""
    rows = [row for statement in _ENDED for row in await reader.rows(statement)]
    lane = await facts_of_key(reader, asked.lane)
    kind = Kind(agent=lane.agent, queue_id=asked.lane.queue_id, directory=asked.directory)
    alike = [_ended(row) for row in rows if (row[0], row[1]) == (asked.type, asked.lane.kind)]
    estimate = estimate_of(kind, alike)
    workers = [worker.facts for worker in await live_workers(reader, now)]
    serving = [worker for worker in workers if worker.serves(lane)]
    hold = ready_hold(lane, asked.cost, workers)
    crowd = await _crowd(reader, asked, serving, range_of([row[8] for row in rows]) or estimate.took)
    lanes = [row[0] for row in await reader.rows(_LANES, asked.lane.queue_id)]
    return Forecast(
        estimate=estimate,
        position=await _ahead(reader, lanes, asked.priority) + 1,
        hold=None if hold.code in AT_HAND else hold,
        starts_in=starts_in(crowd) if hold.code in AT_HAND else None,
        workers=len(serving),
        free=crowd.free,
    )


async def _crowd(reader: Reader, asked: Asked, serving: list[WorkerFacts], took: Range | None) -> Crowd:
    """The ready tasks that the same workers take before this one."""
    lanes = [
        lane.lane_id
        for lane in await load_lane_facts(reader, ready_only=True)
        if _claimable(lane) and any(worker.serves(lane) for worker in serving)
    ]
    return Crowd(
        ahead=await _ahead(reader, lanes, asked.priority),
        free=sum(max(worker.capacity - worker.running, 0) for worker in serving),
        places=sum(worker.capacity for worker in serving),
        took=took,
    )


def _claimable(lane: LaneFacts) -> bool:
    return hold_of(lane) is None and affordable(lane, 0)


async def _ahead(reader: Reader, lanes: list[int], priority: int) -> int:
    return int((await reader.rows(_AHEAD, lanes, priority))[0][0]) if lanes else 0


def _ended(row: Row) -> Ended:
    return Ended(
        kind=Kind(agent=row[2], queue_id=row[3], directory=row[4]),
        succeeded=row[5] == TaskState.SUCCEEDED,
        cost=None if row[7] else row[6],
        took=row[8],
        tokens=row[9],
    )
