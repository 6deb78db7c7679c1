"""A plain conversation in the words of the three kinds of providers: what to send, and what their answers say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from muster.agents.wire import count, obj, objs, text

Json = dict[str, Any]
Request = tuple[str, dict[str, str], Json]
MAX_TOKENS: Final = 8_192
"""Anthropic's API wants one; `parameters` may say another."""


@dataclass(slots=True)
class Heard:
    """What an answer has said of itself so far."""

    model: str = ""
    stop: str = ""
    usage: dict[str, int] = field(default_factory=dict[str, int])


class Dialect(Protocol):
    """One of them."""

    def request(self, asked: Json, messages: list[Json]) -> Request:
        """URL, headers and body; an empty URL when there is no way."""
        ...

    def read(self, event: Json, heard: Heard) -> Iterator[tuple[str, str]]:
        """Words (`message`) and thoughts (`thinking`) of an event of a stream or of a whole answer."""
        ...


class Anthropic:
    """The Messages API."""

    def request(self, asked: Json, messages: list[Json]) -> Request:
        """What to send."""
        url = _way("ANTHROPIC_BASE_URL", "/v1/messages")
        headers = {"x-api-key": _key("ANTHROPIC_API_KEY"), "anthropic-version": "2023-06-01"}
        told = [{"role": message["role"], "content": message["text"]} for message in messages]
        body = {"model": asked["model"], "max_tokens": MAX_TOKENS, "messages": told, "stream": True}
        system = {"system": asked["system"]} if asked.get("system") else {}
        return url, _headers(headers), {**body, **system, **asked["parameters"]}

    def read(self, event: Json, heard: Heard) -> Iterator[tuple[str, str]]:
        """What an event says. Usage comes at the start and, so far, at the end."""
        message, delta = obj(event.get("message")) or event, obj(event.get("delta"))
        heard.model = text(message.get("model")) or heard.model
        heard.stop = text(delta.get("stop_reason")) or text(message.get("stop_reason")) or heard.stop
        usage = obj(message.get("usage")) or obj(event.get("usage"))
        _note(
            heard,
            input=count(usage.get("input_tokens")),
            output=count(usage.get("output_tokens")),
            cache_read=count(usage.get("cache_read_input_tokens")),
            cache_write=count(usage.get("cache_creation_input_tokens")),
        )
        for part in (delta, *objs(event.get("content"))):
            yield from _said("message", part.get("text"))
            yield from _said("thinking", part.get("thinking"))


class OpenAi:
    """Chat Completions, as OpenAI, Ollama, vLLM and many others speak it."""

    def request(self, asked: Json, messages: list[Json]) -> Request:
        """What to send."""
        url = _way("OPENAI_BASE_URL", "/chat/completions")
        told = [{"role": message["role"], "content": message["text"]} for message in messages]
        system = [{"role": "system", "content": asked["system"]}] if asked.get("system") else []
        body = {
            "model": asked["model"],
            "messages": [*system, *told],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        headers = _headers({"authorization": f"Bearer {_key('OPENAI_API_KEY')}"})
        return url, headers, {**body, **asked["parameters"]}

    def read(self, event: Json, heard: Heard) -> Iterator[tuple[str, str]]:
        """What an event says. What it was given holds what came from a cache."""
        heard.model = text(event.get("model")) or heard.model
        usage = obj(event.get("usage"))
        cached = count(obj(usage.get("prompt_tokens_details")).get("cached_tokens"))
        _note(
            heard,
            input=count(usage.get("prompt_tokens")) - cached,
            output=count(usage.get("completion_tokens")),
            cache_read=cached,
            reasoning=count(obj(usage.get("completion_tokens_details")).get("reasoning_tokens")),
        )
        for choice in objs(event.get("choices"))[:1]:
            heard.stop = text(choice.get("finish_reason")) or heard.stop
            part = obj(choice.get("delta")) or obj(choice.get("message"))
            yield from _said("thinking", part.get("reasoning_content") or part.get("reasoning"))
            yield from _said("message", part.get("content"))


class Gemini:
    """generateContent."""

    def request(self, asked: Json, messages: list[Json]) -> Request:
        """What to send."""
        model = str(asked["model"]).removeprefix("models/")
        url = _way("GOOGLE_GEMINI_BASE_URL", f"/v1beta/models/{model}:streamGenerateContent?alt=sse")
        roles = {"assistant": "model"}
        told = [
            {"role": roles.get(message["role"], "user"), "parts": [{"text": message["text"]}]}
            for message in messages
        ]
        system = {"systemInstruction": {"parts": [{"text": asked["system"]}]}} if asked.get("system") else {}
        headers = _headers({"x-goog-api-key": _key("GEMINI_API_KEY")})
        return url, headers, {"contents": told, **system, **asked["parameters"]}

    def read(self, event: Json, heard: Heard) -> Iterator[tuple[str, str]]:
        """What an event says. Every one has the counts so far; thoughts are counted apart."""
        heard.model = text(event.get("modelVersion")) or heard.model
        usage = obj(event.get("usageMetadata"))
        cached, thought = count(usage.get("cachedContentTokenCount")), count(usage.get("thoughtsTokenCount"))
        _note(
            heard,
            input=count(usage.get("promptTokenCount")) - cached,
            output=count(usage.get("candidatesTokenCount")) + thought,
            cache_read=cached,
            reasoning=thought,
        )
        heard.stop = text(obj(event.get("promptFeedback")).get("blockReason")) or heard.stop
        for candidate in objs(event.get("candidates"))[:1]:
            heard.stop = text(candidate.get("finishReason")) or heard.stop
            for part in objs(obj(candidate.get("content")).get("parts")):
                yield from _said("thinking" if part.get("thought") else "message", part.get("text"))


DIALECTS: Final[Mapping[str, Dialect]] = {"anthropic": Anthropic(), "openai": OpenAi(), "gemini": Gemini()}


def _way(variable: str, path: str) -> str:
    base = os.environ.get(variable, "")
    return f"{base.rstrip('/')}{path}" if base else ""


def _key(variable: str) -> str:
    return os.environ.get(variable, "")


def _headers(own: dict[str, str]) -> dict[str, str]:
    return {"content-type": "application/json", **own}


def _note(heard: Heard, **counts: int) -> None:
    """Counts are so far: what is not said again stays."""
    heard.usage |= {name: found for name, found in counts.items() if found > 0}


def _said(kind: str, words: Any) -> Iterator[tuple[str, str]]:
    if isinstance(words, str) and words:
        yield kind, words
