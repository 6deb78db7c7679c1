"""The tools over a real server and a real store, on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client as McpClient
from mcp.client.streamable_http import streamable_http_client

from muster.api.app import App
from muster.api.native import create_native_app
from muster.api.services import Services
from muster.bootstrap.mcp import MountedTools
from muster.client.client import Client
from muster.client.http import HttpTransport
from muster.commands.leases import StaleRules, patrol
from tests.api.conftest import scripts, services, sqlite_template, store, where
from tests.api.live import LiveServer

__all__ = ["scripts", "services", "sqlite_template", "store", "where"]


class Place:
    """A server with its tools, and a client of its API."""

    def __init__(self, app: App, server: LiveServer) -> None:
        self.app = app
        self.server = server
        self.url = f"http://127.0.0.1:{server.port}"
        self.client = Client(HttpTransport(self.url))

    @property
    def tools_url(self) -> str:
        return f"{self.url}/mcp"

    async def task(self, title: str = "Write the manual", **fields: Any) -> str:
        body = {"title": title, "kind": "prompt", "queue": "inbox", "description": "All of it."}
        return str((await self.client.post("/tasks", body | fields))["id"])

    async def pending(self) -> dict[str, Any]:
        """The one request that waits for people, as soon as there is one."""
        (found,) = (await self.client.get("/approvals", wait_seconds=15))["items"]
        return found

    async def patrolled(self) -> bool:
        """Whether a look at the clocks left nothing that waits."""
        await self.app.services.store.execute(patrol(StaleRules()))
        return not (await self.client.get("/approvals"))["items"]

    @asynccontextmanager
    async def tools_with(self, headers: dict[str, str]) -> AsyncIterator[McpClient]:
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            McpClient(streamable_http_client(self.tools_url, http_client=http)) as tools,
        ):
            yield tools


@pytest.fixture
async def place(services: Services) -> AsyncIterator[Place]:
    app = create_native_app(services)
    tools = MountedTools(app)
    server = LiveServer(app)
    await server.start()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(tools.run())
        made = Place(app, server)
        yield made
        await made.client.close()
        services.drain.start()
        await server.stop()
        running.cancel()


async def use(tools: McpClient, name: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers; its refusal as an AssertionError."""
    answer = await tools.call_tool(name, arguments)
    text = answer.content[0].text
    assert not answer.is_error, text
    return json.loads(text)


async def refusal(tools: McpClient, name: str, **arguments: Any) -> str:
    """What a tool says when it refuses."""
    answer = await tools.call_tool(name, arguments)
    assert answer.is_error, answer
    return answer.content[0].text
