"""Money that was metered and that the end of an attempt did not settle: of one that died, was cancelled, or told late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from muster.domain.events_runs import RunCharged
from muster.store import tables
from muster.store.statements import Statement, update
from muster.store.unit_of_work import UnitOfWork

EXCESS: Final = Statement(
    "SELECT r.attempt_id, a.task_id, a.agent_id, t.project_id, r.cost - a.cost FROM runs r "
    "JOIN attempts a ON a.id = r.attempt_id JOIN tasks t ON t.id = a.task_id "
    "WHERE r.attempt_id IN_INTS(?1) AND a.state <> 'running' AND r.cost > a.cost FOR UPDATE OF r"
)
_ATTEMPT_COST: Final = update(tables.attempts, ["id"], ["cost = cost + ?"])
_TASK_COST: Final = update(tables.tasks, ["id"], ["cost = cost + ?", "updated_at"])


async def charge_metered(uow: UnitOfWork, attempts: Sequence[int]) -> None:
    """Charge those of the attempts that are over with what their calls cost beyond what they were settled with."""
    if not attempts:
        return
    by_task: dict[int, int] = {}
    rows = await uow.rows(EXCESS, list(attempts))
    for attempt, task, agent, project, excess in rows:
        by_task[task] = by_task.get(task, 0) + excess
        uow.journal.charge(project, spent=excess)
        uow.journal.fact(
            RunCharged(), task=task, attempt=attempt, agent=agent, project=project, amount=excess
        )
    await uow.run_many(_ATTEMPT_COST, [(row[0], row[4]) for row in rows])
    await uow.run_many(_TASK_COST, [(task, excess, uow.now) for task, excess in by_task.items()])
