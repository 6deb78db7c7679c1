"""Attempts of a task, and what they printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.domain import ids
from muster.domain.errors import NotFound
from muster.projections.pauses import paused_of
from muster.projections.runs import RunRow, runs_of
from muster.store.codec import from_json
from muster.store.database import Reader
from muster.store.statements import Row, Statement


@dataclass(slots=True)
class AttemptRow:
    """One run of a task. Times are microseconds, money is micro-dollars; `tokens` are input, output,
    cache read, cache write; `progress` is a share of 1."""

    id: int
    task_id: int
    number: int
    agent_id: str
    worker_id: str | None
    state: str
    reserved: int
    cost: int
    claimed_at: int
    heartbeat_at: int
    warned_at: int | None
    finished_at: int | None
    code: str | None
    error: str | None
    output: str | None
    result: dict[str, Any] | None
    exit_code: int | None
    tokens: tuple[int, int, int, int]
    sandbox: str | None
    progress: float | None
    message: str | None
    lines: int
    kept_from: int
    run: RunRow | None = None
    paused: bool = False
    """Both are given where an attempt is shown in detail."""


ATTEMPT_COLUMNS: Final = (
    "a.id, a.task_id, a.number, a.agent_id, a.worker_id, a.state, a.reserved, a.cost, a.claimed_at, a.heartbeat_at, "
    "a.warned_at, a.finished_at, a.code, substr(a.error, 1, ?2), substr(a.output, 1, ?2), "
    "CASE WHEN length(a.result) <= ?2 THEN a.result END, a.exit_code, a.input_tokens, a.output_tokens, "
    "a.cache_read_tokens, a.cache_write_tokens, a.sandbox, a.progress, a.lines, a.kept_from"
)
"""In a statement whose parameter ?2 is the longest text wanted."""
WHOLE: Final = 2**30
MAX_ATTEMPTS: Final = 1_000

_NUMBERS: Final = Statement(
    f"SELECT number, id FROM attempts WHERE task_id = ?1 ORDER BY number LIMIT {MAX_ATTEMPTS}"
)
_OF_TASK: Final = Statement(
    f"SELECT {ATTEMPT_COLUMNS} FROM attempts a WHERE a.task_id = ?1 ORDER BY a.number LIMIT {MAX_ATTEMPTS}"
)
_ONE: Final = Statement(f"SELECT {ATTEMPT_COLUMNS} FROM attempts a WHERE a.id = ?1")
_TASK: Final = Statement("SELECT id FROM tasks WHERE id = ?1")


def attempt_row(row: Sequence[Any]) -> AttemptRow:
    """An attempt of a row of ATTEMPT_COLUMNS."""
    progress, message = (None, None) if row[22] is None else from_json(row[22])
    result = None if row[15] is None else from_json(row[15])
    values: list[Any] = [*row[:15], result, row[16], tuple(row[17:21]), row[21], progress, message, *row[23:]]
    return AttemptRow(*values)


async def attempts_of(reader: Reader, task_id: int) -> list[AttemptRow]:
    """All attempts of a task, the first one first. NotFound for an unknown task."""
    rows = await reader.rows(_OF_TASK, task_id, WHOLE)
    if not rows and not await reader.rows(_TASK, task_id):
        raise NotFound(noun="task", id=ids.encode(ids.TASK, task_id))
    return await with_runs(reader, [attempt_row(row) for row in rows])


async def attempt_ids(reader: Reader, task_id: int) -> dict[int, int]:
    """The attempts of a task: number -> id. NotFound for an unknown task."""
    rows = await reader.rows(_NUMBERS, task_id)
    if not rows and not await reader.rows(_TASK, task_id):
        raise NotFound(noun="task", id=ids.encode(ids.TASK, task_id))
    return {row[0]: row[1] for row in rows}


async def get_attempt(reader: Reader, attempt_id: int) -> AttemptRow:
    """One attempt; NotFound when there is none."""
    rows = await reader.rows(_ONE, attempt_id, WHOLE)
    if not rows:
        raise NotFound(noun="attempt", id=ids.encode(ids.ATTEMPT, attempt_id))
    return (await with_runs(reader, [attempt_row(rows[0])]))[0]


async def with_runs(reader: Reader, attempts: list[AttemptRow]) -> list[AttemptRow]:
    """The attempts with their runs, and whether their agents stand still."""
    runs = await runs_of(reader, [attempt.id for attempt in attempts])
    running = [attempt for attempt in attempts if attempt.state == "running"]
    paused = await paused_of(reader, [attempt.task_id for attempt in running])
    for attempt in attempts:
        attempt.run = runs.get(attempt.id)
        attempt.paused = attempt.state == "running" and attempt.id in paused
    return attempts


@dataclass(slots=True)
class OutputLine:
    """One line an attempt printed; `position` counts from 0, `at` is when it arrived (microseconds)."""

    position: int
    at: int
    stream: str
    text: str


@dataclass(slots=True)
class Output:
    """Lines of an attempt. `next` is the position behind the last one given; `total` how many were ever
    sent, of which some in the middle may be dropped; `ended`: no more will come."""

    attempt_id: int
    lines: list[OutputLine]
    next: int
    total: int
    ended: bool

    @property
    def complete(self) -> bool:
        """Whether everything there is has been given."""
        return self.next >= self.total


_LOG: Final = Statement("SELECT lines, state FROM attempts WHERE id = ?1")
_BEFORE: Final = Statement(
    "SELECT coalesce(max(position), 0) FROM output_chunks WHERE attempt_id = ?1 AND position <= ?2"
)
_CHUNKS: Final = Statement(
    "SELECT position, lines, at, data FROM output_chunks WHERE attempt_id = ?1 AND position >= ?2 "
    "ORDER BY position LIMIT ?3"
)
_LATEST: Final = Statement(
    "SELECT position, lines, at, data FROM output_chunks WHERE attempt_id = ?1 AND position < ?2 "
    "ORDER BY position DESC LIMIT ?3"
)
CHUNKS_AT_ONCE: Final = 16


async def output_of(
    reader: Reader, attempt_id: int, *, after: int = 0, limit: int = 1_000, tail: int | None = None
) -> Output:
    """Up to `limit` lines from position `after` on, or the last `tail` ones. NotFound for an unknown attempt."""
    rows = await reader.rows(_LOG, attempt_id)
    if not rows:
        raise NotFound(noun="attempt", id=ids.encode(ids.ATTEMPT, attempt_id))
    total, state = rows[0]
    if tail is not None:
        lines = await _last_lines(reader, attempt_id, total, min(tail, limit))
    else:
        lines = await _lines_from(reader, attempt_id, after, limit)
    following = lines[-1].position + 1 if lines else max(after, total if tail is not None else 0)
    if not lines and after < total:
        following = total
    return Output(attempt_id, lines, following, total, state != "running")


async def _lines_from(reader: Reader, attempt_id: int, after: int, limit: int) -> list[OutputLine]:
    position: int = (await reader.rows(_BEFORE, attempt_id, after))[0][0]
    lines: list[OutputLine] = []
    while len(lines) < limit:
        chunks = await reader.rows(_CHUNKS, attempt_id, position, CHUNKS_AT_ONCE)
        for chunk in chunks:
            lines.extend(line for line in _lines(chunk) if line.position >= after)
        if len(chunks) < CHUNKS_AT_ONCE:
            break
        position = chunks[-1][0] + chunks[-1][1]
    return lines[:limit]


async def _last_lines(reader: Reader, attempt_id: int, total: int, wanted: int) -> list[OutputLine]:
    lines: list[OutputLine] = []
    before = total
    while len(lines) < wanted:
        chunks = await reader.rows(_LATEST, attempt_id, before, CHUNKS_AT_ONCE)
        for chunk in chunks:
            lines[:0] = _lines(chunk)
        if len(chunks) < CHUNKS_AT_ONCE:
            break
        before = chunks[-1][0]
    return lines[-wanted:] if wanted > 0 else []


def _lines(chunk: Row) -> list[OutputLine]:
    position, _, at, data = chunk
    return [
        OutputLine(position + offset, at, stream, text)
        for offset, (stream, text) in enumerate(from_json(data))
    ]
