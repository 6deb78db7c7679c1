"""Recording what an attempt prints: live, capped, rotated, and there after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muster.domain import ids
from muster.domain.errors import Conflict, LeaseLost, MusterError
from muster.store import tables
from muster.store.codec import to_json
from muster.store.statements import Row, Statement, insert, update
from muster.store.unit_of_work import UnitOfWork, fused

CAP_BYTES: Final = 8 * 1024 * 1024
HEAD_BYTES: Final = 1024 * 1024
LATE_US: Final = 60_000_000


@dataclass(slots=True)
class RecordOutput:
    """Lines as (stream, text) pairs; `position` is how many lines were sent before these."""

    attempt_id: int
    token: int
    position: int
    lines: Sequence[tuple[str, str]]


_ATTEMPTS: Final = Statement(
    "SELECT id, token, state, finished_at, lines, bytes FROM attempts WHERE id IN_INTS(?1) FOR UPDATE"
)
_NEW_CHUNK: Final = insert(tables.output_chunks, ["attempt_id", "position", "lines", "at", "data"])
_GREW: Final = update(tables.attempts, ["id"], ["lines", "bytes", "heartbeat_at"])
_CHUNKS: Final = Statement(
    "SELECT position, lines, length(data) FROM output_chunks WHERE attempt_id = ?1 ORDER BY position"
)
_DROP: Final = Statement(
    "DELETE FROM output_chunks WHERE attempt_id = ?1 AND position >= ?2 AND position < ?3"
)
_SHRUNK: Final = update(tables.attempts, ["id"], ["bytes", "kept_from"])


@dataclass(slots=True)
class _Log:
    lines: int
    bytes: int


@fused(order=25, durable=False)
async def record_output(uow: UnitOfWork, requests: Sequence[RecordOutput]) -> list[int | MusterError]:
    """Append lines; the answer is the position of the next. A batch sent again is recognised and not repeated."""
    rows = {row[0]: row for row in await uow.rows(_ATTEMPTS, [request.attempt_id for request in requests])}
    logs: dict[int, _Log] = {}
    chunks: list[Row] = []
    answers: list[int | MusterError] = []
    for request in requests:
        row = rows.get(request.attempt_id)
        if row is None or row[1] != request.token or not _may_write(row, uow.now):
            answers.append(LeaseLost(attempt=ids.encode(ids.ATTEMPT, request.attempt_id)))
            continue
        log = logs.setdefault(request.attempt_id, _Log(row[4], row[5]))
        answers.append(_append(request, log, chunks, uow.now))
    await uow.run_many(_NEW_CHUNK, chunks)
    await uow.run_many(_GREW, [(attempt, log.lines, log.bytes, uow.now) for attempt, log in logs.items()])
    for attempt, log in logs.items():
        uow.journal.output[attempt] = log.lines
        if log.bytes > CAP_BYTES:
            await _rotate(uow, attempt)
    return answers


def _may_write(row: Row, now: int) -> bool:
    return row[2] == "running" or (row[2] == "cancelled" and now - (row[3] or 0) < LATE_US)


def _append(request: RecordOutput, log: _Log, chunks: list[Row], now: int) -> int | MusterError:
    known = log.lines - request.position
    if known < 0:
        return Conflict(
            problem=f"lines {log.lines} to {request.position - 1} are missing; send again from position {log.lines}",
            position=log.lines,
        )
    fresh = request.lines[known:]
    if fresh:
        data = to_json(fresh)
        chunks.append((request.attempt_id, log.lines, len(fresh), now, data))
        log.lines += len(fresh)
        log.bytes += len(data)
    return log.lines


async def _rotate(uow: UnitOfWork, attempt: int) -> None:
    """Keep the head and the newest part; drop what lies between, down to three quarters of the cap."""
    chunks = await uow.rows(_CHUNKS, attempt)
    total = sum(chunk[2] for chunk in chunks)
    head = 0
    first: int | None = None
    last = 0
    for position, lines, size in chunks:
        if head < HEAD_BYTES:
            head += size
            continue
        if total <= CAP_BYTES * 3 // 4:
            break
        first = position if first is None else first
        last = position + lines
        total -= size
    if first is not None:
        await uow.run(_DROP, attempt, first, last)
        await uow.run_many(_SHRUNK, [(attempt, total, last)])
