"""Calls to models that runs made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from muster.domain import ids
from muster.domain.errors import NotFound
from muster.domain.usage import TokenUsage
from muster.projections.page import Page, page_of
from muster.store.database import Reader
from muster.store.statements import Row, Statement


@dataclass(slots=True)
class CallRow:
    """One call. Times are microseconds, `cost` is micro-dollars, None for one whose price nobody knows."""

    id: int
    attempt_id: int
    number: int
    key: str
    at: int
    provider: str
    model: str
    dialect: str
    status: int | None
    duration_us: int
    first_byte_us: int | None
    tokens: TokenUsage
    cost: int | None
    pricing: str
    price_version: str | None
    error: str | None
    trace_id: str | None
    request_blob: str | None
    answer_blob: str | None


_COLUMNS: Final = (
    "c.id, c.attempt_id, a.number, c.key, c.at, c.provider, c.model, c.dialect, c.status, c.duration_us, c.first_byte_us, "
    "c.input_tokens, c.output_tokens, c.cache_read_tokens, c.cache_write_tokens, c.reasoning_tokens, c.cost, c.pricing, "
    "c.price_version, c.error, c.trace_id, c.request_blob, c.answer_blob"
)
_OF_TASK: Final = Statement(
    f"SELECT {_COLUMNS} FROM attempts a JOIN model_calls c ON c.attempt_id = a.id "
    "WHERE a.task_id = ?1 AND c.id > ?2 ORDER BY c.id LIMIT ?3"
)
_OF_ATTEMPT: Final = Statement(
    f"SELECT {_COLUMNS} FROM model_calls c JOIN attempts a ON a.id = c.attempt_id "
    "WHERE c.attempt_id = ?1 AND c.id > ?2 ORDER BY c.id LIMIT ?3"
)
_ONE: Final = Statement(
    f"SELECT {_COLUMNS} FROM attempts a JOIN model_calls c ON c.attempt_id = a.id "
    "WHERE a.task_id = ?1 AND c.id = ?2"
)


async def calls_of(
    reader: Reader, task_id: int, attempt_id: int | None, *, after: int = 0, limit: int = 50
) -> Page[CallRow]:
    """Calls of a task, or of one attempt, oldest first; the page's key is (id,)."""
    if attempt_id is None:
        rows = await reader.rows(_OF_TASK, task_id, after, limit + 1)
    else:
        rows = await reader.rows(_OF_ATTEMPT, attempt_id, after, limit + 1)
    calls = [_call(row) for row in rows]
    return page_of(calls, limit, (calls[limit - 1].id,) if len(calls) > limit else None)


async def get_call(reader: Reader, task_id: int, call_id: int) -> CallRow:
    """One call; NotFound when the task has none of that id."""
    rows = await reader.rows(_ONE, task_id, call_id)
    if not rows:
        raise NotFound(noun="model call", id=ids.encode(ids.CALL, call_id))
    return _call(rows[0])


def _call(row: Row) -> CallRow:
    tokens = TokenUsage(
        input=row[11], output=row[12], cache_read=row[13], cache_write=row[14], reasoning=row[15]
    )
    values: list[Any] = [*row[:11], tokens, *row[16:]]
    return CallRow(*values)
