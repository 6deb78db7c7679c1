"""Merges: that a task's work went into a branch of its repository."""

from __future__ import annotations

from muster.commands.lifecycle import load_head
from muster.commands.reviews import leave_unseen
from muster.domain.events_reviews import TaskSeen
from muster.domain.events_runs import TaskMerged
from muster.store.unit_of_work import UnitOfWork, command


@command()
async def note_merge(uow: UnitOfWork, task_id: int, attempt_id: int, merged: TaskMerged) -> bool:
    """Tell that an attempt's work was merged, which the repository itself knows; whether its task was one nobody looked at.
    NotFound for an unknown task."""
    head = await load_head(uow, task_id)
    uow.journal.fact(merged, task=task_id, project=head.project_id)
    return head.attempt_id == attempt_id and await leave_unseen(uow, head, TaskSeen("merged"))


@command()
async def found_merged(uow: UnitOfWork, task_id: int, attempt_id: int) -> bool:
    """An attempt's work turned out to be in the branch it began at; whether its task was one nobody looked at."""
    head = await load_head(uow, task_id)
    return head.attempt_id == attempt_id and await leave_unseen(uow, head, TaskSeen("merged"))
