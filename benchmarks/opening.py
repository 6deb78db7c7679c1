"""Opens muster's own store for a bench, migrated and empty, and makes a project with money and a queue in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muster.commands.tasks import NewTask
    from muster.store.database import Store

CAPITAL_MICROS = 1_000_000_000_000
ESTIMATE_MICROS = 20_000
BULK = 500


def clock() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


async def open_new(where: str | Path, durability: str) -> Store:
    """A new database at a path or a PostgreSQL URL, migrated."""
    from muster.store.database import Durability
    from muster.store.open import open_store

    return await open_store(where, durability=Durability(durability), clock=clock, migrate=True)


async def make_place(store: Store) -> tuple[int, int]:
    """Ids of a project with a hard budget that suffices, and of an external queue."""
    from muster.commands.projects import create_project
    from muster.commands.queues import create_queue
    from muster.domain.project import Project
    from muster.domain.queue import Queue, QueueMode

    project = await store.execute(create_project(Project(name="bench", allocated=CAPITAL_MICROS)))
    queue = await store.execute(create_queue(Queue(name="bench", mode=QueueMode.EXTERNAL)))
    return project, queue


async def fill(store: Store, jobs: int) -> None:
    """The place, and `jobs` ready tasks in it."""
    from muster.commands.tasks import submit_tasks

    project, queue = await make_place(store)
    for first in range(0, jobs, BULK):
        batch = [_task(project, queue, number) for number in range(first, min(first + BULK, jobs))]
        await store.execute(submit_tasks(batch))


def _task(project: int, queue: int, number: int) -> NewTask:
    from muster.commands.tasks import NewTask
    from muster.domain.task import TaskKind, TaskSpec

    spec = TaskSpec(title=f"job {number}", payload={"argv": ["true"], "env": {"CI": "1"}})
    return NewTask(
        spec=spec, kind=TaskKind.COMMAND, project_id=project, queue_id=queue, estimate=ESTIMATE_MICROS
    )
