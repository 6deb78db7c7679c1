"""Workers: which processes are there, what they take and how full they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from muster.domain.admission import WorkerFacts
from muster.domain.errors import NotFound
from muster.projections.page import Key, Page, page_of
from muster.store.codec import from_json
from muster.store.database import Reader
from muster.store.statements import Row, Statement

LIVE_US: Final = 45_000_000


@dataclass(slots=True)
class WorkerRow:
    """A worker. Times are microseconds. `live`: heard of within 45 s and not shut down."""

    id: str
    host: str | None
    pid: int | None
    version: str | None
    capacity: int
    modes: list[str]
    queues: list[str] | None
    kinds: list[str] | None
    capabilities: list[str]
    sandbox: str | None
    seen_at: int
    started_at: int
    left_at: int | None
    about: dict[str, Any]
    """Its host, agents and isolation levels, as it said: shapes of `wire_hosts.HostFacts`."""
    running: int
    live: bool

    @property
    def facts(self) -> WorkerFacts:
        """The worker as far as it explains why tasks wait."""
        return WorkerFacts(
            worker_id=self.id,
            modes=frozenset(self.modes),
            queues=None if self.queues is None else frozenset(self.queues),
            kinds=None if self.kinds is None else frozenset(self.kinds),
            capabilities=frozenset(self.capabilities),
            capacity=self.capacity,
            running=self.running,
        )


_COLUMNS: Final = (
    "id, host, pid, version, capacity, modes, queues, kinds, capabilities, sandbox, "
    "seen_at, started_at, left_at, facts"
)
_LIVE: Final = Statement(f"SELECT {_COLUMNS} FROM workers WHERE seen_at > ?1 AND left_at IS NULL ORDER BY id")
_ALL: Final = Statement(f"SELECT {_COLUMNS} FROM workers WHERE id > ?1 ORDER BY id LIMIT ?2")
_ONE: Final = Statement(f"SELECT {_COLUMNS} FROM workers WHERE id = ?1")
_RUNNING: Final = Statement(
    "SELECT a.worker_id, count(*) FROM tasks t JOIN attempts a ON a.id = t.attempt_id "
    "WHERE t.state = 40 AND t.state < 60 AND a.worker_id IS NOT NULL GROUP BY a.worker_id"
)


async def live_workers(reader: Reader, now: int) -> list[WorkerRow]:
    """The workers that are there at `now` (microseconds)."""
    rows = await reader.rows(_LIVE, now - LIVE_US)
    running = await _running(reader) if rows else {}
    return [_worker(row, running, now) for row in rows]


async def list_workers(
    reader: Reader, now: int, *, after: Key | None = None, limit: int = 50
) -> Page[WorkerRow]:
    """All workers that were heard of lately, by id; the page's key is (id,)."""
    rows = await reader.rows(_ALL, after[0] if after else "", limit + 1)
    running = await _running(reader) if rows else {}
    workers = [_worker(row, running, now) for row in rows]
    return page_of(workers, limit, (workers[limit - 1].id,) if len(workers) > limit else None)


async def get_worker(reader: Reader, now: int, worker_id: str) -> WorkerRow:
    """One of them; NotFound when none of that name was heard of lately."""
    rows = await reader.rows(_ONE, worker_id)
    if not rows:
        raise NotFound(noun="worker", id=worker_id[:200])
    return _worker(rows[0], await _running(reader), now)


async def _running(reader: Reader) -> dict[str, int]:
    return {row[0]: row[1] for row in await reader.rows(_RUNNING)}


def _worker(row: Row, running: dict[str, int], now: int) -> WorkerRow:
    values: list[Any] = list(row)
    for index in (5, 6, 7, 8):
        values[index] = None if row[index] is None else from_json(row[index])
    values[13] = from_json(row[13])
    live = row[12] is None and row[10] > now - LIVE_US
    values += [running.get(row[0], 0), live]
    return WorkerRow(*values)
