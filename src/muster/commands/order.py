"""Putting a waiting task elsewhere in its queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from muster.domain import ids
from muster.domain.errors import InvalidInput, NotFound, WrongState
from muster.domain.events import TaskEdited
from muster.domain.order import rearranged
from muster.domain.task import TaskState
from muster.store import tables
from muster.store.statements import Statement, update
from muster.store.unit_of_work import UnitOfWork, command

FARTHEST: Final = 1_000
"""So many tasks may be passed in one move: each of them gets another place."""

_ONE: Final = Statement(
    "SELECT id, state, project_id, queue_id, priority, position FROM tasks WHERE id = ?1 FOR UPDATE"
)
_BETWEEN: Final = Statement(
    "SELECT t.id, t.position, t.project_id FROM tasks t WHERE t.lane_id IN (SELECT id FROM lanes WHERE queue_id = ?1) "
    "AND t.state IN (10, 20, 30) AND t.state < 60 AND t.priority = ?2 AND t.position >= ?3 AND t.position <= ?4 "
    "ORDER BY t.position LIMIT ?5 FOR UPDATE OF t"
)
_PLACE: Final = update(tables.tasks, ["id"], ["priority", "position", "updated_at"])


@dataclass(slots=True)
class _Standing:
    id: int
    state: int
    project_id: int
    queue_id: int
    priority: int
    position: int


@command()
async def move_task(uow: UnitOfWork, task_id: int, beside: int, *, after: bool) -> None:
    """Put a waiting task right before or after another one of its queue; it takes that one's priority.

    InvalidInput when they are in different queues, the same, or more than FARTHEST tasks apart.
    """
    await uow.exclusive("task order")
    field = "after" if after else "before"
    if task_id == beside:
        raise InvalidInput(field=field, problem="is the task itself")
    moved, other = await _waiting(uow, task_id), await _waiting(uow, beside)
    if moved.queue_id != other.queue_id:
        raise InvalidInput(field=field, problem="waits in another queue; order is kept within a queue")
    low, high = sorted((moved.position, other.position))
    rows = await uow.rows(_BETWEEN, other.queue_id, other.priority, low, high, FARTHEST + 2)
    if len(rows) > FARTHEST + 1:
        problem = f"is more than {FARTHEST} tasks away; change the priority, or move it in steps"
        raise InvalidInput(field=field, problem=problem)
    line = [row[0] for row in rows if row[0] != task_id]
    places: dict[int, int] = {row[0]: row[1] for row in rows} | {task_id: moved.position}
    changed = rearranged(line, places, task_id, line.index(beside) + after)
    await _write(uow, moved, other.priority, changed, {row[0]: row[2] for row in rows})


async def _waiting(uow: UnitOfWork, task_id: int) -> _Standing:
    rows = await uow.rows(_ONE, task_id)
    if not rows:
        raise NotFound(noun="task", id=ids.encode(ids.TASK, task_id))
    found = _Standing(*rows[0])
    state = TaskState(found.state)
    if not state.waiting:
        public = ids.encode(ids.TASK, task_id)
        raise WrongState(noun="task", id=public, state=state.label, wanted="only waiting tasks have a place")
    return found


async def _write(
    uow: UnitOfWork, moved: _Standing, priority: int, places: dict[int, int], projects: dict[int, int]
) -> None:
    values: dict[int, dict[str, Any]] = {task: {"position": place} for task, place in places.items()}
    if moved.priority != priority:
        values[moved.id] = {"priority": priority} | values.get(moved.id, {})
    rows = [(task, priority, places.get(task, moved.position), uow.now) for task in values]
    if not rows:
        return
    await uow.run_many(_PLACE, rows)
    for task, changes in values.items():
        uow.journal.fact(TaskEdited(changes), task=task, project=projects.get(task, moved.project_id))
