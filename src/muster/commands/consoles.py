"""Consoles in sandboxes: that one was opened is written down."""

from __future__ import annotations

from typing import Final

from muster.domain import ids
from muster.domain.attempt import RUNNING
from muster.domain.console import NoConsole
from muster.domain.errors import NotFound
from muster.domain.events_runs import ConsoleOpened
from muster.store.statements import Statement
from muster.store.unit_of_work import UnitOfWork, command

_ATTEMPT: Final = Statement(
    "SELECT a.task_id, a.agent_id, t.project_id, a.state FROM attempts a JOIN tasks t ON t.id = a.task_id WHERE a.id = ?1"
)


@command(durable=True)
async def note_console(uow: UnitOfWork, attempt_id: int, fact: ConsoleOpened) -> None:
    """Write down who opened a console in which attempt's sandbox; NoConsole once the attempt has ended."""
    rows = await uow.rows(_ATTEMPT, attempt_id)
    if not rows:
        raise NotFound(noun="attempt", id=ids.encode(ids.ATTEMPT, attempt_id))
    task, agent, project, state = rows[0]
    if state != RUNNING:
        raise NoConsole(problem="The attempt has ended, and its sandbox closes.")
    uow.journal.fact(fact, task=task, attempt=attempt_id, agent=agent, project=project)
