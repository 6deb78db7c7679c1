"""muster's tools in the server, and for the agents of its worker. The protocol's library is loaded when somebody calls first:
most servers never need it, and it would add a third to the time of every start."""

from __future__ import annotations

import asyncio
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from muster.agents.work_door import Attempt, Listener
from muster.api.app import App
from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.domain.errors import Category, MusterError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from muster.mcp.door import AgentTools
    from muster.mcp.http import Headers, HttpTools
    from muster.mcp.seat import Seat

PATH: Final = "/mcp"
DISTRIBUTION: Final = "muster-fleet"


class ToolsStopped(MusterError):
    """The server stops, so its tools are not to be had any more. Try again when it is back."""

    code = "tools_stopped"
    category = Category.UNAVAILABLE


class MountedTools:
    """The tools at `/mcp`, over the app itself. They answer while `run` runs."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._wanted = asyncio.Event()
        self._tools: asyncio.Future[HttpTools] = asyncio.get_running_loop().create_future()
        app.mount(PATH, self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, the first one when the library is there."""
        self._wanted.set()
        tools = await asyncio.shield(self._tools)
        await tools(scope, receive, send)

    async def run(self) -> None:
        """Until cancelled."""
        await self._wanted.wait()
        await asyncio.to_thread(_load)
        from muster.mcp.http import HttpTools

        tools = HttpTools(version(DISTRIBUTION), self._seat)
        async with tools.running():
            self._tools.set_result(tools)
            await asyncio.Event().wait()

    def _seat(self, headers: Headers) -> Seat:
        from muster.mcp.http import bearer_of, seated
        from muster.mcp.seat import Seat

        client = Client(InProcessTransport(self._app), token=bearer_of(headers))
        drain = self._app.services.drain
        return seated(Seat(client=client, stopping=lambda: drain.started), headers)


class LazyDoor:
    """The tools for agents at work, on a unix socket. They answer while `run` runs."""

    def __init__(self, client: Client, socket: Path) -> None:
        self._client = client
        self.socket = socket
        self._wanted = asyncio.Event()
        self._stop = asyncio.Event()
        self._tools: asyncio.Future[AgentTools] = asyncio.get_running_loop().create_future()

    async def open_seat(self, attempt: Attempt, listener: Listener) -> str:
        """Let an agent use the tools for its attempt; the bearer token by which it is known."""
        self._wanted.set()
        return (await asyncio.shield(self._tools)).open_seat(attempt, listener)

    def close_seat(self, bearer: str) -> None:
        """The token is worth nothing any more."""
        self._tools.result().close_seat(bearer)

    async def run(self) -> None:
        """Until `stop`."""
        await self._wanted.wait()
        if not self._stop.is_set():
            await asyncio.to_thread(_load)
            from muster.mcp.door import AgentTools

            tools = AgentTools(self._client, version(DISTRIBUTION))
            async with tools.listening(self.socket):
                self._tools.set_result(tools)
                await self._stop.wait()
        if not self._tools.done():
            self._tools.set_exception(ToolsStopped())
            self._tools.exception()

    def stop(self) -> None:
        """Serve agents no more."""
        self._stop.set()
        self._wanted.set()


def _load() -> None:
    """Import the library in a thread of its own, for the imports that follow."""
    for module in ("muster.mcp.http", "muster.mcp.door"):
        import_module(module)
