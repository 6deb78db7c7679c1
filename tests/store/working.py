"""Shortcuts of tests: queue, claim and end tasks on a real store."""

from __future__ import annotations

from typing import Any

from muster.commands.attempts import EndAttempt, Ended, end_attempts
from muster.commands.claims import Claimed, ClaimTasks, claim_tasks
from muster.commands.defaults import ensure_defaults
from muster.commands.tasks import NewTask, submit_tasks
from muster.domain import ids
from muster.domain.admission import ClaimFilter
from muster.domain.task import TaskSpec
from muster.domain.task_class import TaskClass
from muster.store.database import Store
from tests.store.events import one

CLASSES = [
    TaskClass("FAST_SCRIPT", 30_000_000),
    TaskClass("MEDIUM_SCRIPT", 300_000_000),
    TaskClass("LLM_LITE", 300_000_000, network=True),
    TaskClass("LLM_HEAVY", 900_000_000, network=True),
]


class Place:
    """A store with its defaults; tasks go to the project and the queue named, `default` and `inbox` at first."""

    def __init__(self, store: Store, project: int, queue: int) -> None:
        self.store = store
        self.project = project
        self.queue = queue

    @staticmethod
    async def at(store: Store) -> Place:
        await store.execute(ensure_defaults(CLASSES))
        project = await one(store, "SELECT id FROM projects WHERE name = 'default'")
        queue = await one(store, "SELECT id FROM queues WHERE name = 'inbox'")
        return Place(store, project, queue)

    async def submit(self, title: str = "work", *, spec: dict[str, Any] | None = None, **more: Any) -> int:
        values = {"kind": "prompt", "project_id": self.project, "queue_id": self.queue} | more
        new = NewTask(spec=TaskSpec(title=title, **(spec or {})), **values)
        return (await self.store.execute(submit_tasks([new])))[0].task_id

    async def claim(self, agent: str = "ann", **more: Any) -> Claimed | None:
        answer = await self.store.execute(claim_tasks(ClaimTasks(ClaimFilter(agent, **more))))
        return answer.claims[0] if answer.claims else None

    async def end(self, claimed: Claimed, **more: Any) -> Ended:
        return await self.store.execute(end_attempts(EndAttempt(claimed.attempt_id, claimed.token, **more)))


def public(task_id: int) -> str:
    """The public id of a task."""
    return ids.encode(ids.TASK, task_id)
