"""What a database needs before the first task: a project, queues, task classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from muster.commands.projects import insert_project
from muster.commands.queues import insert_queue
from muster.commands.roles import seed_roles
from muster.commands.task_classes import put_task_class
from muster.domain.project import DEFAULT_PROJECT, Project
from muster.domain.queue import DEFAULT_QUEUES, Queue
from muster.domain.task_class import TaskClass
from muster.store.codec import from_json, to_json
from muster.store.statements import Statement
from muster.store.unit_of_work import UnitOfWork, command

_PROJECT: Final = Statement("SELECT id FROM projects WHERE name = ?1")
_QUEUES: Final = Statement("SELECT name FROM queues WHERE name IN_TEXTS(?1)")
_CLASSES: Final = Statement("SELECT name, description FROM task_classes WHERE name IN_TEXTS(?1)")
_CONFIGURED: Final = Statement("SELECT value FROM installation WHERE name = 'configured_task_classes'")
_REMEMBER: Final = Statement(
    "INSERT INTO installation (name, value) VALUES ('configured_task_classes', ?1) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


@command()
async def ensure_defaults(uow: UnitOfWork, classes: Sequence[TaskClass]) -> None:
    """Make the default project and queues where they are missing, and the configured task classes.
    A class changed over the API stays so until its configured value changes."""
    await uow.exclusive("defaults")
    if not await uow.rows(_PROJECT, DEFAULT_PROJECT):
        await insert_project(
            uow, Project(name=DEFAULT_PROJECT, description="Work that belongs to no other project")
        )
    there = {row[0] for row in await uow.rows(_QUEUES, list(DEFAULT_QUEUES))}
    for name, mode in DEFAULT_QUEUES.items():
        if name not in there:
            await insert_queue(uow, Queue(name=name, mode=mode))
    await _seed_classes(uow, classes)
    await seed_roles(uow)


async def _seed_classes(uow: UnitOfWork, classes: Sequence[TaskClass]) -> None:
    rows = await uow.rows(_CONFIGURED)
    before: dict[str, list[Any]] = from_json(rows[0][0]) if rows else {}
    configured: dict[str, list[Any]] = {entry.name: [entry.timeout_us, entry.network] for entry in classes}
    known = {row[0]: row[1] for row in await uow.rows(_CLASSES, list(configured))}
    for entry in classes:
        if entry.name not in known or before.get(entry.name) != configured[entry.name]:
            await put_task_class(uow, replace(entry, description=known.get(entry.name, "")))
    if before != configured:
        await uow.run(_REMEMBER, to_json(configured))
