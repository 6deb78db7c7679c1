"""The installation at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.projections.counts import SUMS, StateCounts, counts_from
from muster.projections.log import head_of_log
from muster.projections.reviews import count_unreviewed, count_unseen
from muster.projections.waiting import WaitingGroup, waiting_groups
from muster.projections.workers import WorkerRow, live_workers
from muster.store.database import Reader
from muster.store.statements import Statement


@dataclass(slots=True)
class Money:
    """Sums over all projects in micro-dollars; `allocated` leaves out projects without a limit."""

    allocated: int
    reserved: int
    spent: int


@dataclass(slots=True)
class Status:
    """Tasks by state and by what they wait for, who works, how far the log is, what it costs."""

    counts: StateCounts
    reviews: int
    """Results that wait for a verdict."""
    unseen: int
    """Results with commits that nobody looked at; nothing waits for that. Cut at a thousand."""
    waiting: list[WaitingGroup]
    workers: list[WorkerRow]
    agents: int
    busy_agents: int
    position: int
    money: Money


_COUNTS: Final = Statement(f"SELECT {SUMS} FROM lanes")
_MONEY: Final = Statement(
    "SELECT coalesce(sum(allocated), 0), coalesce(sum(reserved), 0), coalesce(sum(spent), 0) FROM projects"
)
_AGENTS: Final = Statement("SELECT count(*) FROM agents")
_BUSY: Final = Statement("SELECT count(DISTINCT agent_id) FROM tasks WHERE state = 40 AND state < 60")


async def counts_by_state(reader: Reader) -> StateCounts:
    """All tasks by state."""
    return counts_from((await reader.rows(_COUNTS))[0])


async def status_of(reader: Reader, now: int) -> Status:
    """Everything at `now` (microseconds)."""
    allocated, reserved, spent = (await reader.rows(_MONEY))[0]
    return Status(
        counts=await counts_by_state(reader),
        reviews=await count_unreviewed(reader),
        unseen=await count_unseen(reader),
        waiting=await waiting_groups(reader, now),
        workers=await live_workers(reader, now),
        agents=(await reader.rows(_AGENTS))[0][0],
        busy_agents=(await reader.rows(_BUSY))[0][0],
        position=await head_of_log(reader),
        money=Money(int(allocated), int(reserved), int(spent)),
    )
