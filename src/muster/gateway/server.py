"""The gateway: takes an attempt's calls to models, forwards them, and reads what they cost off the answers.

Answers pass byte for byte as they come. A run is known by the token in its URL; the provider's key is put in here and
is never seen by a sandbox.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector, web

from muster.agents.adapter import Dialect
from muster.agents.metered import Account, CallRecord
from muster.domain.usage import TokenUsage
from muster.gateway.gatekeeper import Gatekeeper, ProviderDown
from muster.gateway.keyring import Key, Keyring, opens_in, used_up
from muster.gateway.prices import Prices
from muster.gateway.provider import HOP_BY_HOP, TAKES, Provider, error_body
from muster.gateway.run import Run
from muster.gateway.telemetry import JSON, PROTOBUF, BadTelemetry, Signal
from muster.gateway.usage_reader import UsageReader
from muster.sandboxes.doorway import listen

log = logging.getLogger(__name__)

BODY_BYTES: Final = 64 * 1024 * 1024
TELEMETRY_BYTES: Final = 4 * 1024 * 1024
REFUSAL_BYTES: Final = 256 * 1024
KEPT_BYTES: Final = 4 * 1024 * 1024
CONNECT_SECONDS: Final = 15.0
SILENCE_SECONDS: Final = 600.0
COUNTING: Final = ("count_tokens", ":countTokens")


@dataclass(slots=True)
class _Exchange:
    """One call while it lasts."""

    run: Run
    provider: Provider
    key: Key | None
    dialect: str
    request: bytes
    model: str
    at: float
    begun: float
    status: int | None = None
    first_byte: float | None = None
    error: str = ""
    reader: UsageReader | None = None
    answering: web.StreamResponse | None = None
    """Since its first byte went out to the agent."""
    answer: bytearray = field(default_factory=bytearray)
    held: bytearray = field(default_factory=bytearray)
    """What was read of a refusal before it was known whether the agent gets it."""
    successor: Key | None = None
    """The account that takes over because this one's quota is used up."""


