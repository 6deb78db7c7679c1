"""Why waiting tasks wait, for a whole page at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from muster.domain.admission import Hold, LaneFacts, WorkerFacts, hold_of, ready_hold
from muster.domain.review import ReviewState
from muster.domain.task import TaskState
from muster.domain.waiting import Blocker, blocked_hold, delayed_hold
from muster.projections.workers import live_workers
from muster.store.database import Reader
from muster.store.lanes import lanes_by_id
from muster.store.statements import Statement


@dataclass(frozen=True, slots=True)
class Dependency:
    """A task another depends on. `done`: it need not be waited for; `state` None: it was removed."""

    task_id: int
    done: bool
    state: TaskState | None
    review: ReviewState = ReviewState.NONE


@dataclass(frozen=True, slots=True)
class Waiting:
    """What about a waiting task explains why."""

    task_id: int
    state: TaskState
    lane_id: int
    estimate: int
    attempts: int
    max_attempts: int
    ready_at: int | None
    dependencies: Sequence[Dependency]


_DEPENDENCIES: Final = Statement(
    "SELECT d.task_id, d.depends_on, d.done, t.state, t.review FROM task_dependencies d "
    "LEFT JOIN tasks t ON t.id = d.depends_on WHERE d.task_id IN_INTS(?1) ORDER BY d.task_id, d.depends_on"
)


async def dependencies_of(reader: Reader, task_ids: Sequence[int]) -> dict[int, list[Dependency]]:
    """What each of these tasks depends on."""
    found: dict[int, list[Dependency]] = {}
    for task, target, done, state, review in await reader.rows(_DEPENDENCIES, list(task_ids)):
        known = None if state is None else TaskState(state)
        found.setdefault(task, []).append(Dependency(target, bool(done), known, ReviewState(review or 0)))
    return found


async def holds_of(reader: Reader, tasks: Iterable[Waiting], now: int) -> dict[int, Hold]:
    """Why each of these tasks waits."""
    holds: dict[int, Hold] = {}
    ready: list[Waiting] = []
    for task in tasks:
        match task.state:
            case TaskState.BLOCKED:
                undone = [
                    Blocker(one.task_id, one.state, one.review) for one in task.dependencies if not one.done
                ]
                holds[task.task_id] = blocked_hold(undone)
            case TaskState.BACKOFF:
                holds[task.task_id] = delayed_hold(task.ready_at or now, task.attempts, task.max_attempts)
            case TaskState.READY:
                ready.append(task)
            case _:
                pass
    if ready:
        holds |= await _ready_holds(reader, ready, now)
    return holds


async def _ready_holds(reader: Reader, tasks: Sequence[Waiting], now: int) -> dict[int, Hold]:
    lanes = await lanes_by_id(reader, {task.lane_id for task in tasks})
    workers = await workers_for(reader, lanes.values(), now)
    return {
        task.task_id: ready_hold(lanes[task.lane_id], task.estimate, workers)
        for task in tasks
        if task.lane_id in lanes
    }


async def workers_for(reader: Reader, lanes: Iterable[LaneFacts], now: int) -> list[WorkerFacts]:
    """The live workers, if it is for want of them that a task of these lanes may wait."""
    if any(lane.mode == "auto" and not lane.assignee and hold_of(lane) is None for lane in lanes):
        return [worker.facts for worker in await live_workers(reader, now)]
    return []
