"""A minimal HTTP/1.1 keep-alive client: one connection, one request at a time, no parsing beyond need.

It costs a few microseconds a request, so that a load tool on the same cores takes little from the
server. Answers need a Content-Length; chunked ones are refused with an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

Answered = Callable[[int, bytes], None]
_JSON = msgspec.json.Encoder()


class ServerClosed(Exception):
    """The server closed a connection in the middle of an answer, or before it."""


class Connection(asyncio.Protocol):
    """`send` a prepared request; `answered(status, body)` is called with its answer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._body_at = 0
        self._end = 0
        self._status = 0
        self._answered: Answered | None = None
        self._lost: Callable[[Exception], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and self._lost is not None:
            self._lost(exc or ServerClosed("the server closed the connection before its answer was complete"))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data if self._buffer else data
        if not self._end and not self._read_head(buffer):
            return
        if len(buffer) < self._end:
            return
        answered, self._answered = self._answered, None
        body, self._buffer, self._end = buffer[self._body_at : self._end], b"", 0
        if answered is None:
            raise RuntimeError("an answer without a request")
        answered(self._status, body)

    def _read_head(self, buffer: bytes) -> bool:
        head_end = buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return False
        at = buffer.find(b"content-length:", 0, head_end)
        if at < 0:
            at = buffer[:head_end].lower().find(b"content-length:")
        self._status = int(buffer[9:12])
        self._body_at = head_end + 4
        if at < 0:
            if self._status != 204:
                raise RuntimeError(f"an answer without Content-Length: {buffer[:head_end]!r}")
            self._end = self._body_at
        else:
            line_end = buffer.find(b"\r\n", at)
            self._end = self._body_at + int(buffer[at + 15 : line_end])
        return True

    def send(self, request: bytes, answered: Answered, lost: Callable[[Exception], None]) -> None:
        """Send one request; only after the last one was answered."""
        if self._transport is None:
            raise RuntimeError("not connected")
        self._answered, self._lost = answered, lost
        self._transport.write(request)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send one request and wait for its answer."""
        future: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

        def answered(status: int, body: bytes) -> None:
            if not future.done():
                future.set_result((status, body))

        def lost(error: Exception) -> None:
            if not future.done():
                future.set_exception(error)

        self.send(request, answered, lost)
        return await future

    async def json(self, request: bytes, *, expect: tuple[int, ...] = (200, 201)) -> Any:
        """The decoded answer; an unexpected status is an error with the answer's text."""
        status, body = await self.ask(request)
        if status not in expect:
            raise RuntimeError(f"{request[:80]!r} was answered {status}: {body[:500]!r}")
        return msgspec.json.decode(body) if body else None

    def close(self) -> None:
        """Close the connection."""
        self._answered = None
        if self._transport is not None:
            self._transport.close()


async def connect(port: int) -> Connection:
    """A connection to the server on loopback."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


def request(method: str, path: str, body: Any = None, *, token: str | None = None) -> bytes:
    """The bytes of a request; `body` is encoded as JSON."""
    payload = b"" if body is None else body if isinstance(body, bytes) else _JSON.encode(body)
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    if token:
        head += f"authorization: Bearer {token}\r\n"
    if payload:
        head += f"content-type: application/json\r\ncontent-length: {len(payload)}\r\n"
    elif method != "GET":
        head += "content-length: 0\r\n"
    return (head + "\r\n").encode() + payload
