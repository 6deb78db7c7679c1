"""Shortcuts of tests: describe a run, and tell what is said, called and changed in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muster.commands.claims import Claimed
from muster.commands.file_changes import ChangedFile, replace_files
from muster.commands.model_calls import ModelCall, Pricing, RecordCalls, record_calls
from muster.commands.runs import DescribeRun, RecordTranscript, describe_run, record_transcript
from muster.domain.usage import TokenUsage
from muster.store.database import Store

SAID = {"kind": "message", "text": "hello"}


async def describe(
    store: Store, held: Claimed, figures: dict[str, Any] | None = None, **described: Any
) -> int:
    request = DescribeRun(
        attempt_id=held.attempt_id, token=held.token, described=described, figures=figures or {}
    )
    return await store.execute(describe_run(request))


async def say(store: Store, held: Claimed, position: int, entries: Sequence[Any] = (SAID,)) -> int:
    return await store.execute(
        record_transcript(RecordTranscript(held.attempt_id, held.token, position, entries))
    )


def a_call(key: str = "c1", **more: Any) -> ModelCall:
    values: dict[str, Any] = {
        "key": key,
        "at": 1_000_000,
        "provider": "anthropic",
        "model": "m",
        "dialect": "anthropic",
        "status": 200,
        "duration_us": 5_000,
        "first_byte_us": 900,
        "tokens": TokenUsage(input=100, output=20, cache_read=3, cache_write=4, reasoning=5),
        "cost": 1_500,
        "pricing": Pricing.PRICED,
        "price_version": "2026-01-01",
        "error": None,
        "trace_id": None,
        "request_blob": None,
        "answer_blob": None,
    }
    return ModelCall(**(values | more))


async def call(store: Store, held: Claimed, *calls: ModelCall) -> int:
    return await store.execute(record_calls(RecordCalls(held.attempt_id, held.token, calls)))


async def change(store: Store, held: Claimed, *files: ChangedFile) -> int:
    return await store.execute(replace_files(held.attempt_id, held.token, files))
