"""Runs: which agent works on an attempt, and everything it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.domain import ids
from muster.domain.errors import Conflict, InvalidInput, LeaseLost, MusterError
from muster.domain.events_runs import RunDescribed, RunStarted
from muster.domain.replay_runs import RUN
from muster.store import tables
from muster.store.codec import to_json
from muster.store.statements import Row, Statement, insert, update
from muster.store.unit_of_work import UnitOfWork, command, fused

LATE_US: Final = 60_000_000
"""So long after its end an attempt may still tell what happened before."""


def may_write(token: int, row: Row | None, now: int) -> bool:
    """Whether the holder of `token` may add to an attempt, given as its token, state and end."""
    if row is None or row[0] != token:
        return False
    return row[1] == "running" or now - (row[2] or 0) < LATE_US


@dataclass(slots=True, kw_only=True)
class DescribeRun:
    """What is known of a run now. `described` holds `agent` and columns of `runs` that RUN names, `figures` the rest
    (context_used, context_window, reported as JSON text); what is not given stays as it is."""

    attempt_id: int
    token: int
    described: Mapping[str, Any] = field(default_factory=dict[str, Any])
    figures: Mapping[str, Any] = field(default_factory=dict[str, Any])


_DESCRIBED: Final = ("agent", *RUN)
_FIGURES: Final = ("context_used", "context_window", "reported")
_COLUMNS: Final = (*_DESCRIBED, *_FIGURES)
ATTEMPT: Final = Statement(
    "SELECT a.token, a.state, a.finished_at, a.task_id, a.agent_id, t.project_id FROM attempts a "
    "JOIN tasks t ON t.id = a.task_id WHERE a.id = ?1 FOR UPDATE OF a"
)
ONE_RUN: Final = Statement(
    f"SELECT {', '.join(_COLUMNS)}, entries FROM runs WHERE attempt_id = ?1 FOR UPDATE"
)
_NEW_RUN: Final = insert(tables.runs, ["attempt_id", "task_id", *_COLUMNS, "started_at", "updated_at"])
_SET: Final = update(tables.runs, ["attempt_id"], [*_COLUMNS, "updated_at"])


@command(durable=False)
async def describe_run(uow: UnitOfWork, request: DescribeRun) -> int:
    """Say what is known of a run; the first time makes it and must name the agent. Returns how many entries its
    transcript has. LeaseLost, InvalidInput."""
    rows = await uow.rows(ATTEMPT, request.attempt_id)
    if not may_write(request.token, rows[0] if rows else None, uow.now):
        raise LeaseLost(attempt=ids.encode(ids.ATTEMPT, request.attempt_id))
    task, agent, project = rows[0][3:]
    found = await uow.rows(ONE_RUN, request.attempt_id)
    before = dict(zip(_COLUMNS, found[0][:-1], strict=True)) if found else {"agent": None, **RUN}
    changes = {name: value for name, value in request.described.items() if before[name] != value}
    after = before | changes | dict(request.figures)
    if after["agent"] is None:
        raise InvalidInput(field="agent", problem="must be given when a run is first described")
    values = [after.get(name) for name in _COLUMNS]
    if not found:
        await uow.run_many(_NEW_RUN, [(request.attempt_id, task, *values, uow.now, uow.now)])
    elif after != before:
        await uow.run_many(_SET, [(request.attempt_id, *values, uow.now)])
    if changes:
        fact = RunDescribed(changes) if found else RunStarted(changes)
        uow.journal.fact(fact, task=task, attempt=request.attempt_id, agent=agent, project=project)
    uow.journal.output[request.attempt_id] = 0
    return found[0][-1] if found else 0


@dataclass(slots=True)
class RecordTranscript:
    """Entries as JSON values; `position` is how many entries were sent before these."""

    attempt_id: int
    token: int
    position: int
    entries: Sequence[Any]


RUNS: Final = Statement(
    "SELECT r.attempt_id, a.token, a.state, a.finished_at, r.entries FROM runs r JOIN attempts a ON a.id = r.attempt_id "
    "WHERE r.attempt_id IN_INTS(?1) FOR UPDATE OF r"
)
TOKENS: Final = Statement("SELECT id, token, state, finished_at FROM attempts WHERE id IN_INTS(?1)")
_NEW_CHUNK: Final = insert(tables.transcript_chunks, ["attempt_id", "position", "entries", "at", "data"])
_GREW: Final = update(tables.runs, ["attempt_id"], ["entries", "updated_at"])


@fused(order=26, durable=False)
async def record_transcript(uow: UnitOfWork, requests: Sequence[RecordTranscript]) -> list[int | MusterError]:
    """Append entries; the answer is the position of the next. A batch sent again is recognised and not repeated.

    Nothing is ever dropped. LeaseLost; Conflict when entries are missing or the run was not described.
    """
    known, refusals = await open_runs(uow, [(request.attempt_id, request.token) for request in requests])
    lengths = {attempt: row[4] for attempt, row in known.items()}
    chunks: list[Row] = []
    answers: list[int | MusterError] = []
    for request, refusal in zip(requests, refusals, strict=True):
        answers.append(refusal or _append(request, lengths, chunks, uow.now))
    await uow.run_many(_NEW_CHUNK, chunks)
    # Who follows what an attempt prints is told of what its agent says and uses by the same signal.
    grown = {chunk[0]: lengths[chunk[0]] for chunk in chunks}
    await uow.run_many(_GREW, [(*grew, uow.now) for grew in grown.items()])
    uow.journal.output.update(grown)
    return answers


async def open_runs(
    uow: UnitOfWork, asked: Sequence[tuple[int, int]]
) -> tuple[dict[int, Row], list[MusterError | None]]:
    """Runs by attempt, locked, as rows of RUNS; and for each (attempt, token) asked for why it may not write."""
    attempts = [attempt for attempt, _ in asked]
    runs = {row[0]: row for row in await uow.rows(RUNS, attempts)}
    missing = [attempt for attempt in attempts if attempt not in runs]
    held = {row[0]: row[1:] for row in await uow.rows(TOKENS, missing)} if missing else {}
    held |= {attempt: row[1:4] for attempt, row in runs.items()}
    refusals: list[MusterError | None] = []
    for attempt, token in asked:
        if not may_write(token, held.get(attempt), uow.now):
            refusals.append(LeaseLost(attempt=ids.encode(ids.ATTEMPT, attempt)))
        elif attempt not in runs:
            refusals.append(Conflict(problem="the run was not described yet; describe it first"))
        else:
            refusals.append(None)
    return runs, refusals


def _append(
    request: RecordTranscript, lengths: dict[int, int], chunks: list[Row], now: int
) -> int | MusterError:
    length = lengths[request.attempt_id]
    known = length - request.position
    if known < 0:
        return Conflict(
            problem=f"entries {length} to {request.position - 1} are missing; send again from position {length}",
            position=length,
        )
    fresh = request.entries[known:]
    if fresh:
        chunks.append((request.attempt_id, length, len(fresh), now, to_json(fresh)))
        lengths[request.attempt_id] = length = length + len(fresh)
    return length
