"""Calls to models, metered: each is kept once, and its run counts tokens and money while it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from muster.commands.circuits import Answered, agents_of, note_answers
from muster.commands.metered import charge_metered
from muster.commands.runs import open_runs
from muster.domain.errors import MusterError
from muster.domain.usage import TokenUsage
from muster.store import tables
from muster.store.statements import Row, Statement, insert, update
from muster.store.unit_of_work import UnitOfWork, fused


class Pricing(StrEnum):
    """What is known of a call's price."""

    PRICED = "priced"
    FREE = "free"
    """A model of one's own."""
    UNPRICED = "unpriced"
    """Nobody knows; counted apart, never as nothing."""


@dataclass(slots=True, kw_only=True)
class ModelCall:
    """One call to a model. Times are microseconds, `cost` is micro-dollars, None when it is unpriced."""

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
    pricing: Pricing
    price_version: str | None
    error: str | None
    trace_id: str | None
    request_blob: str | None
    answer_blob: str | None


@dataclass(slots=True)
class RecordCalls:
    """Calls of one attempt's run."""

    attempt_id: int
    token: int
    calls: Sequence[ModelCall]


KNOWN: Final = Statement(
    "SELECT attempt_id, key FROM model_calls WHERE attempt_id IN_INTS(?1) AND key IN_TEXTS(?2)"
)
_NEW: Final = insert(
    tables.model_calls,
    [
        "id",
        "attempt_id",
        "key",
        "at",
        "provider",
        "model",
        "dialect",
        "status",
        "duration_us",
        "first_byte_us",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "cost",
        "pricing",
        "price_version",
        "error",
        "trace_id",
        "request_blob",
        "answer_blob",
    ],
)
_COUNTED: Final = update(
    tables.runs,
    ["attempt_id"],
    [
        "calls = calls + ?",
        "unpriced_calls = unpriced_calls + ?",
        "cost = cost + ?",
        "input_tokens = input_tokens + ?",
        "output_tokens = output_tokens + ?",
        "cache_read_tokens = cache_read_tokens + ?",
        "cache_write_tokens = cache_write_tokens + ?",
        "reasoning_tokens = reasoning_tokens + ?",
        "updated_at",
    ],
)


@fused(order=27, durable=True)
async def record_calls(uow: UnitOfWork, requests: Sequence[RecordCalls]) -> list[int | MusterError]:
    """Keep calls and count them; the answer is how many were new. One sent again is recognised by its key."""
    _, refusals = await open_runs(uow, [(request.attempt_id, request.token) for request in requests])
    seen = await _seen(uow, [r for r, refusal in zip(requests, refusals, strict=True) if refusal is None])
    rows: list[Row] = []
    fresh: dict[int, list[ModelCall]] = {}
    answers: list[int | MusterError] = []
    for request, refusal in zip(requests, refusals, strict=True):
        if refusal is not None:
            answers.append(refusal)
            continue
        before = len(rows)
        for call in request.calls:
            if (request.attempt_id, call.key) not in seen:
                seen.add((request.attempt_id, call.key))
                rows.append(_row(uow.new_id(), request.attempt_id, call))
                fresh.setdefault(request.attempt_id, []).append(call)
        answers.append(len(rows) - before)
    await uow.run_many(_NEW, rows)
    await uow.run_many(_COUNTED, [_counted(attempt, calls, uow.now) for attempt, calls in fresh.items()])
    await charge_metered(uow, list(fresh))
    await _watch_providers(uow, fresh)
    uow.journal.output.update(dict.fromkeys(fresh, 0))
    return answers


async def _watch_providers(uow: UnitOfWork, fresh: Mapping[int, Sequence[ModelCall]]) -> None:
    if not fresh:
        return
    agents = await agents_of(uow, list(fresh))
    answers = [
        Answered(call.at, call.provider, agents.get(attempt, ""), call.status, call.error or "")
        for attempt, calls in fresh.items()
        for call in calls
    ]
    await note_answers(uow, sorted(answers, key=lambda answer: answer.at))


async def _seen(uow: UnitOfWork, requests: Sequence[RecordCalls]) -> set[tuple[int, str]]:
    if not requests:
        return set()
    attempts = sorted({request.attempt_id for request in requests})
    keys = sorted({call.key for request in requests for call in request.calls})
    return {(row[0], row[1]) for row in await uow.rows(KNOWN, attempts, keys)}


def _row(number: int, attempt: int, call: ModelCall) -> Row:
    tokens = call.tokens
    return (
        number,
        attempt,
        call.key,
        call.at,
        call.provider,
        call.model,
        call.dialect,
        call.status,
        call.duration_us,
        call.first_byte_us,
        *_tokens(tokens),
        call.cost,
        str(call.pricing),
        call.price_version,
        call.error,
        call.trace_id,
        call.request_blob,
        call.answer_blob,
    )


def _tokens(usage: TokenUsage) -> tuple[int, int, int, int, int]:
    return (usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning)


def _counted(attempt: int, calls: Sequence[ModelCall], now: int) -> Row:
    unpriced = sum(1 for call in calls if call.pricing is Pricing.UNPRICED)
    total = sum((call.tokens for call in calls), TokenUsage())
    return (attempt, len(calls), unpriced, sum(call.cost or 0 for call in calls), *_tokens(total), now)
