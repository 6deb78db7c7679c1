"""Whether muster's books equal the model server's own, call by call."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from genai_prices import Usage, calc_price

from muster.testing.call_log import LoggedCall
from tests.real_agents.bench import Fleet

KINDS = ("input", "output", "cache_read", "cache_write", "reasoning")
PROVIDERS = {
    "anthropic": "anthropic",
    "openai-chat": "openai",
    "openai-responses": "openai",
    "gemini": "google",
}
HELD_BACK = "held back"
"""Calls that never went out, as the provider was failing."""
MICRO = Decimal(1_000_000)


def price(call: LoggedCall) -> float:
    """What genai-prices says a call of the server's log costs, in dollars, rounded to micro-dollars, half up."""
    usage = call.usage
    given = usage.input + usage.cache_read + usage.cache_write
    if not given + usage.output:
        return 0.0
    found = calc_price(
        Usage(
            input_tokens=given,
            output_tokens=usage.output,
            cache_read_tokens=usage.cache_read,
            cache_write_tokens=usage.cache_write,
        ),
        call.model,
        provider_id=PROVIDERS[call.dialect],
    )
    return float(found.total_price.quantize(1 / MICRO, ROUND_HALF_UP))


def sent(call: LoggedCall) -> tuple[Any, ...]:
    return (
        call.dialect,
        call.model,
        call.status,
        *(getattr(call.usage, kind) for kind in KINDS),
        price(call),
    )


def metered(call: Any) -> tuple[Any, ...]:
    tokens = (call["tokens"][f"{kind}_tokens"] for kind in KINDS)
    return (call["dialect"], call["model"], call["status"], *tokens, call["cost_usd"])


async def assert_books_agree(
    fleet: Fleet, ident: str, run: str, *, first_attempt: bool = False
) -> list[LoggedCall]:
    """Every call of the task is in both, with the same tokens and the price that genai-prices gives them; the server's calls.

    `first_attempt`: only of that one, as another may be at work.
    """
    attempts = (await fleet.attempts(ident))[: 1 if first_attempt else None]
    until = datetime.fromisoformat(attempts[-1]["finished_at"]).timestamp()
    calls = [
        call
        for call in await fleet.calls(ident)
        if call["attempt"] <= len(attempts) and not (call["error"] or "").startswith(HELD_BACK)
    ]
    traces = {call["trace_id"] for call in calls}
    logged = [call for call in fleet.models.calls if call.trace_id in traces]
    of_run = [call for call in fleet.models.calls if call.run == run and call.at < until]
    assert {call.trace_id for call in of_run} <= traces, "called without the gateway's knowing"
    ours, theirs = Counter(map(metered, calls)), Counter(map(sent, logged))
    assert ours == theirs, f"only in muster's: {ours - theirs}; only in the server's: {theirs - ours}"
    totals = {kind: sum(getattr(call.usage, kind) for call in logged) for kind in KINDS[:4]}
    assert {kind: sum(attempt[f"{kind}_tokens"] for attempt in attempts) for kind in KINDS[:4]} == totals
    cost = sum(attempt["cost_usd"] for attempt in attempts)
    assert abs(cost - sum(map(price, logged))) < 1e-9
    return logged
