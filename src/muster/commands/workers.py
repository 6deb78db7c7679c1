"""Workers: the processes that are there now. Presence, not history: nothing of it is logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain.checks import check_name
from muster.domain.errors import Conflict
from muster.store import tables
from muster.store.codec import to_json
from muster.store.statements import Statement, insert
from muster.store.unit_of_work import UnitOfWork, command


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What a worker says of itself. `queues` and `kinds` None: any."""

    worker_id: str
    host: str | None = None
    pid: int | None = None
    version: str | None = None
    capacity: int = 0
    modes: tuple[str, ...] = ()
    queues: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    capabilities: tuple[str, ...] = ()
    sandbox: str | None = None
    facts: str = "{}"
    """Of its host, as a JSON object: shapes of `wire_hosts.HostFacts`."""


class WorkerNameTaken(Conflict):
    """Worker {worker} is already there, on host {host} (process {pid}). Give this one another --name."""

    code = "worker_name_taken"


NAME_HELD_US: Final = 45_000_000
_SAID: Final = (
    "host",
    "pid",
    "version",
    "capacity",
    "modes",
    "queues",
    "kinds",
    "capabilities",
    "sandbox",
    "facts",
)
# A worker that comes back under its name after it left, or as another process, has started anew.
_RECORD: Final = insert(
    tables.workers,
    ["id", *_SAID, "seen_at", "started_at"],
    suffix="ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _SAID)
    + ", seen_at = excluded.seen_at, left_at = NULL, started_at = CASE WHEN workers.left_at IS NULL "
    "AND coalesce(workers.pid, -1) = coalesce(excluded.pid, -1) THEN workers.started_at ELSE excluded.started_at END",
)
_HELD_ELSEWHERE: Final = Statement(
    "SELECT host, pid FROM workers WHERE id = ?1 AND seen_at > ?2 AND left_at IS NULL "
    "AND host IS NOT NULL AND host <> ?3"
)
_LEAVE: Final = Statement("UPDATE workers SET left_at = ?2, seen_at = ?2 WHERE id = ?1 AND left_at IS NULL")
_FORGET: Final = Statement("DELETE FROM workers WHERE seen_at < ?1")


@command(durable=False)
async def record_presence(uow: UnitOfWork, presence: Presence) -> None:
    """Write down that a worker is there and what it takes.

    WorkerNameTaken when one of that name on another host was heard of lately; on one host a worker takes its name back.
    """
    check_name("worker_id", presence.worker_id)
    for host, pid in await uow.rows(
        _HELD_ELSEWHERE, presence.worker_id, uow.now - NAME_HELD_US, presence.host
    ):
        raise WorkerNameTaken(worker=presence.worker_id, host=host, pid=pid)
    row = (
        presence.worker_id,
        presence.host,
        presence.pid,
        presence.version,
        presence.capacity,
        to_json(presence.modes),
        None if presence.queues is None else to_json(presence.queues),
        None if presence.kinds is None else to_json(presence.kinds),
        to_json(presence.capabilities),
        presence.sandbox,
        presence.facts,
        uow.now,
        uow.now,
    )
    await uow.run_many(_RECORD, [row])


@command(durable=False)
async def note_departure(uow: UnitOfWork, worker_id: str) -> bool:
    """Write down that a worker shut down; False when it was not there."""
    return await uow.run(_LEAVE, worker_id, uow.now) > 0


@command(durable=False)
async def forget_workers(uow: UnitOfWork, seen_before: int) -> int:
    """Remove workers not heard of since a time (microseconds); how many."""
    return await uow.run(_FORGET, seen_before)
