"""Queues: making, changing, holding and removing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from muster.domain import ids
from muster.domain.checks import check_fields
from muster.domain.errors import AlreadyExists, NotFound, WrongState
from muster.domain.events import QueueCreated, QueueDeleted, QueueEdited
from muster.domain.queue import Queue, agent_queue
from muster.store import tables
from muster.store.statements import Statement, insert, update
from muster.store.unit_of_work import UnitOfWork, command

FIELDS: Final = tuple(field.name for field in fields(Queue))
_PREFIXES: Final = {"project_id": ids.PROJECT, "session_id": ids.SESSION}

_INSERT: Final = insert(tables.queues, ["id", *FIELDS, "created_at", "updated_at"])
_UPDATE: Final = update(tables.queues, ["id"], [*FIELDS, "updated_at"])
_LOAD: Final = Statement(f"SELECT status, paused, {', '.join(FIELDS)} FROM queues WHERE id = ?1 FOR UPDATE")
_NAMED: Final = Statement("SELECT id, agent_id FROM queues WHERE name = ?1")
_PROJECT: Final = Statement("SELECT id FROM projects WHERE id = ?1")
_SESSION: Final = Statement("SELECT id FROM sessions WHERE id = ?1")


@dataclass(slots=True)
class _Found:
    queue: Queue
    status: str
    paused: bool


async def _load(uow: UnitOfWork, queue_id: int) -> _Found:
    rows = await uow.rows(_LOAD, queue_id)
    if not rows:
        raise NotFound(noun="queue", id=ids.encode(ids.QUEUE, queue_id))
    row = rows[0]
    return _Found(Queue(**dict(zip(FIELDS, row[2:], strict=True))), row[0], bool(row[1]))


def _public(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: ids.encode(_PREFIXES[name], value) if name in _PREFIXES and value is not None else value
        for name, value in values.items()
    }


@command()
async def create_queue(uow: UnitOfWork, queue: Queue) -> int:
    """Make a queue; its id. AlreadyExists when the name is taken, NotFound for an unknown project or session."""
    return await insert_queue(uow, queue)


async def insert_queue(uow: UnitOfWork, queue: Queue) -> int:
    """Make a queue as part of another command."""
    await _refuse_taken_name(uow, queue.name)
    values = asdict(queue)
    await _check_places(uow, values)
    queue_id = uow.new_id()
    await uow.run_many(_INSERT, [(queue_id, *values.values(), uow.now, uow.now)])
    uow.journal.fact(
        QueueCreated(ids.encode(ids.QUEUE, queue_id), _public(values)),
        project=queue.project_id,
        agent=queue.agent_id,
    )
    return queue_id


async def _refuse_taken_name(uow: UnitOfWork, name: str) -> None:
    await uow.exclusive("queue names")
    if await uow.rows(_NAMED, name):
        raise AlreadyExists(noun="queue", name=name)


async def _check_places(uow: UnitOfWork, values: Mapping[str, Any]) -> None:
    for field, statement in (("project_id", _PROJECT), ("session_id", _SESSION)):
        value = values.get(field)
        if value is not None and not await uow.rows(statement, value):
            prefix = _PREFIXES[field]
            raise NotFound(noun=ids.NOUNS[prefix], id=ids.encode(prefix, value))


@command()
async def edit_queue(uow: UnitOfWork, queue_id: int, changes: Mapping[str, Any]) -> None:
    """Change fields of a queue, named as in Queue; all of them or none."""
    await _edit(uow, queue_id, changes)


async def _edit(uow: UnitOfWork, queue_id: int, changes: Mapping[str, Any]) -> None:
    check_fields(changes, FIELDS)
    old = (await _load(uow, queue_id)).queue
    new = replace(old, **changes)
    changed = {name: getattr(new, name) for name in FIELDS if getattr(new, name) != getattr(old, name)}
    if not changed:
        return
    if "name" in changed:
        await _refuse_taken_name(uow, new.name)
    await _check_places(uow, changed)
    await uow.run_many(_UPDATE, [(queue_id, *asdict(new).values(), uow.now)])
    _announce(uow, queue_id, new, changed)


def _announce(uow: UnitOfWork, queue_id: int, queue: Queue, changed: Mapping[str, Any]) -> None:
    uow.journal.fact(
        QueueEdited(ids.encode(ids.QUEUE, queue_id), _public(changed)),
        project=queue.project_id,
        agent=queue.agent_id,
    )
    uow.journal.topics.add("admission")


_PAUSE: Final = Statement("UPDATE queues SET paused = ?2, updated_at = ?3 WHERE id = ?1")
_STATUS: Final = Statement("UPDATE queues SET status = ?2, updated_at = ?3 WHERE id = ?1")


async def _set_paused(uow: UnitOfWork, queue_id: int, *, paused: bool) -> bool:
    found = await _load(uow, queue_id)
    if found.paused is paused:
        return False
    await uow.run(_PAUSE, queue_id, int(paused), uow.now)
    _announce(uow, queue_id, found.queue, {"paused": paused})
    return True


async def _set_status(uow: UnitOfWork, queue_id: int, status: str) -> bool:
    found = await _load(uow, queue_id)
    if found.status == status:
        return False
    await uow.run(_STATUS, queue_id, status, uow.now)
    _announce(uow, queue_id, found.queue, {"status": status})
    return True


@command()
async def pause_queue(uow: UnitOfWork, queue_id: int) -> bool:
    """Hand out nothing more of this queue; what runs goes on. False when it was paused."""
    return await _set_paused(uow, queue_id, paused=True)


@command()
async def resume_queue(uow: UnitOfWork, queue_id: int) -> bool:
    """Hand out work of this queue again. False when it was not paused."""
    return await _set_paused(uow, queue_id, paused=False)


@command()
async def archive_queue(uow: UnitOfWork, queue_id: int) -> bool:
    """Put a queue out of sight: it takes and hands out nothing. False when it was archived."""
    return await _set_status(uow, queue_id, "archived")


@command()
async def unarchive_queue(uow: UnitOfWork, queue_id: int) -> bool:
    """Bring an archived queue back. False when it was there."""
    return await _set_status(uow, queue_id, "active")


_OCCUPANT: Final = Statement("SELECT id FROM tasks WHERE queue_id = ?1 ORDER BY id LIMIT 1")
_DELETE_LANES: Final = Statement("DELETE FROM lanes WHERE queue_id = ?1")
_DELETE: Final = Statement("DELETE FROM queues WHERE id = ?1")


@command()
async def delete_queue(uow: UnitOfWork, queue_id: int) -> None:
    """Remove a queue that has no tasks, not even finished ones."""
    found = await _load(uow, queue_id)
    occupants = await uow.rows(_OCCUPANT, queue_id)
    if occupants:
        raise WrongState(
            noun="queue",
            id=ids.encode(ids.QUEUE, queue_id),
            state="not empty",
            wanted="archive it, or remove its tasks first",
            task=ids.encode(ids.TASK, occupants[0][0]),
        )
    await uow.flush()
    await uow.run(_DELETE_LANES, queue_id)
    await uow.run(_DELETE, queue_id)
    uow.journal.fact(QueueDeleted(ids.encode(ids.QUEUE, queue_id)), project=found.queue.project_id)
    uow.journal.topics.add("admission")


@command()
async def ensure_agent_queue(uow: UnitOfWork, agent_id: str) -> int:
    """The id of the queue in which work for one agent waits; made when there is none."""
    queue = agent_queue(agent_id)
    await uow.exclusive("queue names")
    for queue_id, owner in await uow.rows(_NAMED, queue.name):
        if owner is None:
            await _edit(uow, queue_id, {"agent_id": agent_id})
        elif owner != agent_id:
            raise AlreadyExists(noun="queue", name=queue.name)
        return queue_id
    return await insert_queue(uow, queue)
