"""Anthropic Messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from muster.agents.wire import obj, objs, text
from muster.domain.usage import TokenUsage
from muster.testing.choosing import has_marker
from muster.testing.conversation import (
    SEARCH_TOOLS,
    Answer,
    Asked,
    Event,
    Item,
    Json,
    Tool,
    new_id,
    pieces,
    text_of,
)
from muster.testing.dialects.dialect import ModelDialect
from muster.testing.scenarios import Failure

_SIGNATURE: Final = "c2NyaXB0ZWQ="


def _read(body: Json, model: str, stream: bool) -> Asked:
    tools = {
        text(tool.get("name")): Tool(
            name=text(tool.get("name")),
            schema=obj(tool.get("input_schema")),
            kind=text(tool.get("type")) or "function",
        )
        for tool in objs(body.get("tools"))
    }
    asked_format = obj(obj(body.get("output_config")).get("format"))
    return Asked(
        dialect=DIALECT.name,
        model=text(body.get("model")),
        stream=bool(body.get("stream")),
        tools=tools,
        items=_items(body),
        system=text_of(body.get("system")),
        body=body,
        schema=obj(asked_format.get("schema")) or None,
    )


def _items(body: Json) -> list[Item]:
    items, searches = list[Item](), set[str]()
    for message in objs(body.get("messages")):
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else objs(content)
        results = [block for block in blocks if block.get("type") == "tool_result"]
        searches |= {text(block.get("id")) for block in blocks if block.get("name") in SEARCH_TOOLS}
        for result in results:
            found = text(result.get("tool_use_id")) in searches
            items.append(Item("search" if found else "result", text_of(result.get("content"))))
        said = "\n".join(text(block.get("text")) for block in blocks if block.get("type") == "text")
        if message.get("role") == "assistant":
            items.append(Item("assistant", said))
        elif said and (not results or has_marker(said)):
            items.append(Item("user", said))
    return items


def _content(answer: Answer) -> list[Json]:
    content = list[Json]()
    if answer.think:
        content.append({"type": "thinking", "thinking": answer.think, "signature": _SIGNATURE})
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    for call in answer.calls:
        content.append(
            {"type": "tool_use", "id": new_id("toolu_"), "name": call.name, "input": call.arguments}
        )
    return content


def _stop(answer: Answer) -> str:
    return answer.stop or ("tool_use" if answer.calls else "end_turn")


def _usage(usage: TokenUsage) -> Json:
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
        "service_tier": "standard",
    }


def _message(answer: Answer, content: list[Json], stop: str | None, usage: TokenUsage) -> Json:
    return {
        "id": new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": _usage(usage),
    }


def _whole(answer: Answer) -> Json:
    return _message(answer, _content(answer), _stop(answer), answer.usage)


def _events(answer: Answer) -> Iterator[Event]:
    # The start of a stream has all of the input and a first token of the output.
    begun = replace(answer.usage, output=1, reasoning=0)
    yield _event("message_start", begun, message=_message(answer, [], None, begun))
    for at, block in enumerate(_content(answer)):
        yield from _block(at, block)
    yield _event(
        "message_delta",
        answer.usage,
        delta={"stop_reason": _stop(answer), "stop_sequence": None},
        usage=_usage(answer.usage),
    )
    yield _event("message_stop")


def _block(at: int, block: Json) -> Iterator[Event]:
    empty, deltas = _parts(block)
    yield _event("content_block_start", index=at, content_block=empty)
    for delta in deltas:
        yield _event("content_block_delta", index=at, delta=delta)
    yield _event("content_block_stop", index=at)


def _parts(block: Json) -> tuple[Json, list[Json]]:
    match block["type"]:
        case "thinking":
            deltas = [
                {"type": "thinking_delta", "thinking": piece} for piece in pieces(text(block["thinking"]))
            ]
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]
        case "text":
            words = [{"type": "text_delta", "text": piece} for piece in pieces(text(block["text"]))]
            return {"type": "text", "text": ""}, words
        case _:
            given = json.dumps(block["input"])
            arguments = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(given)]
            return {**block, "input": {}}, arguments


def _event(name: str, told: TokenUsage | None = None, **fields: Any) -> Event:
    return Event(name, {"type": name, **fields}, told)


def _failure(failure: Failure) -> tuple[int, Json]:
    error = {"type": failure.kind, "message": failure.message}
    return failure.status, {"type": "error", "error": error, "request_id": new_id("req_")}


DIALECT: Final = ModelDialect(
    name="anthropic",
    read=_read,
    whole=_whole,
    events=_events,
    failure=_failure,
    named_events=True,
    counts_cache_writes=True,
)
