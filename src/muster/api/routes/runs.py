"""The hot calls of whoever runs an agent: what the run is, what is said, called and changed in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from muster.api.hot import HotRoute
from muster.api.longpoll import Caller
from muster.api.routes.claims import token_of
from muster.api.services import Services
from muster.api.times import microseconds
from muster.client import wire_runs as wire
from muster.commands.file_changes import ChangedFile, replace_files
from muster.commands.model_calls import ModelCall, Pricing, RecordCalls, record_calls
from muster.commands.runs import DescribeRun, RecordTranscript, describe_run, record_transcript
from muster.domain import ids
from muster.domain.errors import InvalidInput
from muster.domain.money import micros
from muster.domain.replay_runs import RUN
from muster.domain.transcript_json import MAX_TEXT, fitted
from muster.domain.usage import TokenUsage
from muster.store.codec import to_json

_DESCRIBED: Final = ("agent", *RUN)
_ENCODER: Final = msgspec.json.Encoder()


class RunCalls:
    """The handlers; they translate between the wire and the commands."""

    def __init__(self, services: Services) -> None:
        self._store = services.store

    async def describe(self, ident: str, request: wire.RunRequest, _: Caller) -> wire.RunAnswer:
        """Say what is known of a run."""
        position = await self._store.execute(
            describe_run(
                DescribeRun(
                    attempt_id=ids.decode(ids.ATTEMPT, ident),
                    token=token_of(request.token, ident),
                    described={
                        name: value for name in _DESCRIBED if (value := getattr(request, name)) is not None
                    },
                    figures=_figures(request),
                )
            )
        )
        return wire.RunAnswer(position=position)

    async def transcript(
        self, ident: str, request: wire.TranscriptRequest, _: Caller
    ) -> wire.TranscriptAnswer:
        """Append entries."""
        position = await self._store.execute(
            record_transcript(
                RecordTranscript(
                    ids.decode(ids.ATTEMPT, ident),
                    token_of(request.token, ident),
                    request.position,
                    [_kept(entry) for entry in request.entries],
                )
            )
        )
        return wire.TranscriptAnswer(position=position)

    async def calls(self, ident: str, request: wire.CallsRequest, _: Caller) -> wire.CallsAnswer:
        """Keep calls to models."""
        calls = [_call(report, f"calls[{number}]") for number, report in enumerate(request.calls)]
        attempt, token = ids.decode(ids.ATTEMPT, ident), token_of(request.token, ident)
        recorded = await self._store.execute(record_calls(RecordCalls(attempt, token, calls)))
        return wire.CallsAnswer(recorded=recorded)

    async def files(self, ident: str, request: wire.FilesRequest, _: Caller) -> wire.FilesAnswer:
        """Say which files changed."""
        kept = await self._store.execute(
            replace_files(
                ids.decode(ids.ATTEMPT, ident),
                token_of(request.token, ident),
                [ChangedFile(**msgspec.structs.asdict(file)) for file in request.files],
            )
        )
        return wire.FilesAnswer(files=kept)


def _figures(request: wire.RunRequest) -> dict[str, Any]:
    figures: dict[str, Any] = {
        name: value
        for name in ("context_used", "context_window")
        if (value := getattr(request, name)) is not None
    }
    if request.reported is not None:
        figures["reported"] = to_json(request.reported)
    return figures


def _kept(entry: msgspec.Struct) -> msgspec.Raw:
    text = _ENCODER.encode(entry)
    if len(text) > MAX_TEXT:
        text = _ENCODER.encode(fitted(msgspec.to_builtins(entry)))
    return msgspec.Raw(text)


def _call(report: wire.ModelCallReport, field: str) -> ModelCall:
    if report.pricing == "priced" and report.cost_usd is None:
        raise InvalidInput(field=f"{field}.cost_usd", problem="must be given for a priced call")
    if report.pricing == "unpriced" and report.cost_usd:
        raise InvalidInput(field=f"{field}.cost_usd", problem="must be left out of an unpriced call")
    cost = None if report.pricing == "unpriced" else micros(report.cost_usd or 0)
    return ModelCall(
        key=report.key,
        at=microseconds(report.at, f"{field}.at"),
        provider=report.provider,
        model=report.model,
        dialect=report.dialect,
        status=report.status,
        duration_us=round(report.duration_ms * 1_000),
        first_byte_us=None if report.first_byte_ms is None else round(report.first_byte_ms * 1_000),
        tokens=TokenUsage(
            input=report.input_tokens,
            output=report.output_tokens,
            cache_read=report.cache_read_tokens,
            cache_write=report.cache_write_tokens,
            reasoning=report.reasoning_tokens,
        ),
        cost=cost,
        pricing=Pricing(report.pricing),
        price_version=report.price_version,
        error=report.error,
        trace_id=report.trace_id,
        request_blob=report.request_blob,
        answer_blob=report.answer_blob,
    )


_TOKEN: Final = "5f2a90c1d3e4b687"
_RUN: Final[Mapping[str, Any]] = {
    "token": _TOKEN,
    "agent": "claude",
    "model": "claude-opus-4-5",
    "branch": "muster/tsk_0dq3m8x1c7w00",
}
_ENTRIES: Final[Mapping[str, Any]] = {
    "token": _TOKEN,
    "position": 0,
    "entries": [
        {"kind": "message", "role": "user", "text": "Fix the failing test."},
        {"kind": "tool_call", "id": "t1", "name": "Bash", "tool": "execute", "command": "pytest -q"},
    ],
}
_CALLS: Final[Mapping[str, Any]] = {
    "token": _TOKEN,
    "calls": [
        {
            "key": "c1",
            "at": "2026-01-31T09:30:00.000Z",
            "provider": "anthropic",
            "model": "claude-opus-4-5",
            "dialect": "anthropic",
            "status": 200,
            "duration_ms": 1840.5,
            "input_tokens": 1200,
            "output_tokens": 90,
            "cost_usd": 0.0083,
            "pricing": "priced",
            "price_version": "2026-01-20",
        }
    ],
}
_FILES: Final[Mapping[str, Any]] = {
    "token": _TOKEN,
    "files": [{"path": "src/app.py", "change": "modified", "additions": 3, "deletions": 1}],
}
_WORDS: Final = (
    "Taken for a minute after the attempt's end too. 409 `lease_lost`: the attempt was taken back, or the token is "
    "another one's; 409 `conflict`: the run was not described yet"
)


def run_routes(services: Services) -> Sequence[HotRoute[Any, Any]]:
    """The hot routes of runs."""
    calls = RunCalls(services)
    return (
        _route(
            calls.describe,
            "run",
            "Say what is known of an agent's run",
            wire.RunRequest,
            wire.RunAnswer,
            _RUN,
        ),
        _route(
            calls.transcript,
            "transcript",
            "Append entries to an agent's transcript",
            wire.TranscriptRequest,
            wire.TranscriptAnswer,
            _ENTRIES,
            words=", or entries before `position` are missing (`details.position` is where to go on).",
        ),
        _route(
            calls.calls,
            "calls",
            "Keep and count calls to models",
            wire.CallsRequest,
            wire.CallsAnswer,
            _CALLS,
        ),
        _route(
            calls.files,
            "files",
            "Say which files an attempt changed",
            wire.FilesRequest,
            wire.FilesAnswer,
            _FILES,
        ),
    )


def _route(
    handler: Any,
    noun: str,
    summary: str,
    request: type[Any],
    answer: type[Any],
    example: Mapping[str, Any],
    *,
    words: str = ".",
) -> HotRoute[Any, Any]:
    return HotRoute(
        path=f"/api/v1/attempts/{{attempt_id}}/{noun}",
        operation_id={"run": "describe_run"}.get(noun, f"record_{noun}"),
        tag="runs",
        summary=summary,
        description=_WORDS + words,
        request=request,
        answer=answer,
        handler=handler,
        example=example,
        errors=(404, 409),
        large=True,
        free_form=True,
    )
