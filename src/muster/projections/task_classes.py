"""Task classes."""

from __future__ import annotations

from typing import Final

from muster.domain.errors import NotFound
from muster.domain.task_class import TaskClass
from muster.store.database import Reader
from muster.store.statements import Row, Statement

_ALL: Final = Statement("SELECT name, timeout_us, description, network FROM task_classes ORDER BY name")
_ONE: Final = Statement("SELECT name, timeout_us, description, network FROM task_classes WHERE name = ?1")


async def list_task_classes(reader: Reader) -> list[TaskClass]:
    """All classes by name."""
    return [_task_class(row) for row in await reader.rows(_ALL)]


async def get_task_class(reader: Reader, name: str) -> TaskClass:
    """One class; NotFound when there is none."""
    rows = await reader.rows(_ONE, name)
    if not rows:
        raise NotFound(noun="task class", id=name[:60])
    return _task_class(rows[0])


def _task_class(row: Row) -> TaskClass:
    return TaskClass(row[0], row[1], row[2], bool(row[3]))
