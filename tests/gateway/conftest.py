from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, UnixConnector, web

from muster.agents.adapter import Dialect
from muster.agents.metered import CallRecord
from muster.gateway.keyring import Key
from muster.gateway.provider import Provider
from muster.gateway.run import Run
from muster.gateway.server import Gateway

KEY = "sk-the-providers-own-key"


@dataclass
class ModelProvider:
    """A provider on loopback: answers what it is told to, and keeps what it was asked."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    pieces: list[bytes] | None = None
    hold: asyncio.Event | None = None
    breaks: bool = False
    asked: list[web.Request] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        text = await request.read()
        self.bodies.append(json.loads(text) if text else None)
        if self.pieces is None:
            return web.Response(status=self.status, body=self.body, content_type=self.content_type)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
        if self.hold is not None:
            await self.hold.wait()
        if self.breaks and request.transport is not None:
            request.transport.close()
        return response


@dataclass
class Bench:
    """A gateway between an agent and a provider."""

    provider: ModelProvider
    gateway: Gateway
    client: ClientSession
    calls: list[CallRecord] = field(default_factory=list)

    def run(self, **fields: Any) -> Run:
        return self.gateway.open_account(on_call=self.calls.append, **fields)

    async def post(self, run: Run | str, path: str, body: Any, **headers: str) -> tuple[int, bytes]:
        token = run if isinstance(run, str) else run.token
        async with self.client.post(
            f"http://gateway/run/{token}/{path}", json=body, headers=headers
        ) as answer:
            return answer.status, await answer.read()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    provider = ModelProvider()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    providers = [
        Provider(
            name=name,
            dialect=dialect,
            base_url=f"http://127.0.0.1:{port}/{name}",
            keys=(Key("OWN_KEY", KEY),),
        )
        for name, dialect in (
            ("anthropic", Dialect.ANTHROPIC),
            ("openai", Dialect.OPENAI),
            ("google", Dialect.GEMINI),
        )
    ]
    gateway = Gateway(providers)
    socket = tmp_path / "gateway.sock"
    await gateway.start(socket)
    async with ClientSession(connector=UnixConnector(str(socket))) as client:
        yield Bench(provider, gateway, client)
    if provider.hold is not None:
        provider.hold.set()
    await gateway.close()
    await runner.cleanup()
