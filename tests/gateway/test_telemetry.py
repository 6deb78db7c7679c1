"""What agents say of their own use by OpenTelemetry, taken at the gateway as a second source."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from muster.agents.metered import Told
from muster.domain.usage import TokenUsage
from muster.gateway.run import Run
from tests.gateway.conftest import Bench

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


def attribute(name: str, value: Any) -> dict[str, Any]:
    match value:
        case int():
            return {"key": name, "value": {"intValue": str(value)}}
        case float():
            return {"key": name, "value": {"doubleValue": value}}
        case _:
            return {"key": name, "value": {"stringValue": str(value)}}


def logs(*records: dict[str, Any]) -> dict[str, Any]:
    kept = [
        {"timeUnixNano": str(number + 1), "attributes": [attribute(*pair) for pair in record.items()]}
        for number, record in enumerate(records)
    ]
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": kept}]}]}


def spans(*found: dict[str, Any]) -> dict[str, Any]:
    kept = [
        {"name": f"call-{number}", "attributes": [attribute(*pair) for pair in span.items()]}
        for number, span in enumerate(found)
    ]
    return {"resourceSpans": [{"scopeSpans": [{"spans": kept}]}]}


CLAUDE = {
    "event.name": "api_request",
    "input_tokens": 3,
    "output_tokens": 30,
    "cache_read_tokens": 7,
    "cache_creation_tokens": 22286,
    "cost_usd": 0.0840315,
}
CODEX = {
    "event.name": "codex.sse_event",
    "input_token_count": "1200",
    "output_token_count": "40",
    "cached_token_count": "1000",
    "reasoning_token_count": "16",
}
GEMINI = {
    "event.name": "gemini_cli.api_response",
    "input_token_count": 12361,
    "output_token_count": 31,
    "cached_content_token_count": 361,
    "thoughts_token_count": 5,
}


async def send(
    bench: Bench, run: Run | str, signal: str, body: bytes, kind: str = JSON, **headers: str
) -> tuple[int, bytes]:
    token = run if isinstance(run, str) else run.token
    url = f"http://gateway/run/{token}/otlp/v1/{signal}"
    async with bench.client.post(
        url, data=io.BytesIO(body), headers={"Content-Type": kind, **headers}
    ) as answer:
        return answer.status, await answer.read()


def encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("record", "usage", "cost"),
    [
        (CLAUDE, TokenUsage(input=3, output=30, cache_read=7, cache_write=22286), 0.0840315),
        (CODEX, TokenUsage(input=200, output=40, cache_read=1000, reasoning=16), None),
        (GEMINI, TokenUsage(input=12000, output=31, cache_read=361, reasoning=5), None),
    ],
)
@pytest.mark.parametrize("kind", [JSON, PROTOBUF])
async def test_a_call_that_an_agent_tells_of_is_counted(
    bench: Bench, record: dict[str, Any], usage: TokenUsage, cost: float | None, kind: str
) -> None:
    """SW-4d"""
    run, document = bench.run(), logs(record, {"event.name": "user_prompt", "prompt": "a secret"})
    body = encoded(document)
    if kind == PROTOBUF:
        body = ParseDict(document, ExportLogsServiceRequest()).SerializeToString()
    assert await send(bench, run, "logs", body, kind) == (200, b"" if kind == PROTOBUF else b"{}")
    assert run.told == Told(usage=usage, cost_usd=cost)
    assert bench.calls == []


async def test_calls_add_up_and_one_that_is_sent_again_counts_once(bench: Bench) -> None:
    """SW-4d: an exporter sends again what was not answered in time"""
    run, body = bench.run(), encoded(logs(CLAUDE, CLAUDE | {"output_tokens": 5}))
    await send(bench, run, "logs", body)
    await send(bench, run, "logs", body)
    assert run.told is not None
    assert (run.told.usage.output, run.told.usage.input) == (35, 6)
    assert run.told.cost_usd == pytest.approx(2 * 0.0840315)


async def test_spans_count_only_where_no_record_of_a_call_came(bench: Bench) -> None:
    """SW-4d: a program that sends both says the same twice"""
    run = bench.run()
    span = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 9}
    binary = ParseDict(spans(span, {"code": "none"}), ExportTraceServiceRequest()).SerializeToString()
    await send(bench, run, "traces", binary, PROTOBUF)
    assert run.told == Told(usage=TokenUsage(input=100, output=9), cost_usd=None)
    await send(bench, run, "logs", encoded(logs(GEMINI)))
    assert run.told is not None
    assert run.told.usage.output == 31


async def test_compressed_requests_and_metrics_are_taken(bench: Bench) -> None:
    """SW-4d"""
    run = bench.run()
    body = gzip.compress(encoded(logs(CLAUDE)))
    assert (await send(bench, run, "logs", body, **{"Content-Encoding": "gzip"}))[0] == 200
    assert (await send(bench, run, "metrics", b'{"resourceMetrics": []}'))[0] == 200
    assert run.told is not None


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", JSON, 400),
        (b"[]", JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b'{"resourceLogs": 7}', JSON, 400),
        (b'{"resourceLogs": [{"scopeLogs": [1]}]}', JSON, 400),
        (b"\xff\xff\xff", PROTOBUF, 400),
        (b"{}", "text/plain", 415),
        (b" " * (4 * 1024 * 1024 + 1), JSON, 413),
    ],
)
async def test_what_is_no_telemetry_is_refused_in_words(
    bench: Bench, body: bytes, kind: str, status: int
) -> None:
    """SW-4d"""
    run = bench.run()
    answered, text = await send(bench, run, "logs", body, kind)
    assert answered == status
    assert json.loads(text)["message"]
    assert run.told is None


async def test_figures_without_sense_count_as_none(bench: Bench) -> None:
    """SW-4d"""
    run = bench.run()
    odd = CLAUDE | {"input_tokens": "many", "output_tokens": -4, "cost_usd": float("inf")}
    document = encoded(logs(odd)).replace(b"Infinity", b"1e999")
    assert (await send(bench, run, "logs", document))[0] == 200
    assert run.told is not None
    assert (run.told.usage.input, run.told.usage.output, run.told.cost_usd) == (0, 0, None)


async def test_a_run_that_is_over_or_unknown_is_told_nothing(bench: Bench) -> None:
    """SW-4d"""
    run = bench.run()
    bench.gateway.close_account(run)
    assert (await send(bench, run, "logs", encoded(logs(CLAUDE))))[0] == 403
    assert (await send(bench, "nobody", "logs", b"{}"))[0] == 403


async def test_calls_of_an_attempt_share_a_trace_where_the_agent_names_none(bench: Bench) -> None:
    """SW-7b"""
    run = bench.run()
    for _ in range(2):
        await bench.post(run, "anthropic/v1/messages", {"model": "m"})
    trace = run.access("http://127.0.0.1:1").trace.split("-")[1]
    assert [call.trace_id for call in bench.calls] == [trace, trace]
    assert bench.provider.asked[1].headers["traceparent"].split("-")[1] == trace
