"""OpenAI Chat Completions, which most other providers and local servers speak too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from muster.agents.wire import obj, objs, text
from muster.testing.conversation import Answer, Asked, Event, Item, Json, new_id, pieces, text_of
from muster.testing.dialects.dialect import ModelDialect
from muster.testing.dialects.openai import failure_of, tools_of, usage_of

_STOPS: Final = {"max_tokens": "length", "refusal": "content_filter"}


def _read(body: Json, model: str, stream: bool) -> Asked:
    messages = objs(body.get("messages"))
    items = [item for message in messages if (item := _item(message)) is not None]
    told = [text_of(message.get("content")) for message in messages if _is_system(message)]
    wanted = obj(body.get("response_format"))
    return Asked(
        dialect=DIALECT.name,
        model=text(body.get("model")),
        stream=bool(body.get("stream")),
        tools=dict(tools_of(body.get("tools"))),
        items=items,
        system="\n".join(told),
        body=body,
        schema=obj(obj(wanted.get("json_schema")).get("schema")) or None,
    )


def _is_system(message: Json) -> bool:
    return message.get("role") in {"system", "developer"}


def _item(message: Json) -> Item | None:
    role = text(message.get("role"))
    if role in {"tool", "function"}:
        return Item("result", text_of(message.get("content")))
    if role == "user":
        return Item("user", text_of(message.get("content")))
    if role == "assistant":
        return Item("assistant", text_of(message.get("content")))
    return None


def _calls(answer: Answer) -> list[Json]:
    return [
        {"id": new_id("call_"), "type": "function", "function": {"name": call.name, "arguments": call.text}}
        for call in answer.calls
    ]


def _stop(answer: Answer) -> str:
    return _STOPS.get(answer.stop) or ("tool_calls" if answer.calls else "stop")


def _whole(answer: Answer) -> Json:
    message: Json = {"role": "assistant", "content": answer.text or None}
    if answer.think:
        message["reasoning_content"] = answer.think
    if answer.calls:
        message["tool_calls"] = _calls(answer)
    choice = {"index": 0, "message": message, "finish_reason": _stop(answer), "logprobs": None}
    return {
        "id": new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": time.time_ns() // 10**9,
        "model": answer.model,
        "choices": [choice],
        "usage": usage_of(answer.usage, "prompt", "completion"),
    }


def _events(answer: Answer) -> Iterator[Event]:
    chunk: Json = {
        "id": new_id("chatcmpl-"),
        "object": "chat.completion.chunk",
        "created": time.time_ns() // 10**9,
        "model": answer.model,
    }
    for delta in _deltas(answer):
        choice = {"index": 0, "delta": delta, "finish_reason": None, "logprobs": None}
        yield Event("", {**chunk, "choices": [choice]})
    stopped: Json = {"index": 0, "delta": {}, "finish_reason": _stop(answer), "logprobs": None}
    yield Event("", {**chunk, "choices": [stopped]})
    usage = usage_of(answer.usage, "prompt", "completion")
    yield Event("", {**chunk, "choices": [], "usage": usage}, answer.usage)
    yield Event("", "[DONE]")


def _deltas(answer: Answer) -> Iterator[Json]:
    yield {"role": "assistant", "content": ""}
    if answer.think:
        yield from ({"reasoning_content": piece} for piece in pieces(answer.think))
    if answer.text:
        yield from ({"content": piece} for piece in pieces(answer.text))
    for at, call in enumerate(_calls(answer)):
        function = obj(call["function"])
        begun = {**call, "index": at, "function": {**function, "arguments": ""}}
        yield {"tool_calls": [begun]}
        for piece in pieces(text(function["arguments"])):
            yield {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}


DIALECT: Final = ModelDialect(
    name="openai-chat", read=_read, whole=_whole, events=_events, failure=failure_of
)
