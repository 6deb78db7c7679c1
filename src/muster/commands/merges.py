"""Merges: that a task's work went into a branch of its repository."""

from __future__ import annotations

from muster.commands.lifecycle import load_head
from muster.domain.events_runs import TaskMerged
from muster.store.unit_of_work import UnitOfWork, command


@command()
async def note_merge(uow: UnitOfWork, task_id: int, merged: TaskMerged) -> None:
    """Tell that work was merged. The repository itself knows whether it is. NotFound for an unknown task."""
    head = await load_head(uow, task_id)
    uow.journal.fact(merged, task=task_id, project=head.project_id)
