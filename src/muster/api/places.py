"""Queues and projects as callers name them, by id or by name; and whether tasks and sessions that they name exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain import ids
from muster.domain.errors import NotFound
from muster.store.database import Reader
from muster.store.statements import Row, Statement

_QUEUE_BY_ID: Final = Statement("SELECT id, project_id FROM queues WHERE id = ?1")
_QUEUE_BY_NAME: Final = Statement("SELECT id, project_id FROM queues WHERE name = ?1")
_PROJECT_BY_ID: Final = Statement("SELECT id FROM projects WHERE id = ?1")
_PROJECT_BY_NAME: Final = Statement("SELECT id FROM projects WHERE name = ?1")


_EXISTS: Final = {
    ids.TASK: Statement("SELECT 1 FROM tasks WHERE id = ?1"),
    ids.SESSION: Statement("SELECT 1 FROM sessions WHERE id = ?1"),
}


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """A queue, and the project its tasks belong to unless they say otherwise."""

    queue_id: int
    project_id: int | None


async def find_queue(reader: Reader, text: str) -> QueuePlace:
    """The queue of an id or a name; NotFound. A name may look like an id."""
    row = await _by_id_or_name(reader, ids.QUEUE, text, _QUEUE_BY_ID, _QUEUE_BY_NAME)
    return QueuePlace(row[0], row[1])


async def find_project(reader: Reader, text: str) -> int:
    """The project of an id or a name; NotFound."""
    row = await _by_id_or_name(reader, ids.PROJECT, text, _PROJECT_BY_ID, _PROJECT_BY_NAME)
    return int(row[0])


async def check_exists(reader: Reader, prefix: str, number: int | None) -> None:
    """NotFound for a task or session that is not there; None is nothing to ask for."""
    if number is not None and not await reader.rows(_EXISTS[prefix], number):
        raise NotFound(noun=ids.NOUNS[prefix], id=ids.encode(prefix, number))


async def _by_id_or_name(reader: Reader, prefix: str, text: str, by_id: Statement, by_name: Statement) -> Row:
    number = _number(prefix, text)
    rows = await reader.rows(by_id, number) if number is not None else []
    rows = rows or await reader.rows(by_name, text)
    if not rows:
        raise NotFound(noun=ids.NOUNS[prefix], id=text if len(text) <= 60 else text[:57] + "...")
    return rows[0]


def _number(prefix: str, text: str) -> int | None:
    try:
        return ids.decode(prefix, text)
    except NotFound:
        return None