class Gateway:
    """Started once beside a worker; each attempt has a run of it."""

    def __init__(self, providers: list[Provider], prices: Prices | None = None) -> None:
        self._providers = {provider.dialect: provider for provider in providers}
        self._gates = {provider.dialect: Gatekeeper(provider.concurrency) for provider in providers}
        self._keyrings = {provider.dialect: Keyring(provider.keys) for provider in providers}
        self._prices = prices or Prices()
        self._runs: dict[str, Run] = {}
        self._client: ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def start(self, socket: Path) -> None:
        """Listen on a unix socket, which is made anew."""
        listener = listen(socket)
        timeout = ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        self._client = ClientSession(
            auto_decompress=False, timeout=timeout, connector=TCPConnector(limit=0), trust_env=False
        )
        app = web.Application(client_max_size=BODY_BYTES)
        app.router.add_post("/run/{token}/otlp/v1/{signal:traces|logs|metrics}", self._take_telemetry)
        app.router.add_route("*", "/run/{token}/{dialect}/{rest:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def close(self) -> None:
        """End all runs and stop listening."""
        for run in list(self._runs.values()):
            self.close_account(run)
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    def open_account(self, *, budget: int | None = None, on_call: Callable[[CallRecord], None]) -> Run:
        """Let an attempt call models."""
        run = Run(budget=budget, on_call=on_call)
        self._runs[run.token] = run
        return run

    def close_account(self, account: Account) -> None:
        """End its calls; its token is worth nothing any more."""
        run = next((run for run in self._runs.values() if run is account), None)
        if run is not None:
            run.cut()
            del self._runs[run.token]

    async def settle_account(self, account: Account) -> None:
        """Close it and wait until its open calls are cut and counted."""
        run = next((run for run in self._runs.values() if run is account), None)
        self.close_account(account)
        if run is not None:
            await run.settled()

    def serves(self, dialect: Dialect) -> bool:
        """Whether there is a provider that speaks it."""
        return dialect in self._providers

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        run = self._runs.get(request.match_info["token"])
        if run is None:
            return web.json_response({"error": {"message": "this run is not known"}}, status=403)
        try:
            dialect = Dialect(request.match_info["dialect"])
        except ValueError:
            return web.json_response({"error": {"message": "no such dialect"}}, status=404)
        provider = self._providers.get(dialect)
        refused = self._refused(run, dialect, provider)
        if refused is not None or provider is None:
            return refused or web.Response(status=404)
        task = cast("asyncio.Task[object]", asyncio.current_task())
        run.open_calls.add(task)
        try:
            return await self._forward(request, run, provider)
        finally:
            run.open_calls.discard(task)

    async def _take_telemetry(self, request: web.Request) -> web.Response:
        run = self._runs.get(request.match_info["token"])
        if run is None or run.closed:
            return web.json_response({"message": "this run is not known, or over"}, status=403)
        kind = request.content_type
        if kind not in (JSON, PROTOBUF):
            return web.json_response({"message": f"neither {JSON} nor {PROTOBUF}"}, status=415)
        body = await _bounded(request, TELEMETRY_BYTES)
        if body is None:
            return web.json_response({"message": f"over {TELEMETRY_BYTES} bytes"}, status=413)
        try:
            run.telemetry.feed(cast(Signal, request.match_info["signal"]), kind, body)
        except BadTelemetry as error:
            return web.json_response({"message": error.message}, status=400)
        return web.Response(body=b"" if kind == PROTOBUF else b"{}", content_type=kind)

    def _refused(self, run: Run, dialect: Dialect, provider: Provider | None) -> web.Response | None:
        if provider is None:
            words = f"no provider is configured for {dialect.value}"
            return _error(dialect, 404, "not_found_error", words)
        match run.refusal():
            case "closed":
                return _error(dialect, 403, "permission_error", "the attempt is over")
            case "budget":
                spent, most = run.cost / 1e6, (run.budget or 0) / 1e6
                words = f"budget_exceeded: the attempt has spent ${spent:.4f} of ${most:.4f}"
                return _error(dialect, 400, "budget_exceeded", words)
            case "":
                return None

    async def _forward(self, request: web.Request, run: Run, provider: Provider) -> web.StreamResponse:
        """Forward it with one account after the other, as long as their quotas are used up."""
        asked = await request.read()
        run.sent += len(asked)
        body = _wanting_usage(asked, provider.dialect, request.path)
        key = self._keyrings[provider.dialect].current()
        while True:
            headers = provider.headers(request.headers, run.token, key)
            if headers is None:
                words = (
                    f"there is no key for {provider.name}: set it where the worker runs, or sign the agent in"
                )
                return _error(provider.dialect, 401, "authentication_error", words)
            exchange = _Exchange(
                run=run,
                provider=provider,
                key=key,
                dialect=_dialect_name(provider.dialect, request.path),
                request=body,
                model=_model_of(body, request.path),
                at=time.time_ns() / 1e9,
                begun=time.monotonic(),
            )
            answer = await self._call(request, exchange, headers)
            if answer is not None:
                return answer
            key = exchange.successor

    async def _call(
        self, request: web.Request, exchange: _Exchange, headers: dict[str, str]
    ) -> web.StreamResponse | None:
        """One call, counted whatever becomes of it. None: its account is used up and another takes over."""
        provider = exchange.provider
        trace, headers["traceparent"] = _trace(request.headers, exchange.run.trace)
        gate = self._gates[provider.dialect]
        try:
            async with gate.place():
                return await self._exchange(request, exchange, headers)
        except ProviderDown as down:
            return _held_back(exchange, down)
        except (ClientError, TimeoutError, OSError) as error:
            what = "did not answer" if exchange.answering is None else "broke off its answer"
            exchange.error = f"{provider.name} {what}: {type(error).__name__}"
            log.warning("%s", exchange.error)
            if exchange.answering is not None:
                return _broken_off(request, exchange.answering)
            return _error(provider.dialect, 502, "api_error", exchange.error)
        except asyncio.CancelledError:
            exchange.error = exchange.error or "cut off"
            raise
        finally:
            gate.note(exchange.status, exchange.error)
            self._settle(exchange, trace)

    async def _exchange(
        self, request: web.Request, exchange: _Exchange, headers: Mapping[str, str]
    ) -> web.StreamResponse | None:
        client = cast(ClientSession, self._client)
        url = f"{exchange.provider.base_url.rstrip('/')}/{request.match_info['rest']}"
        query = {name: value for name, value in request.query.items() if name != "key"}
        async with client.request(
            request.method,
            url,
            params=query,
            data=exchange.request or None,
            headers=headers,
            allow_redirects=False,
        ) as upstream:
            exchange.status = upstream.status
            if await self._hands_over(upstream, exchange):
                return None
            stream = "event-stream" in upstream.headers.get("content-type", "")
            exchange.reader = UsageReader(TAKES[exchange.provider.dialect], stream=stream)
            answer = web.StreamResponse(status=upstream.status, headers=_answer_headers(upstream))
            await answer.prepare(request)
            exchange.answering = answer
            await self._pass_on(upstream, answer, exchange)
            return answer

    async def _hands_over(self, upstream: ClientResponse, exchange: _Exchange) -> bool:
        """Whether the answer says that the account is used up, and another one is open to take over."""
        key = exchange.key
        if upstream.status < 400 or key is None or len(exchange.provider.keys) < 2:
            return False
        while len(exchange.held) < REFUSAL_BYTES and (piece := await upstream.content.readany()):
            exchange.held += piece
        words = bytes(exchange.held)
        if not used_up(upstream.status, words):
            return False
        seconds = opens_in(upstream.headers, words, exchange.at)
        exchange.successor = self._keyrings[exchange.provider.dialect].rest(key, seconds)
        if exchange.successor is None:
            return False
        exchange.answer += words
        exchange.error = f"the quota of {key.name} is used up: {exchange.successor.name} takes over"
        log.warning("%s: %s", exchange.provider.name, exchange.error)
        return True

    async def _pass_on(
        self, upstream: ClientResponse, answer: web.StreamResponse, exchange: _Exchange
    ) -> None:
        async for piece in _pieces(exchange.held, upstream):
            if exchange.first_byte is None:
                exchange.first_byte = time.monotonic() - exchange.begun
            await answer.write(piece)
            exchange.run.received += len(piece)
            if exchange.reader is not None:
                exchange.reader.feed(piece)
            if len(exchange.answer) < KEPT_BYTES:
                exchange.answer += piece[: KEPT_BYTES - len(exchange.answer)]
        await answer.write_eof()

    def _settle(self, exchange: _Exchange, trace: str) -> None:
        """Count the call, whatever became of it."""
        reading = None if exchange.reader is None else exchange.reader.finish()
        usage = TokenUsage() if reading is None or reading.usage is None else reading.usage
        model = (reading.model if reading else "") or exchange.model
        provider = exchange.provider
        price = self._prices.of(provider.name, model, usage, free=provider.free or not usage.total)
        failed = exchange.status is None or exchange.status >= 400
        exchange.run.count(
            CallRecord(
                key=f"call-{secrets.token_hex(8)}",
                at=exchange.at,
                provider=provider.name,
                model=model,
                dialect=exchange.dialect,
                status=exchange.status,
                duration=time.monotonic() - exchange.begun,
                first_byte=exchange.first_byte,
                usage=usage,
                pricing=price.pricing,
                cost=price.cost,
                price_version=price.version,
                stop=reading.stop if reading else "",
                error=exchange.error or (reading.error if reading and failed else ""),
                trace_id=trace,
                request=exchange.request[:KEPT_BYTES],
                answer=bytes(exchange.answer),
            )
        )


async def _pieces(held: bytearray, upstream: ClientResponse) -> AsyncIterator[bytes]:
    if held:
        yield bytes(held)
    async for piece in upstream.content.iter_any():
        yield piece


def _error(dialect: Dialect, status: int, code: str, words: str) -> web.Response:
    return web.json_response(error_body(dialect, code, words), status=status)


def _broken_off(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """An answer that began cannot become another one: the agent sees it break as we did, and not end as if it were whole."""
    if request.transport is not None:
        request.transport.abort()
    return answer


def _held_back(exchange: _Exchange, down: ProviderDown) -> web.Response:
    exchange.status = 503
    exchange.error = f"held back: {exchange.provider.name} is failing and is {down}"
    answer = _error(exchange.provider.dialect, 503, "api_error", exchange.error)
    answer.headers["Retry-After"] = f"{down.seconds:.0f}"
    return answer


def _answer_headers(upstream: ClientResponse) -> dict[str, str]:
    return {name: value for name, value in upstream.headers.items() if name.lower() not in HOP_BY_HOP}


def _dialect_name(dialect: Dialect, path: str) -> str:
    if dialect is not Dialect.OPENAI:
        return dialect.value
    return "openai-responses" if path.rstrip("/").endswith("/responses") else "openai-chat"


def _model_of(body: bytes, path: str) -> str:
    try:
        found = json.loads(body).get("model") if body else None
    except (ValueError, AttributeError):
        found = None
    if isinstance(found, str):
        return found
    _, _, rest = path.partition("/models/")
    return rest.partition(":")[0]


def _wanting_usage(body: bytes, dialect: Dialect, path: str) -> bytes:
    """Chat Completions streams tell their usage only when they are asked to."""
    if dialect is not Dialect.OPENAI or not path.rstrip("/").endswith("/chat/completions"):
        return body
    try:
        asked: Any = json.loads(body)
    except ValueError:
        return body
    if not isinstance(asked, dict) or not cast(dict[str, Any], asked).get("stream"):
        return body
    wanted = cast(dict[str, Any], asked)
    wanted["stream_options"] = {**(wanted.get("stream_options") or {}), "include_usage": True}
    return json.dumps(wanted).encode()


async def _bounded(request: web.Request, most: int) -> bytes | None:
    """The body, decompressed where it came compressed; None when it is larger."""
    body = bytearray()
    try:
        async for piece in request.content.iter_any():
            body += piece
            if len(body) > most:
                return None
    except web.RequestPayloadError:
        return b""
    return bytes(body)


def _trace(headers: Mapping[str, str], usual: str) -> tuple[str, str]:
    """The trace that the call belongs to and the header that says so; the run's own when the agent names none."""
    given = headers.get("traceparent", "")
    parts = given.split("-")
    trace = parts[1] if len(parts) == 4 and len(parts[1]) == 32 else usual
    return trace, f"00-{trace}-{secrets.token_hex(8)}-01"
