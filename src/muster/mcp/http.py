"""The tools over streamable HTTP. No sessions: every request stands alone, so that a restarted server goes on where it was."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from muster.domain.errors import InvalidInput
from muster.mcp.seat import AGENT, LONGEST_WAIT, WAIT_SECONDS, Seat, read_claim
from muster.mcp.server import Context, build_server

Headers = Mapping[str, str]
AGENT_HEADER: Final = "x-muster-agent"
CLAIM_HEADER: Final = "x-muster-claim"
WAIT_HEADER: Final = "x-muster-wait"
_ONLY_POST: Final = {"error": "this server keeps no sessions and pushes nothing: POST to it"}


class HttpTools:
    """The ASGI app. It answers while `running`; who may call is decided before it."""

    def __init__(self, version: str, seat_of: Callable[[Headers], Seat]) -> None:
        def seat(context: Context) -> Seat:
            return seat_of({} if context.request is None else context.request.headers)

        self._manager = StreamableHTTPSessionManager(app=build_server(version, seat), stateless=True)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """While it may be called; at the end all calls are cut. Once."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":
            await JSONResponse(_ONLY_POST, 405, headers={"allow": "POST"})(scope, receive, send)
            return
        await self._manager.handle_request(scope, receive, send)


def seated(seat: Seat, headers: Headers) -> Seat:
    """The seat as the caller's headers describe it: who it is, what it has claimed, how long it waits. InvalidInput."""
    seat.agent = headers.get(AGENT_HEADER, AGENT)[:200] or AGENT
    seat.wait_seconds = wait_of(headers.get(WAIT_HEADER))
    claim = headers.get(CLAIM_HEADER)
    if claim is not None:
        seat.held = read_claim(claim)
    return seat


def wait_of(text: str | None) -> float:
    """How long to wait for people, in seconds; InvalidInput."""
    if text is None:
        return WAIT_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise InvalidInput(field=WAIT_HEADER, problem=f"must be seconds from 0 to {LONGEST_WAIT:g}")
    return seconds


def bearer_of(headers: Mapping[str, Any]) -> str | None:
    """The token of an Authorization header."""
    kind, _, token = str(headers.get("authorization", "")).partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None
