"""Reading tokens off answers as they pass: bytes in, usage out, no I/O.

Each provider counts in its own way; `TokenUsage` leaves cached tokens out of `input`. Anthropic reports them apart
(Messages API), OpenAI and Gemini include them in the input they report (`prompt_tokens_details.cached_tokens`,
`input_tokens_details.cached_tokens`, `cachedContentTokenCount`); Gemini reports thoughts beside the candidates' tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from muster.domain.usage import TokenUsage

Json = dict[str, Any]
MOST_BYTES: Final = 64 * 1024 * 1024
_decode: Final = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Reading:
    """What an answer says of itself so far. `usage` is None while it says nothing of tokens."""

    usage: TokenUsage | None = None
    model: str = ""
    stop: str = ""
    error: str = ""


Take = Callable[[Json, Reading], None]


class UsageReader:
    """Fed with the body of one answer in pieces of any size; `finish` when it is over."""

    def __init__(self, take: Take, *, stream: bool) -> None:
        self._take = take
        self._stream = stream
        self._rest = bytearray()
        self.reading = Reading()

    def feed(self, data: bytes) -> None:
        """A piece of the body."""
        if len(self._rest) + len(data) > MOST_BYTES:
            return
        self._rest += data
        if self._stream and b"\n" in data:
            *lines, rest = bytes(self._rest).split(b"\n")
            self._rest = bytearray(rest)
            for line in lines:
                self._line(line)

    def finish(self) -> Reading:
        """The body is over, or broke off; what it said."""
        rest = bytes(self._rest)
        if self._stream and not rest.lstrip().startswith((b"[", b"{")):
            self._line(rest)
        elif rest.strip():
            self._whole(rest)
        return self.reading

    def _line(self, line: bytes) -> None:
        text = line.strip()
        if text.startswith(b"data:"):
            self._object(text[5:].strip())

    def _whole(self, body: bytes) -> None:
        try:
            value = _decode(body)
        except (msgspec.DecodeError, RecursionError):
            return
        for entry in cast(list[Any], value) if isinstance(value, list) else [value]:
            self._give(entry)

    def _object(self, text: bytes) -> None:
        try:
            self._give(_decode(text))
        except (msgspec.DecodeError, RecursionError):
            return

    def _give(self, value: Any) -> None:
        if not isinstance(value, dict):
            return
        found = cast(Json, value)
        error = found.get("error")
        if error:
            self.reading.error = _words(error)
        self._take(found, self.reading)


def _words(error: Any) -> str:
    if isinstance(error, dict):
        fields = cast(Json, error)
        return " ".join(
            str(fields[name]) for name in ("type", "code", "status", "message") if fields.get(name)
        )[:2000]
    return str(error)[:2000]


def _child(value: Json, name: str) -> Json:
    found = value.get(name)
    return cast(Json, found) if isinstance(found, dict) else {}


def _count(value: Json, name: str) -> int:
    found = value.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0


def take_anthropic(event: Json, reading: Reading) -> None:
    """Messages API: `message_start` has the input, `message_delta` the output so far (cumulative)."""
    message = _child(event, "message") or event
    reading.model = str(message.get("model") or reading.model)
    reading.stop = str(
        message.get("stop_reason") or _child(event, "delta").get("stop_reason") or reading.stop
    )
    usage = _child(message, "usage") or _child(event, "usage")
    if not usage:
        return
    before = reading.usage or TokenUsage()
    reading.usage = TokenUsage(
        input=_count(usage, "input_tokens") or before.input,
        output=_count(usage, "output_tokens") or before.output,
        cache_read=_count(usage, "cache_read_input_tokens") or before.cache_read,
        cache_write=_count(usage, "cache_creation_input_tokens") or before.cache_write,
        reasoning=_count(_child(usage, "output_tokens_details"), "thinking_tokens") or before.reasoning,
    )


def take_openai(event: Json, reading: Reading) -> None:
    """Responses API (`response.completed`) and Chat Completions (the last chunk, or the whole body)."""
    response = _child(event, "response") or event
    reading.model = str(response.get("model") or reading.model)
    reading.stop = str(response.get("status") or _finish_reason(event) or reading.stop)
    failed = response.get("error")
    if failed:
        reading.error = _words(failed)
    usage = _child(response, "usage")
    if usage:
        reading.usage = _openai_usage(usage)


def _openai_usage(usage: Json) -> TokenUsage:
    given = _child(usage, "input_tokens_details") or _child(usage, "prompt_tokens_details")
    made = _child(usage, "output_tokens_details") or _child(usage, "completion_tokens_details")
    cached, written = _count(given, "cached_tokens"), _count(given, "cache_write_tokens")
    total = _count(usage, "input_tokens") or _count(usage, "prompt_tokens")
    return TokenUsage(
        input=max(total - cached - written, 0),
        output=_count(usage, "output_tokens") or _count(usage, "completion_tokens"),
        cache_read=cached,
        cache_write=written,
        reasoning=_count(made, "reasoning_tokens"),
    )


def _finish_reason(event: Json) -> str:
    choices = event.get("choices")
    if not isinstance(choices, list):
        return ""
    reasons = [
        cast(Json, choice).get("finish_reason")
        for choice in cast(list[Any], choices)
        if isinstance(choice, dict)
    ]
    return str(next((reason for reason in reasons if reason), ""))


def take_gemini(event: Json, reading: Reading) -> None:
    """generateContent and streamGenerateContent: every piece has the counts so far."""
    reading.model = str(event.get("modelVersion") or reading.model)
    usage = _child(event, "usageMetadata")
    if not usage:
        return
    cached = _count(usage, "cachedContentTokenCount")
    thoughts = _count(usage, "thoughtsTokenCount")
    reading.usage = TokenUsage(
        input=max(_count(usage, "promptTokenCount") + _count(usage, "toolUsePromptTokenCount") - cached, 0),
        output=_count(usage, "candidatesTokenCount") + thoughts,
        cache_read=cached,
        reasoning=thoughts,
    )
