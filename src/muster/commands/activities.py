"""Entries that people and agents write into the activity feed; the rest of the feed is the log itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain import ids
from muster.domain.checks import check_name, check_text
from muster.domain.errors import NotFound
from muster.domain.events import ActivityPosted
from muster.store.statements import Statement
from muster.store.unit_of_work import UnitOfWork, command


@dataclass(frozen=True, slots=True, kw_only=True)
class NewActivity:
    """An entry; what it is about may be named."""

    type: str
    title: str
    description: str | None = None
    agent_id: str | None = None
    task_id: int | None = None
    project_id: int | None = None

    def __post_init__(self) -> None:
        check_name("type", self.type, 100)
        check_name("title", self.title, 500)
        check_text("description", self.description)
        if self.agent_id is not None:
            check_name("agent_id", self.agent_id, blank=True)


_TASK: Final = Statement("SELECT project_id FROM tasks WHERE id = ?1")
_PROJECT: Final = Statement("SELECT id FROM projects WHERE id = ?1")


@command()
async def post_activity(uow: UnitOfWork, activity: NewActivity) -> str:
    """Write an entry; its public id. NotFound for an unknown task or project."""
    project_id = activity.project_id
    if activity.task_id is not None:
        tasks = await uow.rows(_TASK, activity.task_id)
        if not tasks:
            raise NotFound(noun="task", id=ids.encode(ids.TASK, activity.task_id))
        project_id = tasks[0][0] if project_id is None else project_id
    if activity.project_id is not None and not await uow.rows(_PROJECT, activity.project_id):
        raise NotFound(noun="project", id=ids.encode(ids.PROJECT, activity.project_id))
    public = ids.encode(ids.ACTIVITY, uow.new_id())
    uow.journal.fact(
        ActivityPosted(public, activity.type, activity.title, activity.description),
        task=activity.task_id,
        agent=activity.agent_id,
        project=project_id,
    )
    if activity.agent_id is not None:
        uow.journal.seen.add(activity.agent_id)
    return public
