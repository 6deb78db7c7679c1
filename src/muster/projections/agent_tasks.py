"""Which tasks an agent holds or held last, by agent and age.

An index of the tasks themselves would be written at every claim, a page for each agent of a batch, and that is
half of all that claims write. This shadow of two of their columns lags behind the log and is written in bulk;
who asks for the tasks of an agent has it brought forward first.
"""

from __future__ import annotations

import logging
from typing import Final

from muster.domain.errors import StoreUnavailable
from muster.domain.events import AttemptStarted, TaskEdited, TaskRemoved, TaskSubmitted
from muster.projections.folding import Projection, TouchedTasks, fold_next, position_and_head
from muster.store.database import Store
from muster.store.statements import Statement
from muster.store.unit_of_work import UnitOfWork

NAME: Final = "agent_tasks"
EVENTS_AT_ONCE: Final = 5_000
ROUNDS: Final = 20
"""Bites a reader waits for; behind a longer tail it sees what is there."""

_FORGET: Final = Statement(
    "DELETE FROM agent_tasks WHERE task_id IN_INTS(?1) AND NOT EXISTS "
    "(SELECT 1 FROM tasks t WHERE t.id = agent_tasks.task_id AND t.agent_id IS NOT NULL)"
)
_KEEP: Final = Statement(
    "INSERT INTO agent_tasks (task_id, agent_id) SELECT t.id, t.agent_id FROM tasks t "
    "WHERE t.id IN_INTS(?1) AND t.agent_id IS NOT NULL "
    "ON CONFLICT (task_id) DO UPDATE SET agent_id = excluded.agent_id"
)

log = logging.getLogger("muster.projections")


async def _fold(uow: UnitOfWork, touched: TouchedTasks) -> None:
    left = sorted({*touched.get(TaskEdited.kind, ()), *touched.get(TaskRemoved.kind, ())})
    if left:
        await uow.run(_FORGET, left)
    await uow.run(_KEEP, sorted({task for tasks in touched.values() for task in tasks}))


AGENT_TASKS: Final = Projection(
    NAME,
    frozenset({TaskSubmitted.kind, TaskEdited.kind, TaskRemoved.kind, AttemptStarted.kind}),
    _fold,
    events_at_once=EVENTS_AT_ONCE,
    gather_events=EVENTS_AT_ONCE // 2,
    gather_seconds=2,
)


async def bring_forward(store: Store) -> None:
    """Fold in what the log has by now. A disk that takes no more leaves it as it is, which is said in the log."""
    position, head = await position_and_head(store, AGENT_TASKS)
    try:
        for _ in range(ROUNDS):
            if position >= head:
                return
            position = await store.execute(fold_next(AGENT_TASKS, EVENTS_AT_ONCE))
    except StoreUnavailable as error:
        log.warning("the newest tasks are missing in lists by agent: %s", error)
