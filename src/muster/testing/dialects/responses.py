"""OpenAI Responses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, Final

from muster.agents.wire import obj, objs, text
from muster.testing.conversation import Answer, Asked, Call, Event, Item, Json, Tool, new_id, pieces, text_of
from muster.testing.dialects.dialect import ModelDialect
from muster.testing.dialects.openai import failure_of, tools_of, usage_of

_RESULTS: Final = frozenset(
    {"function_call_output", "custom_tool_call_output", "local_shell_call_output", "mcp_call_output"}
)


def _read(body: Json, model: str, stream: bool) -> Asked:
    tools = dict(tools_of(body.get("tools")))
    given = body.get("input")
    entries = [{"role": "user", "content": given}] if isinstance(given, str) else objs(given)
    items = [item for entry in entries if (item := _item(entry, tools)) is not None]
    wanted = obj(obj(body.get("text")).get("format"))
    return Asked(
        dialect=DIALECT.name,
        model=text(body.get("model")),
        stream=bool(body.get("stream")),
        tools=tools,
        items=items,
        system=text(body.get("instructions")),
        body=body,
        schema=obj(wanted.get("schema")) or None,
    )


def _item(entry: Json, tools: dict[str, Tool]) -> Item | None:
    """One entry of the input; tools that it brings are added."""
    kind = text(entry.get("type")) or "message"
    if kind in _RESULTS:
        return Item("result", text_of(entry.get("output")))
    if kind in {"tool_search_output", "additional_tools"}:
        tools.update(tools_of(entry.get("tools")))
        return Item("search", json.dumps(entry)) if kind == "tool_search_output" else None
    role = text(entry.get("role"))
    if kind != "message" or role not in {"user", "assistant"}:
        return None
    return Item("user" if role == "user" else "assistant", text_of(entry.get("content")))


def _output(answer: Answer) -> list[Json]:
    output = list[Json]()
    if answer.think:
        summary = [{"type": "summary_text", "text": answer.think}]
        output.append(
            {
                "type": "reasoning",
                "id": new_id("rs_"),
                "summary": summary,
                "encrypted_content": "c2NyaXB0ZWQ=",
            }
        )
    if answer.text:
        content: list[Json] = [{"type": "output_text", "text": answer.text, "annotations": []}]
        output.append({"type": "message", "id": new_id("msg_"), "role": "assistant", "content": content})
    output += [_called(call) for call in answer.calls]
    return [{**entry, "status": "completed"} for entry in output]


def _called(call: Call) -> Json:
    identity = {"call_id": new_id("call_")}
    match call.kind:
        case "custom":
            fields = {"name": call.name, "input": call.script}
            return {"type": "custom_tool_call", "id": new_id("ctc_"), **identity, **fields}
        case "tool_search":
            fields = {"execution": "client", "arguments": call.arguments}
            return {"type": "tool_search_call", "id": new_id("tsc_"), **identity, **fields}
        case "local_shell":
            action: Json = {"type": "exec", "command": call.arguments["command"], "env": {}}
            return {"type": "local_shell_call", "id": new_id("lsh_"), **identity, "action": action}
        case _:
            group = {"namespace": call.namespace} if call.namespace else {}
            fields = {"name": call.name, "arguments": json.dumps(call.arguments), **group}
            return {"type": "function_call", "id": new_id("fc_"), **identity, **fields}


def _response(answer: Answer) -> Json:
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": time.time_ns() // 10**9,
        "model": answer.model,
        "status": "in_progress",
        "output": [],
        "usage": None,
        "error": None,
        "incomplete_details": None,
        "parallel_tool_calls": True,
        "tools": [],
        "metadata": {},
    }


def _over(answer: Answer, response: Json, output: list[Json]) -> Json:
    done = {**response, "status": "completed", "output": output}
    done["usage"] = usage_of(answer.usage, "input", "output")
    if answer.stop == "max_tokens":
        done |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    return done


def _whole(answer: Answer) -> Json:
    return _over(answer, _response(answer), _output(answer))


def _events(answer: Answer) -> Iterator[Event]:
    response, output = _response(answer), _output(answer)
    done = _over(answer, response, output)
    stream = [("response.created", {"response": response}), ("response.in_progress", {"response": response})]
    for at, entry in enumerate(output):
        stream += [(f"response.{name}", {"output_index": at, **fields}) for name, fields in _entry(entry)]
    stream.append((f"response.{done['status']}", {"response": done}))
    for number, (name, fields) in enumerate(stream):
        last = number == len(stream) - 1
        data = {"type": name, "sequence_number": number, **fields}
        yield Event(name, data, answer.usage if last else None)


def _entry(entry: Json) -> Iterator[tuple[str, Json]]:
    begun = {**entry, "status": "in_progress"}
    match entry["type"]:
        case "message":
            yield "output_item.added", {"item": {**begun, "content": []}}
            yield from _told(entry, "content_part", "output_text", {"content_index": 0}, entry["content"][0])
        case "reasoning":
            yield "output_item.added", {"item": {**begun, "summary": []}}
            part = entry["summary"][0]
            yield from _told(
                entry, "reasoning_summary_part", "reasoning_summary_text", {"summary_index": 0}, part
            )
        case "function_call":
            yield "output_item.added", {"item": {**begun, "arguments": ""}}
            yield from _given(entry, "function_call_arguments", "arguments")
        case "custom_tool_call":
            yield "output_item.added", {"item": {**begun, "input": ""}}
            yield from _given(entry, "custom_tool_call_input", "input")
        case _:
            yield "output_item.added", {"item": entry}
    yield "output_item.done", {"item": entry}


def _told(entry: Json, part: str, words: str, place: Json, content: Json) -> Iterator[tuple[str, Json]]:
    at = {"item_id": entry["id"], **place}
    said = text(content["text"])
    yield f"{part}.added", {**at, "part": {**content, "text": ""}}
    yield from ((f"{words}.delta", {**at, "delta": piece}) for piece in pieces(said))
    yield f"{words}.done", {**at, "text": said}
    yield f"{part}.done", {**at, "part": content}


def _given(entry: Json, name: str, field: str) -> Iterator[tuple[str, Json]]:
    at: dict[str, Any] = {"item_id": entry["id"]}
    value = text(entry[field])
    yield from ((f"{name}.delta", {**at, "delta": piece}) for piece in pieces(value))
    yield f"{name}.done", {**at, field: value}


DIALECT: Final = ModelDialect(
    name="openai-responses",
    read=_read,
    whole=_whole,
    events=_events,
    failure=failure_of,
    named_events=True,
)
