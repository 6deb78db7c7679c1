"""What an agent says of its own use by OpenTelemetry (OTLP over HTTP): a second source beside what the gateway meters.

Only sums are kept. Everything else that a signal holds, prompts and arguments among it, is forgotten at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from muster.agents.metered import Told
from muster.domain.errors import Category, MusterError
from muster.domain.usage import TokenUsage

Signal = Literal["traces", "logs", "metrics"]
Json = dict[str, Any]
MESSAGES: Final = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
MOST_TOKENS: Final = 2**53
KEPT_MARKS: Final = 20_000
"""Of calls, so that one that is sent again is counted once; a run that makes more is not counted on."""


class BadTelemetry(MusterError):
    """This is no OTLP request: {problem}"""

    code = "bad_telemetry"
    category = Category.INVALID


@dataclass(frozen=True, slots=True)
class _Names:
    """Where a sort of record has its figures. `cached_in_input`: the input counts what was read from a cache too."""

    input: str
    output: str
    cached: str
    written: str = ""
    reasoning: str = ""
    cost: str = ""
    cached_in_input: bool = True


_COUNTS: Final = ("input_token_count", "output_token_count", "cached_token_count")
EVENTS: Final[Mapping[str, _Names]] = {
    "api_request": _Names(
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_creation_tokens",
        cost="cost_usd",
        cached_in_input=False,
    ),
    "codex.sse_event": _Names(*_COUNTS, reasoning="reasoning_token_count"),
    "gemini_cli.api_response": _Names(
        "input_token_count",
        "output_token_count",
        "cached_content_token_count",
        reasoning="thoughts_token_count",
    ),
}
"""Log records of Claude Code, Codex and Gemini CLI, one for each call to a model."""
SPAN: Final = _Names(
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
)
"""Spans of any program that follows the conventions for generative AI."""


@dataclass(slots=True)
class _Sum:
    calls: int = 0
    usage: TokenUsage = field(default_factory=TokenUsage)
    cost: float | None = None


class Telemetry:
    """One attempt's. Log records come before spans: a program that sends both says the same twice."""

    def __init__(self) -> None:
        self._sums: dict[Literal["logs", "traces"], _Sum] = {}
        self._seen: set[bytes] = set()

    def feed(self, signal: Signal, content_type: str, body: bytes) -> None:
        """Count what a request tells. BadTelemetry when it cannot be read; then nothing of it is counted."""
        document = _read(signal, content_type, body)
        match signal:
            case "logs":
                found = list(_records(document))
            case "traces":
                found = list(_spans(document))
            case "metrics":
                return
        for mark, names, values in found:
            if mark not in self._seen and len(self._seen) < KEPT_MARKS:
                self._seen.add(mark)
                self._count(signal, names, values)

    def _count(self, signal: Literal["logs", "traces"], names: _Names, values: Json) -> None:
        total = self._sums.setdefault(signal, _Sum())
        cached, written = _number(values.get(names.cached)), _number(values.get(names.written))
        told = _number(values.get(names.input))
        total.calls += 1
        total.usage += TokenUsage(
            input=max(told - cached, 0) if names.cached_in_input else told,
            output=_number(values.get(names.output)),
            cache_read=cached,
            cache_write=written,
            reasoning=_number(values.get(names.reasoning)),
        )
        cost = values.get(names.cost)
        if isinstance(cost, int | float) and 0 <= cost < 1e9:
            total.cost = (total.cost or 0.0) + cost

    @property
    def told(self) -> Told | None:
        """The sums; None when it said nothing of its use."""
        total = self._sums.get("logs") or self._sums.get("traces")
        return None if total is None else Told(usage=total.usage, cost_usd=total.cost)


def _read(signal: Signal, content_type: str, body: bytes) -> Json:
    """A request as OTLP's JSON. BadTelemetry when it is none."""
    if content_type == PROTOBUF:
        try:
            return MessageToDict(MESSAGES[signal].FromString(body))
        except (DecodeError, ValueError) as error:
            raise BadTelemetry(problem=f"its protobuf cannot be read ({error})") from None
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadTelemetry(problem=f"its JSON cannot be read ({error})") from None
    if not isinstance(found, dict):
        raise BadTelemetry(problem="its JSON is no object")
    return cast(Json, found)


def _each(parent: object, name: str) -> Iterator[Json]:
    """The objects in a list. BadTelemetry when it is something else."""
    found = cast(Json, parent).get(name, []) if isinstance(parent, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in cast(list[object], found)):
        raise BadTelemetry(problem=f"{name} is no list of objects")
    yield from cast(list[Json], found)


def _records(document: Json) -> Iterator[tuple[bytes, _Names, Json]]:
    """Log records that tell of a call: a mark by which it is known again, where its figures are, and its attributes."""
    for resource in _each(document, "resourceLogs"):
        for scope in _each(resource, "scopeLogs"):
            for record in _each(scope, "logRecords"):
                values = _attributes(record)
                names = EVENTS.get(str(values.get("event.name") or record.get("eventName") or ""))
                if names is not None and names.input in values:
                    yield _mark(record), names, values


def _spans(document: Json) -> Iterator[tuple[bytes, _Names, Json]]:
    for resource in _each(document, "resourceSpans"):
        for scope in _each(resource, "scopeSpans"):
            for span in _each(scope, "spans"):
                values = _attributes(span)
                if SPAN.input in values:
                    yield _mark(span), SPAN, values


def _attributes(record: Json) -> Json:
    """Single values by name."""
    found: Json = {}
    for entry in _each(record, "attributes"):
        key, value = entry.get("key"), entry.get("value")
        if isinstance(key, str) and isinstance(value, dict):
            found[key] = next(iter(cast(Json, value).values()), None)
    return found


def _mark(record: Json) -> bytes:
    return hashlib.blake2s(json.dumps(record, sort_keys=True).encode(), digest_size=16).digest()


def _number(value: object) -> int:
    """A count; OTLP's JSON has whole numbers as text."""
    try:
        number = int(cast(Any, value)) if isinstance(value, int | float | str) else 0
    except (ValueError, OverflowError):
        return 0
    return min(max(number, 0), MOST_TOKENS)
