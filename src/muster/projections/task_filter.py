"""Which tasks a list shows, and what the lanes' counters know of them beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from muster.domain.review import ReviewState
from muster.domain.task import TaskState
from muster.store.database import Reader
from muster.store.statements import Statement

OPEN: Final = frozenset(state for state in TaskState if not state.finished)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Every field narrows. Times are microseconds. `archived`: True only those, None also those."""

    states: frozenset[TaskState] | None = None
    reviews: frozenset[ReviewState] | None = None
    """How their results stand with people."""
    queue_id: int | None = None
    project_id: int | None = None
    session_id: int | None = None
    parent_id: int | None = None
    agent_id: str | None = None
    type: str | None = None
    kind: str | None = None
    tag: str | None = None
    text: str | None = None
    depends_on: int | None = None
    stuck: bool = False
    """Only those that wait for one that will not be done by itself any more."""
    archived: bool | None = False
    created_after: int | None = None
    created_before: int | None = None
    ended_after: int | None = None
    """An attempt of it ended after this time."""
    rare: bool = False
    """Whether few tasks match `text`; found out by `list_task_ids`."""

    @property
    def all_states(self) -> frozenset[TaskState]:
        """The states that are wanted."""
        return frozenset(TaskState) if self.states is None else self.states

    @property
    def in_lanes(self) -> bool:
        """Whether lanes are narrowed down: by queue, project or kind."""
        return self.queue_id is not None or self.project_id is not None or self.kind is not None

    def among(self, states: frozenset[TaskState]) -> TaskFilter:
        """The same for these states only."""
        return replace(self, states=states)


@dataclass(slots=True)
class LaneCount:
    """How many tasks a lane has in each state."""

    lane_id: int
    queue_id: int
    counts: Mapping[TaskState, int]


_STATES: Final = tuple(TaskState)
_COUNTS: Final = ", ".join(state.label for state in TaskState)
_SUMS: Final = ", ".join(f"coalesce(sum({state.label}), 0)" for state in TaskState)
_TOTAL: Final = Statement(f"SELECT 0, 0, {_SUMS} FROM lanes")
_OF_QUEUES: Final = Statement(
    f"SELECT 0, queue_id, {_SUMS} FROM lanes WHERE queue_id IN_INTS(?1) GROUP BY queue_id"
)


async def lanes_for(reader: Reader, wanted: TaskFilter, *, one_by_one: bool) -> list[LaneCount]:
    """The lanes the filter's queue, project and kind leave; summed up when they leave all, unless `one_by_one`."""
    if not wanted.in_lanes and not one_by_one:
        return [_lane(row) for row in await reader.rows(_TOTAL)]
    conditions: list[str] = []
    params: list[Any] = []
    for column, value in (
        ("queue_id", wanted.queue_id),
        ("project_id", wanted.project_id),
        ("kind", wanted.kind),
    ):
        if value is not None:
            params.append(value)
            conditions.append(f"{column} = ?{len(params)}")
    where = " AND ".join(conditions) or "1 = 1"
    statement = Statement(f"SELECT id, queue_id, {_COUNTS} FROM lanes WHERE {where}")
    return [_lane(row) for row in await reader.rows(statement, *params)]


async def counts_of_queues(reader: Reader, queue_ids: set[int]) -> dict[int, Mapping[TaskState, int]]:
    """How many tasks these queues have in each state."""
    rows = await reader.rows(_OF_QUEUES, sorted(queue_ids))
    return {lane.queue_id: lane.counts for lane in map(_lane, rows)}


def _lane(row: tuple[Any, ...]) -> LaneCount:
    return LaneCount(row[0], row[1], dict(zip(_STATES, map(int, row[2:]), strict=True)))
