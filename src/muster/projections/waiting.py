"""All waiting tasks by the reason why they wait, with an example of each. The work is bounded: from counters,
lanes and a thousand tasks at the most, whatever their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.domain.admission import Hold, LaneFacts, ready_hold
from muster.domain.task import TaskState
from muster.projections.holds import Waiting, dependencies_of, holds_of, workers_for
from muster.store.database import Reader
from muster.store.lanes import load_lane_facts
from muster.store.statements import Statement

LOOKED_AT: Final = 1_000
_LANES_WITH_BUDGET: Final = 200


@dataclass(slots=True)
class WaitingGroup:
    """So many tasks wait for this reason; `hold` is why the example does. Not `exact`: there may be more."""

    code: str
    count: int
    example: int | None
    hold: Hold
    exact: bool = True


@dataclass(slots=True)
class _Groups:
    found: dict[str, WaitingGroup] = field(default_factory=dict[str, WaitingGroup])

    def add(self, hold: Hold, count: int, example: int | None, *, exact: bool = True) -> WaitingGroup:
        group = self.found.get(hold.code)
        if group is None:
            group = self.found[hold.code] = WaitingGroup(hold.code, 0, example, hold)
        group.count += count
        group.exact = group.exact and exact
        return group


_FIRST: Final = Statement(
    "SELECT id, estimate FROM tasks WHERE state = 30 AND state < 60 AND lane_id = ?1 "
    "ORDER BY priority, position LIMIT 1"
)
_TOTALS: Final = Statement("SELECT coalesce(sum(blocked), 0), coalesce(sum(backoff), 0) FROM lanes")
_TOTALS_OF_QUEUE: Final = Statement(
    "SELECT coalesce(sum(blocked), 0), coalesce(sum(backoff), 0) FROM lanes WHERE queue_id = ?1"
)
_SOME: Final = Statement(
    "SELECT id, state, lane_id, estimate, attempts, max_attempts, ready_at FROM tasks "
    "WHERE state = ?1 AND state < 60 LIMIT ?2"
)
_SOME_OF_QUEUE: Final = Statement(
    "SELECT id, state, lane_id, estimate, attempts, max_attempts, ready_at FROM tasks "
    "WHERE state = ?1 AND state < 60 AND lane_id IN (SELECT id FROM lanes WHERE queue_id = ?3) LIMIT ?2"
)


async def waiting_groups(reader: Reader, now: int, *, queue_id: int | None = None) -> list[WaitingGroup]:
    """Reasons with their counts, the most frequent first; of one queue if given."""
    groups = _Groups()
    await _add_ready(reader, now, groups, queue_id)
    totals = await reader.rows(_TOTALS) if queue_id is None else await reader.rows(_TOTALS_OF_QUEUE, queue_id)
    for state, total in zip((TaskState.BLOCKED, TaskState.BACKOFF), totals[0], strict=True):
        if total:
            await _add_others(reader, now, groups, state, int(total), queue_id)
    return sorted(groups.found.values(), key=lambda group: (-group.count, group.code))


async def _add_ready(reader: Reader, now: int, groups: _Groups, queue_id: int | None) -> None:
    lanes = [
        lane
        for lane in await load_lane_facts(reader, ready_only=True)
        if queue_id is None or lane.queue_id == queue_id
    ]
    workers = await workers_for(reader, lanes, now)
    asked = 0
    for lane in lanes:
        first: tuple[Any, ...] | None = None
        if lane.room is not None and asked < _LANES_WITH_BUDGET:
            asked += 1
            first = await _first(reader, lane)
        hold = ready_hold(lane, first[1] if first else 0, workers)
        known = hold.code in groups.found
        if not known and first is None:
            first = await _first(reader, lane)
        groups.add(hold, lane.ready, first[0] if first else None)


async def _first(reader: Reader, lane: LaneFacts) -> tuple[Any, ...] | None:
    rows = await reader.rows(_FIRST, lane.lane_id)
    return rows[0] if rows else None


async def _add_others(
    reader: Reader, now: int, groups: _Groups, state: TaskState, total: int, queue_id: int | None
) -> None:
    rows: Sequence[tuple[Any, ...]] = (
        await reader.rows(_SOME, int(state), LOOKED_AT)
        if queue_id is None
        else await reader.rows(_SOME_OF_QUEUE, int(state), LOOKED_AT, queue_id)
    )
    ids = [row[0] for row in rows]
    dependencies = await dependencies_of(reader, ids) if state is TaskState.BLOCKED else {}
    tasks = [
        Waiting(row[0], TaskState(row[1]), *row[2:7], dependencies=dependencies.get(row[0], []))
        for row in rows
    ]
    holds = await holds_of(reader, tasks, now)
    last: WaitingGroup | None = None
    for task_id in ids:
        last = groups.add(holds[task_id], 1, task_id, exact=total <= len(ids))
    usual = groups.found.get("blocked_by" if state is TaskState.BLOCKED else "backoff_until") or last
    if usual is not None and total > len(ids):
        usual.count += total - len(ids)


def codes(groups: Sequence[WaitingGroup]) -> dict[str, int]:
    """Counts by code."""
    return {group.code: group.count for group in groups}
