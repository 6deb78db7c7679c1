"""A scripted model server on loopback: real agent programs run against it without a provider, a key or a network.

    python -m muster.testing.model_server --port 8790 --log calls.jsonl

It speaks Anthropic Messages, OpenAI Responses and Chat Completions, and Gemini, streaming and not. A marker in the
prompt says what it does (`[[scenario:edit]]`), or a prefix of the base URL (`http://127.0.0.1:8790/s/edit`).
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from muster.agents.wire import obj
from muster.domain.usage import TokenUsage
from muster.testing.answering import answer_to
from muster.testing.call_log import CallLog, LoggedCall, LoggedUsage
from muster.testing.choosing import Choice, choose
from muster.testing.conversation import Answer, Asked, Event, Json, new_id
from muster.testing.dialects import anthropic, chat, gemini, responses
from muster.testing.dialects.dialect import ModelDialect
from muster.testing.scenarios import SCENARIOS, BadScenario, Failure, Scenario, Turn, read_scenarios

BODY_BYTES: Final = 64 * 1024 * 1024
MODELS: Final = ("scripted", "claude-sonnet-4-5", "gpt-5.5", "gemini-2.5-pro")
_PREFIX: Final = re.compile(r"^/s/(?P<scenario>[A-Za-z0-9_-]+)(?:/r/(?P<run>[A-Za-z0-9_.-]+))?(?P<rest>/.*)$")
_GEMINI: Final = re.compile(r"/models/(?P<model>[^/:]+):(?P<verb>\w+)$")
_ENDINGS: Final[Mapping[str, ModelDialect]] = {
    "/messages": anthropic.DIALECT,
    "/responses": responses.DIALECT,
    "/chat/completions": chat.DIALECT,
}
_KEYS: Final = ("x-api-key", "x-goog-api-key", "authorization")


@dataclass(slots=True)
class _Exchange:
    """One call while it lasts; `told` is what the client has been told of its tokens."""

    asked: Asked
    dialect: ModelDialect
    choice: Choice
    answer: Answer
    turn: Turn | None
    status: int = 200
    outcome: str = "gone"
    told: TokenUsage = field(default_factory=TokenUsage)


class ModelServer:
    """Started once; any number of agents share it. `otherwise` is the scenario of prompts without a marker."""

    def __init__(
        self,
        scenarios: Mapping[str, Scenario] = SCENARIOS,
        *,
        otherwise: str = "edit",
        log: CallLog | None = None,
        keep_bodies: bool = False,
    ) -> None:
        self.log = log or CallLog()
        self._scenarios = scenarios
        self._otherwise = otherwise
        self._keep_bodies = keep_bodies
        self._failed = Counter[tuple[str, ...]]()
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> str:
        """Listen; its address, `http://HOST:PORT`. Port 0: a free one."""
        app = web.Application(client_max_size=BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._serve)
        # A client that went away ends its call, however long that would be silent.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, backlog=512).start()
        return f"http://{host}:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop listening, and end what is still open."""
        if self._runner is not None:
            await self._runner.cleanup()
        self.log.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        prefix = _PREFIX.match(request.path)
        path = prefix["rest"] if prefix else request.path
        if request.method != "POST":
            return _not_a_call(path)
        raw = await request.read()
        try:
            body = obj(json.loads(raw or b"{}"))
        except ValueError:
            return _refused(400, "the body is not JSON")
        if path.endswith("/count_tokens"):
            return web.json_response({"input_tokens": len(raw) // 4})
        if path.endswith(":countTokens"):
            return web.json_response({"totalTokens": len(raw) // 4})
        found = _read(path, body)
        if found is None:
            return _refused(404, f"there is no {path}")
        asked, dialect = found
        named = (prefix["scenario"], prefix["run"] or "") if prefix else (self._otherwise, "")
        return await self._exchange(request, asked, dialect, named, len(raw))

    async def _exchange(
        self, request: web.Request, asked: Asked, dialect: ModelDialect, named: tuple[str, str], size: int
    ) -> web.StreamResponse:
        try:
            choice = choose(asked, self._scenarios, named[0])
        except BadScenario as error:
            status, body = dialect.failure(Failure(status=400, kind=error.code, message=str(error)))
            return web.json_response(body, status=status)
        choice = replace(choice, run=choice.run or named[1])
        answer, turn = answer_to(asked, choice, dialect, size)
        exchange = _Exchange(asked, dialect, choice, answer, turn)
        at = time.time_ns() / 1e9
        try:
            return await self._answer(request, exchange)
        except ConnectionError:
            return web.Response(status=499)
        finally:
            self.log.add(self._record(request, exchange, at))

    async def _answer(self, request: web.Request, exchange: _Exchange) -> web.StreamResponse:
        turn = exchange.turn or Turn()
        failure = self._due(exchange, turn)
        if failure is not None:
            exchange.outcome = "error"
            return _failed(exchange, failure)
        if turn.hang:
            await asyncio.sleep(turn.hang)
        if exchange.asked.stream:
            return await _stream(request, exchange, turn)
        if turn.stall:
            await asyncio.sleep(turn.stall)
        if turn.drop:
            return _drop(request, exchange, web.Response())
        exchange.told, exchange.outcome = exchange.answer.usage, "answered"
        return web.json_response(
            exchange.dialect.whole(exchange.answer), headers={"request-id": new_id("req_")}
        )

    def _due(self, exchange: _Exchange, turn: Turn) -> Failure | None:
        """The error that this call meets; those that come a number of times are counted for each run."""
        failure, choice = turn.error, exchange.choice
        if failure is None or failure.times is None:
            return failure
        key = (choice.run or exchange.asked.last_prompt, choice.scenario.name, str(choice.at))
        self._failed[key] += 1
        return failure if self._failed[key] <= failure.times else None

    def _record(self, request: web.Request, exchange: _Exchange, at: float) -> LoggedCall:
        asked, choice = exchange.asked, exchange.choice
        key = next((request.headers[name] for name in _KEYS if name in request.headers), "")
        return LoggedCall(
            at=at,
            dialect=asked.dialect,
            model=asked.model,
            scenario=choice.scenario.name,
            step=choice.at,
            status=exchange.status,
            outcome=exchange.outcome,
            usage=LoggedUsage.of(exchange.told),
            run=choice.run,
            stream=asked.stream,
            side=exchange.turn is None,
            tools=len(asked.tools),
            calls=[call.name for call in exchange.answer.calls],
            trace_id=_trace_id(request.headers.get("traceparent", "")),
            agent=request.headers.get("user-agent", ""),
            key=hashlib.sha256(key.encode()).hexdigest()[-8:] if key else "",
            body=asked.body if self._keep_bodies else None,
        )


def _read(path: str, body: Json) -> tuple[Asked, ModelDialect] | None:
    """The call, in its dialect; None when the path is nobody's."""
    for ending, dialect in _ENDINGS.items():
        if path.endswith(ending):
            return dialect.read(body, "", False), dialect
    called = _GEMINI.search(path)
    if called is None or called["verb"] not in {"generateContent", "streamGenerateContent"}:
        return None
    return gemini.DIALECT.read(body, called["model"], called["verb"].startswith("stream")), gemini.DIALECT


async def _stream(request: web.Request, exchange: _Exchange, turn: Turn) -> web.StreamResponse:
    events = list(exchange.dialect.events(exchange.answer))
    headers = {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "request-id": new_id("req_"),
    }
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    for at, event in enumerate(events):
        if at == len(events) // 2:
            if turn.drop:
                return _drop(request, exchange, response)
            if turn.stall:
                await asyncio.sleep(turn.stall)
        if turn.slow:
            await asyncio.sleep(turn.slow)
        await response.write(_line(event, named=exchange.dialect.named_events))
        exchange.told = event.usage or exchange.told
    exchange.outcome = "answered"
    await response.write_eof()
    return response


def _line(event: Event, *, named: bool) -> bytes:
    data = event.data if isinstance(event.data, str) else json.dumps(event.data)
    name = f"event: {event.name}\n" if named else ""
    return f"{name}data: {data}\n\n".encode()


def _drop(request: web.Request, exchange: _Exchange, response: web.StreamResponse) -> web.StreamResponse:
    exchange.outcome = "dropped"
    if request.transport is not None:
        request.transport.abort()
    return response


def _failed(exchange: _Exchange, failure: Failure) -> web.Response:
    if failure.resets_after is not None:
        resets_at = round(time.time_ns() / 1e9 + failure.resets_after)
        failure = replace(failure, message=f"{failure.message} (resets_at={resets_at})")
    exchange.status, body = exchange.dialect.failure(failure)
    headers = {"request-id": new_id("req_")}
    if failure.retry_after is not None:
        headers["retry-after"] = f"{failure.retry_after:g}"
    return web.json_response(body, status=exchange.status, headers=headers)


def _not_a_call(path: str) -> web.Response:
    if not path.endswith("/models"):
        return web.Response(text="muster's scripted model server")
    named: list[dict[str, Any]] = [
        {"id": model, "object": "model", "type": "model", "display_name": model, "owned_by": "scripted"}
        for model in MODELS
    ]
    return web.json_response(
        {
            "object": "list",
            "has_more": False,
            "data": named,
            "models": [_for_gemini(model) for model in MODELS],
        }
    )


def _for_gemini(model: str) -> Json:
    return {
        "name": f"models/{model}",
        "displayName": model,
        "supportedGenerationMethods": ["generateContent"],
    }


def _refused(status: int, words: str) -> web.Response:
    return web.json_response(
        {"type": "error", "error": {"type": "not_found_error", "message": words}}, status=status
    )


def _trace_id(traceparent: str) -> str:
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m muster.testing.model_server", description=__doc__)
    parser.add_argument("--port", type=int, default=8790, help="0 for a free one, which it prints")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--log", type=Path, help="one JSON line is added for each call")
    parser.add_argument("--bodies", action="store_true", help="with the calls' bodies")
    parser.add_argument("--scenario", default="edit", help="of prompts without a marker")
    parser.add_argument("--scenarios", type=Path, help="a JSON file of names and steps")
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    scenarios = read_scenarios(options.scenarios.read_text()) if options.scenarios else SCENARIOS
    server = ModelServer(
        scenarios,
        otherwise=options.scenario,
        log=CallLog(options.log),
        keep_bodies=options.bodies,
    )
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    address = await server.start(options.port, options.host)
    sys.stdout.write(f"model server on {address}\n")
    sys.stdout.flush()
    await over.wait()
    await server.close()


def main() -> None:
    """The command line."""
    try:
        asyncio.run(_run(_arguments()))
    except (BadScenario, OSError) as error:
        sys.exit(f"model server: {error}")


if __name__ == "__main__":
    main()
