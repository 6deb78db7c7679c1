"""Requests straight into an ASGI application of the same process: no socket, no HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from muster.client.errors import Unreachable
from muster.client.transport import DEFAULT_SECONDS, Query, Response

Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

DISCONNECT_SECONDS: Final = 5.0
"""For an application to notice that nobody waits any more; then it is interrupted."""
ADDRESS: Final = "the server in this process"


class Exchange:
    """One request in the application. Whoever asked may go away; the application is told, and not interrupted."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._gone = asyncio.Event()
        self.answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._status = 500
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []

    async def receive(self) -> Message:
        """The request's body, then its end when the answer is complete or nobody waits for it."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """A part of the answer."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]
            }
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._finish()

    def _finish(self) -> None:
        if not self.answered.done():
            self.answered.set_result(Response(self._status, b"".join(self._parts), self._headers))
        self._gone.set()

    async def run(self, app: AsgiApp, scope: MutableMapping[str, Any]) -> None:
        """Let the application answer; its failure becomes the caller's."""
        try:
            await app(scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the answer
            if not self.answered.done():
                self.answered.set_exception(error)
        finally:
            if not self.answered.done():
                problem = "it ended without an answer"
                self.answered.set_exception(Unreachable(address=ADDRESS, problem=problem))

    def abandon(self) -> None:
        """Nobody waits for the answer any more."""
        self.answered.cancel()
        self._gone.set()


class InProcessTransport:
    """Nothing is held between requests."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    @property
    def address(self) -> str:
        """`the server in this process`."""
        return ADDRESS

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = DEFAULT_SECONDS,
        idempotent: bool | None = None,
    ) -> Response:
        """One request. When it is cancelled or takes longer than `timeout`, the application sees a disconnect first."""
        exchange = Exchange(body or b"")
        scope = _scope(method, path, query, body, headers)
        late = False
        async with asyncio.TaskGroup() as group:
            answering = group.create_task(exchange.run(self._app, scope))
            try:
                async with asyncio.timeout(timeout):
                    await asyncio.wait({answering, exchange.answered}, return_when=asyncio.FIRST_COMPLETED)
            except TimeoutError:
                late = True
                await _abandon(exchange, answering)
            except asyncio.CancelledError:
                await _abandon(exchange, answering)
                raise
        if late:
            raise Unreachable(address=ADDRESS, problem="it took too long")
        return exchange.answered.result()

    async def close(self) -> None:
        """Nothing to let go."""


async def _abandon(exchange: Exchange, answering: asyncio.Task[None]) -> None:
    exchange.abandon()
    await asyncio.wait({answering}, timeout=DISCONNECT_SECONDS)
    answering.cancel()


def _scope(
    method: str, path: str, query: Query, body: bytes | None, headers: Mapping[str, str] | None
) -> dict[str, Any]:
    fields = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    fields.append((b"host", b"localhost"))
    if body is not None:
        fields.append((b"content-length", str(len(body)).encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path, safe="/%:@").encode(),
        "root_path": "",
        "query_string": urlencode(list(query)).encode(),
        "headers": fields,
        "client": ("127.0.0.1", 0),
        "server": ("localhost", None),
        "state": {},
    }
