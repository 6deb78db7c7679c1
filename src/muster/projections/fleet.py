"""The fleet: every running attempt with what its agent does, every agent that does nothing, and their machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.domain.task import TaskState
from muster.domain.transcript_now import Now, now_of, one_line
from muster.projections.pauses import paused_of
from muster.projections.workers import LIVE_US, WorkerRow, list_workers
from muster.store.codec import from_json
from muster.store.database import Reader
from muster.store.statements import Row, Statement, for_each

MOST: Final = 2_000
"""Rows that are shown of a fleet."""
FORGOTTEN_US: Final = 3_600_000_000
"""A worker that was not heard of for so long is no part of the fleet any more."""


@dataclass(slots=True, kw_only=True)
class FleetRow:
    """An agent at work on an attempt, or one that does nothing. Times are microseconds, money is micro-dollars.

    `state` is running, paused, waiting, stale, idle, offline or failed. `tokens` and `context` are None when nobody told.
    """

    agent_id: str
    name: str
    state: str
    program: str = ""
    role: str = ""
    model: str = ""
    now: Now | None = None
    task_id: int | None = None
    title: str = ""
    attempt_id: int | None = None
    number: int = 0
    approval_id: int | None = None
    context_used: int | None = None
    context_window: int | None = None
    tokens: int = 0
    cost: int = 0
    unpriced: int = 0
    since: int = 0
    worker_id: str | None = None
    host: str | None = None


@dataclass(slots=True, kw_only=True)
class Machine:
    """A host with workers. `quiet`: none of them was heard of lately, though none has left."""

    host: str
    capacity: int
    running: int
    seen_at: int
    quiet: bool
    sandbox: str
    load: float | None = None
    """Runnable processes for each processor; None when it was not told."""
    gpu: str = ""
    gpu_memory: float | None = None
    """The share of its memory in use."""


@dataclass(slots=True, kw_only=True)
class Fleet:
    """All of it. `more`: there are further rows that are not shown."""

    rows: list[FleetRow]
    machines: list[Machine]
    more: bool


_BUSY: Final = for_each(
    *(
        "SELECT t.id, s.title, a.agent_id, coalesce(g.name, a.agent_id), a.id, a.number, a.worker_id, a.claimed_at, "
        f"a.warned_at, a.progress, r.agent, {role}, coalesce(r.model, ''), r.context_used, r.context_window, "
        "coalesce(r.input_tokens + r.output_tokens + r.cache_read_tokens + r.cache_write_tokens, 0), "
        "coalesce(r.cost, 0), coalesce(r.unpriced_calls, 0), l.kind "
        "FROM tasks t JOIN attempts a ON a.id = t.attempt_id JOIN task_specs s ON s.id = t.id "
        "JOIN lanes l ON l.id = t.lane_id LEFT JOIN runs r ON r.attempt_id = a.id LEFT JOIN agents g ON g.id = a.agent_id "
        f"WHERE t.state = {int(TaskState.RUNNING)} AND t.state < 60 ORDER BY t.started_at, t.id LIMIT ?1"
        for role in ("json_extract(s.doc, '$.payload.role')", "s.doc::json -> 'payload' ->> 'role'")
    )
)
_AGENTS: Final = Statement("SELECT id, name, status, model, last_active_at FROM agents ORDER BY id LIMIT ?1")
_ASKED: Final = Statement(
    "SELECT attempt_id, id, kind, title FROM approvals WHERE state = 'pending' ORDER BY id DESC LIMIT 2000"
)
_SAID: Final = Statement(
    "SELECT c.attempt_id, c.data FROM transcript_chunks c JOIN (SELECT attempt_id, max(position) AS last "
    "FROM transcript_chunks WHERE attempt_id IN_INTS(?1) GROUP BY attempt_id) m "
    "ON c.attempt_id = m.attempt_id AND c.position = m.last"
)
_PRINTED: Final = Statement(
    "SELECT c.attempt_id, c.data FROM output_chunks c JOIN (SELECT attempt_id, max(position) AS last "
    "FROM output_chunks WHERE attempt_id IN_INTS(?1) GROUP BY attempt_id) m "
    "ON c.attempt_id = m.attempt_id AND c.position = m.last"
)


async def fleet_of(reader: Reader, now: int) -> Fleet:
    """The fleet at `now` (microseconds)."""
    workers = [
        worker for worker in (await list_workers(reader, now, limit=MOST)).items if _counts(worker, now)
    ]
    by_id = {worker.id: worker for worker in workers}
    busy = [_busy(row, by_id) for row in await reader.rows(_BUSY, MOST + 1)]
    await _add_now(reader, busy)
    await _add_pauses(reader, busy)
    await _add_questions(reader, busy)
    agents = await reader.rows(_AGENTS, MOST + 1)
    working = {row.agent_id for row in busy}
    idle = [_idle(row, by_id.get(row[0]), now) for row in agents if row[0] not in working]
    rows = busy + idle
    return Fleet(rows=rows[:MOST], machines=_machines(workers, now), more=len(rows) > MOST)


def _counts(worker: WorkerRow, now: int) -> bool:
    return worker.live or (worker.left_at is None and worker.seen_at > now - FORGOTTEN_US)


def _busy(row: Row, workers: dict[str, WorkerRow]) -> FleetRow:
    worker = workers.get(row[6] or "")
    quiet = worker is not None and not worker.live
    message = None if row[9] is None else from_json(row[9])[1]
    return FleetRow(
        agent_id=row[2],
        name=row[3],
        state="stale" if row[8] is not None or quiet else "running",
        program=row[10] or row[18],
        role=row[11] or "",
        model=row[12],
        now=Now("saying", one_line(message)) if message else None,
        task_id=row[0],
        title=row[1],
        attempt_id=row[4],
        number=row[5],
        context_used=row[13],
        context_window=row[14],
        tokens=row[15],
        cost=row[16],
        unpriced=row[17],
        since=row[7],
        worker_id=row[6],
        host=None if worker is None else worker.host,
    )


def _idle(row: Row, worker: WorkerRow | None, now: int) -> FleetRow:
    states = {"online": "idle", "offline": "offline", "error": "failed"}
    state = states.get(row[2], "idle")
    if worker is not None and not worker.live:
        state = "stale"
    elif worker is None and state == "idle" and row[4] < now - FORGOTTEN_US:
        # An agent that works from elsewhere says nothing while it is idle: after an hour it is taken to be away.
        state = "offline"
    return FleetRow(
        agent_id=row[0],
        name=row[1],
        state=state,
        model=row[3],
        since=row[4],
        worker_id=None if worker is None else worker.id,
        host=None if worker is None else worker.host,
    )


async def _add_now(reader: Reader, rows: Sequence[FleetRow]) -> None:
    attempts = [row.attempt_id for row in rows if row.attempt_id is not None]
    if not attempts:
        return
    said = {row[0]: row[1] for row in await reader.rows(_SAID, attempts)}
    printed = {row[0]: row[1] for row in await reader.rows(_PRINTED, attempts)}
    for row in rows:
        entries: list[dict[str, Any]] = from_json(said[row.attempt_id]) if row.attempt_id in said else []
        lines: list[list[str]] = from_json(printed[row.attempt_id]) if row.attempt_id in printed else []
        last = next((one_line(text) for _, text in reversed(lines) if text.strip()), "")
        row.now = row.now or now_of(entries) or (Now("printing", last) if last else None)


async def _add_pauses(reader: Reader, rows: Sequence[FleetRow]) -> None:
    paused = await paused_of(reader, [row.task_id for row in rows if row.task_id is not None])
    for row in rows:
        if row.state == "running" and row.attempt_id in paused:
            row.state = "paused"


async def _add_questions(reader: Reader, rows: Sequence[FleetRow]) -> None:
    asked = {row[0]: row for row in await reader.rows(_ASKED)} if rows else {}
    for row in rows:
        question = asked.get(row.attempt_id)
        if question is not None:
            row.state = "waiting"
            row.approval_id = question[1]
            row.now = Now("asking" if question[2] == "question" else "wanting", one_line(question[3]))


def _machines(workers: Sequence[WorkerRow], now: int) -> list[Machine]:
    by_host: dict[str, list[WorkerRow]] = {}
    for worker in workers:
        by_host.setdefault(worker.host or worker.id, []).append(worker)
    return [_machine(host, there, now) for host, there in sorted(by_host.items())]


def _machine(host: str, workers: Sequence[WorkerRow], now: int) -> Machine:
    newest = max(workers, key=lambda worker: worker.seen_at)
    machine = Machine(
        host=host,
        capacity=sum(worker.capacity for worker in workers if worker.live),
        running=sum(worker.running for worker in workers),
        seen_at=newest.seen_at,
        quiet=newest.seen_at <= now - LIVE_US,
        sandbox=next((worker.sandbox for worker in workers if worker.sandbox), ""),
    )
    load, processors = newest.about.get("load"), newest.about.get("processors")
    if load is not None and processors:
        machine.load = load / processors
    for gpu in newest.about.get("gpus") or ():
        machine.gpu = gpu["name"]
        total, used = gpu.get("memory_bytes"), gpu.get("memory_used_bytes")
        machine.gpu_memory = used / total if total and used is not None else None
        break
    return machine
