"""Requests straight into an ASGI application of the same process: no socket, no HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from muster.client.errors import Unreachable
from muster.client.transport import DEFAULT_SECONDS, Query, Response

Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

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
    """Used as `async with`. Leaving it waits for requests that are still being answered."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._group = asyncio.TaskGroup()
        self._exchanges: set[Exchange] = set()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.close()
        await self._group.__aexit__(None, None, None)

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
        """One request. When it is cancelled or takes longer than `timeout`, the application sees a disconnect."""
        exchange = Exchange(body or b"")
        self._exchanges.add(exchange)
        try:
            self._group.create_task(exchange.run(self._app, _scope(method, path, query, body, headers)))
            async with asyncio.timeout(timeout):
                return await exchange.answered
        except TimeoutError as error:
            raise Unreachable(address=ADDRESS, problem="it took too long") from error
        finally:
            self._exchanges.discard(exchange)
            exchange.abandon()

    async def close(self) -> None:
        """Tell the application that nobody waits for the answers under way."""
        for exchange in list(self._exchanges):
            exchange.abandon()


def _scope(
    method: str, path: str, query: Query, body: bytes | None, headers: Mapping[str, str] | None
) -> dict[str, Any]:
    fields = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    fields.append((b"host", b"muster"))
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
        "server": ("muster", None),
        "state": {},
    }
