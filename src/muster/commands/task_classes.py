"""Task classes: defining and removing them."""

from __future__ import annotations

from typing import Final

from muster.domain.errors import Conflict, NotFound
from muster.domain.events import TaskClassDeleted, TaskClassSet
from muster.domain.task_class import BUILT_IN, TaskClass
from muster.store.statements import Statement
from muster.store.unit_of_work import UnitOfWork, command

_LOAD: Final = Statement(
    "SELECT timeout_us, description, network FROM task_classes WHERE name = ?1 FOR UPDATE"
)
_SET: Final = Statement(
    "INSERT INTO task_classes (name, timeout_us, description, network) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT (name) DO UPDATE SET timeout_us = excluded.timeout_us, description = excluded.description, "
    "network = excluded.network"
)
_DELETE: Final = Statement("DELETE FROM task_classes WHERE name = ?1")


@command()
async def set_task_class(uow: UnitOfWork, entry: TaskClass) -> bool:
    """Define a class or change one; True when it is new. Tasks that are queued keep the timeout they got."""
    return await put_task_class(uow, entry)


async def put_task_class(uow: UnitOfWork, entry: TaskClass) -> bool:
    """Define or change a class as part of another command."""
    await uow.exclusive("task classes")
    known = await uow.rows(_LOAD, entry.name)
    values = (entry.timeout_us, entry.description, int(entry.network))
    if known and tuple(known[0]) == values:
        return False
    await uow.run(_SET, entry.name, *values)
    uow.journal.fact(TaskClassSet(entry.name, entry.timeout_us, entry.description, entry.network))
    return not known


@command()
async def delete_task_class(uow: UnitOfWork, name: str) -> None:
    """Remove a class of one's own; tasks that have it keep their timeout."""
    if name in BUILT_IN:
        raise Conflict(problem=f"task class {name} is built in; its timeout can be changed", name=name)
    if not await uow.run(_DELETE, name):
        raise NotFound(noun="task class", id=name[:60])
    uow.journal.fact(TaskClassDeleted(name))
