"""Gemini generateContent and streamGenerateContent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from muster.agents.wire import obj, objs, text
from muster.domain.usage import TokenUsage
from muster.testing.conversation import Answer, Asked, Event, Item, Json, Tool, new_id, pieces, text_of
from muster.testing.dialects.dialect import ModelDialect
from muster.testing.scenarios import Failure

_STOPS: Final = {"max_tokens": "MAX_TOKENS", "refusal": "SAFETY"}
_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
}
_TYPE: Final = "type.googleapis.com/google.rpc."


def _read(body: Json, model: str, stream: bool) -> Asked:
    declared = [
        function for group in objs(body.get("tools")) for function in objs(group.get("functionDeclarations"))
    ]
    tools = {
        text(function.get("name")): Tool(
            name=text(function.get("name")),
            schema=obj(function.get("parametersJsonSchema")) or obj(function.get("parameters")),
        )
        for function in declared
    }
    return Asked(
        dialect=DIALECT.name,
        model=model,
        stream=stream,
        tools=tools,
        items=[item for content in objs(body.get("contents")) for item in _items(content)],
        system=text_of(obj(body.get("systemInstruction")).get("parts")),
        body=body,
        schema=_schema(obj(body.get("generationConfig"))),
    )


def _schema(wanted: Json) -> Json | None:
    found = obj(wanted.get("responseJsonSchema")) or obj(wanted.get("responseSchema"))
    is_json = wanted.get("responseMimeType") == "application/json"
    return found or ({"type": "object"} if is_json else None)


def _items(content: Json) -> Iterator[Item]:
    parts = objs(content.get("parts"))
    results = [obj(part["functionResponse"]) for part in parts if "functionResponse" in part]
    yield from (Item("result", json.dumps(result.get("response"))) for result in results)
    said = "\n".join(text(part.get("text")) for part in parts if "text" in part and not part.get("thought"))
    if content.get("role") == "model":
        yield Item("assistant", said)
    elif said and not results:
        yield Item("user", said)


def _parts(answer: Answer, cut: Callable[[str], Iterable[str]]) -> list[Json]:
    parts = list[Json]()
    if answer.think:
        parts += [{"text": piece, "thought": True} for piece in cut(answer.think)]
    if answer.text:
        parts += [{"text": piece} for piece in cut(answer.text)]
    for call in answer.calls:
        function = {"id": new_id("fc_"), "name": call.name, "args": call.arguments}
        parts.append({"functionCall": function, "thoughtSignature": "c2NyaXB0ZWQ="})
    return parts or [{"text": ""}]


def _in_one(text: str) -> Iterable[str]:
    return [text]


def _usage(usage: TokenUsage) -> Json:
    return {
        "promptTokenCount": usage.context,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.total,
        "cachedContentTokenCount": usage.cache_read,
        "thoughtsTokenCount": usage.reasoning,
    }


def _response(answer: Answer, parts: list[Json], *, last: bool) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if last:
        candidate["finishReason"] = _STOPS.get(answer.stop, "STOP")
    return {
        "candidates": [candidate],
        "usageMetadata": _usage(answer.usage if last else _begun(answer)),
        "modelVersion": answer.model,
        "responseId": new_id("r"),
    }


def _begun(answer: Answer) -> TokenUsage:
    return TokenUsage(
        input=answer.usage.input, cache_read=answer.usage.cache_read, cache_write=answer.usage.cache_write
    )


def _whole(answer: Answer) -> Json:
    return _response(answer, _parts(answer, _in_one), last=True)


def _events(answer: Answer) -> Iterator[Event]:
    parts = _parts(answer, pieces)
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        told = answer.usage if last else _begun(answer)
        yield Event("", _response(answer, [part], last=last), told)


def _failure(failure: Failure) -> tuple[int, Json]:
    status = 503 if failure.status == 529 else failure.status
    error: Json = {
        "code": status,
        "message": failure.message,
        "status": _STATUSES.get(status, "UNAVAILABLE"),
    }
    if failure.retry_after is not None:
        error["details"] = [{"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{failure.retry_after:g}s"}]
    return status, {"error": error}


DIALECT: Final = ModelDialect(name="gemini", read=_read, whole=_whole, events=_events, failure=_failure)
