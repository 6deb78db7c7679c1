"""Calls an ASGI app directly: no sockets, but everything a server would send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One request under way; `hang_up` is the caller going away."""

    def __init__(self, body: bytes, pieces: int = 1) -> None:
        size = max(len(body) // pieces, 1)
        parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for number, part in enumerate(parts, 1):
            self._incoming.put_nowait(
                {"type": "http.request", "body": part, "more_body": number < len(parts)}
            )
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        return await self._incoming.get()

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def hang_up(self) -> None:
        self._incoming.put_nowait({"type": "http.disconnect"})

    def reply(self) -> Reply:
        start, *rest = self.sent
        headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Reply(start["status"], headers, b"".join(part.get("body", b"") for part in rest))


class Api:
    """Speaks to an app as a well-behaved client of this machine would, unless told otherwise."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app

    async def call(
        self,
        method: str,
        url: str,
        json_body: Any = None,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        pieces: int = 1,
        connection: Connection | None = None,
    ) -> Reply:
        given = {"host": "127.0.0.1:5005"}
        content = body if body is not None else b"" if json_body is None else json.dumps(json_body).encode()
        if content:
            given["content-type"] = "application/json"
        if content and pieces == 1:
            given["content-length"] = str(len(content))
        elif content:
            given["transfer-encoding"] = "chunked"
        given |= headers or {}
        connection = connection or Connection(content, pieces)
        await self.app(scope_of(method, url, given), connection.receive, connection.send)
        return connection.reply()

    async def get(self, url: str, **more: Any) -> Reply:
        return await self.call("GET", url, **more)

    async def post(self, url: str, json_body: Any = None, **more: Any) -> Reply:
        return await self.call("POST", url, json_body, **more)

    async def patch(self, url: str, json_body: Any = None, **more: Any) -> Reply:
        return await self.call("PATCH", url, json_body, **more)

    async def put(self, url: str, json_body: Any = None, **more: Any) -> Reply:
        return await self.call("PUT", url, json_body, **more)

    async def delete(self, url: str, **more: Any) -> Reply:
        return await self.call("DELETE", url, **more)


def scope_of(method: str, url: str, headers: dict[str, str]) -> dict[str, Any]:
    parts = urlsplit(url)
    encoded: Sequence[tuple[bytes, bytes]] = [
        (name.lower().encode(), value.encode("latin-1")) for name, value in headers.items() if value != ""
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": list(encoded),
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 5005),
    }
