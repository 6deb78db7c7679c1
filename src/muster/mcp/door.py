"""The tools for agents at work: a unix socket of the worker, which a sandbox sees in a folder of its own.

The agent knows only a token made for its attempt; the attempt's own token and the server's stay with the worker.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from muster.agents.work_door import Attempt, Listener
from muster.client.client import Client
from muster.domain.errors import Unauthenticated
from muster.mcp.http import Headers, HttpTools, bearer_of, seated
from muster.mcp.seat import Seat
from muster.sandboxes.doorway import listen

PATH: Final = "/mcp"
LAST_SECONDS: Final = 1


class AgentTools:
    """Listens for agents; each attempt has a seat, found by its token."""

    def __init__(self, client: Client, version: str) -> None:
        self._client = client
        self._seats: dict[str, tuple[Attempt, Listener]] = {}
        self._tools = HttpTools(version, self._seat)
        self._stopping = False

    def open_seat(self, attempt: Attempt, listener: Listener) -> str:
        """Let an agent use the tools for its attempt; the bearer token by which it is known."""
        bearer = secrets.token_urlsafe(24)
        self._seats[bearer] = (attempt, listener)
        return bearer

    def close_seat(self, bearer: str) -> None:
        """The token is worth nothing any more."""
        self._seats.pop(bearer, None)

    def _seat(self, headers: Headers) -> Seat:
        found = self._seats.get(bearer_of(headers) or "")
        if found is None:
            raise Unauthenticated()
        seat = seated(Seat(client=self._client, stopping=lambda: self._stopping), headers)
        seat.held, seat.listener = found
        return seat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of an agent."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if (bearer_of(headers) or "") not in self._seats:
            refused = JSONResponse({"error": "this agent is not known"}, 401)
            await refused(scope, receive, send)
            return
        await self._tools(scope, receive, send)

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncGenerator[None]:
        """While agents are served, on a unix socket that is made anew."""
        listener = listen(path)
        listener.setblocking(False)
        config = uvicorn.Config(
            self,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=LAST_SECONDS,
        )
        server = _Quiet(config)
        async with self._tools.running(), asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve(sockets=[listener]))
            try:
                yield
            finally:
                self._stopping = True
                server.should_exit = True
                await asyncio.wait({serving})


class _Quiet(uvicorn.Server):
    """Leaves signals to whoever runs the program."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take none."""
        yield
