"""A model provider on loopback that speaks the three dialects, streaming, and logs what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

WORDS = ["The ", "answer ", "is ", "42."]


class ModelDouble:
    """What it was asked, and how it answers: `fail` is a status with a body that is answered instead."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.fail: list[tuple[int, dict[str, Any], dict[str, str]]] = []
        self.words = list(WORDS)
        self.stop = ""

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json() | {"path": request.path})
        self.headers.append(dict(request.headers))
        if self.fail:
            status, body, headers = self.fail.pop(0)
            return web.json_response(body, status=status, headers=headers)
        events = {"messages": self._anthropic, "completions": self._openai}
        make = events.get(request.path.rsplit("/", 1)[-1], self._gemini)
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        for event in make():
            await answer.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        await answer.write_eof()
        return answer

    def _anthropic(self) -> list[dict[str, Any]]:
        usage = {"input_tokens": 100, "cache_read_input_tokens": 30, "output_tokens": 1}
        return [
            {"type": "message_start", "message": {"model": "claude-sonnet-4-5", "usage": usage}},
            {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Hm."}},
            *(
                {"type": "content_block_delta", "delta": {"type": "text_delta", "text": word}}
                for word in self.words
            ),
            {
                "type": "message_delta",
                "delta": {"stop_reason": self.stop or "end_turn"},
                "usage": {"output_tokens": 7},
            },
        ]

    def _openai(self) -> list[dict[str, Any]]:
        usage = {
            "prompt_tokens": 130,
            "completion_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 30},
        }
        return [
            {"model": "local", "choices": [{"delta": {"reasoning": "Hm."}}]},
            *({"choices": [{"delta": {"content": word}}]} for word in self.words),
            {"choices": [{"delta": {}, "finish_reason": self.stop or "stop"}]},
            {"choices": [], "usage": usage},
        ]

    def _gemini(self) -> list[dict[str, Any]]:
        usage = {
            "promptTokenCount": 130,
            "candidatesTokenCount": 4,
            "thoughtsTokenCount": 3,
            "cachedContentTokenCount": 30,
        }
        parts = [{"text": "Hm.", "thought": True}, *({"text": word} for word in self.words)]
        content = {"content": {"parts": parts}, "finishReason": self.stop or "STOP"}
        return [{"modelVersion": "gemini-2.5-pro", "candidates": [content], "usageMetadata": usage}]

    @asynccontextmanager
    async def served(self) -> AsyncIterator[ModelDouble]:
        """While it listens."""
        app = web.Application()
        app.router.add_post("/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()
