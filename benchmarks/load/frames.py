"""A minimal WebSocket client: reads text frames over a bare asyncio protocol, answers pings."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable

_TEXT, _CLOSE, _PING = 1, 8, 9


class SocketClient(asyncio.Protocol):
    """`received(payload)` is called with each message as it arrives; fragments are joined."""

    def __init__(self, path: str, token: str | None, received: Callable[[bytes], None]) -> None:
        self._path, self._token, self._received = path, token, received
        self._buffer = b""
        self._upgraded = False
        self._parts: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = ""
        """Why the server closed; empty while it has not."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {self._path} HTTP/1.1",
            "host: 127.0.0.1",
            "upgrade: websocket",
            "connection: Upgrade",
            f"sec-websocket-key: {key}",
            "sec-websocket-version: 13",
        ]
        if self._token:
            lines.append(f"authorization: Bearer {self._token}")
        transport.write("\r\n".join([*lines, "", ""]).encode())  # type: ignore[attr-defined]

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = self.closed or f"connection lost: {exc or 'end of stream'}"
        if not self.open.done():
            self.open.set_exception(ConnectionError(self.closed))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded and not self._upgrade():
            return
        buffer, at = self._buffer, 0
        while (end := self._frame(buffer, at)) > at:
            at = end
        self._buffer = buffer[at:]

    def _upgrade(self) -> bool:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return False
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            self.open.set_exception(ConnectionError(f"no upgrade: {head[:200]!r} {rest[:300]!r}"))
            return False
        self._buffer, self._upgraded = rest, True
        self.open.set_result(None)
        return True

    def _frame(self, buffer: bytes, at: int) -> int:
        """Handle the frame at `at`; the position after it, or `at` when it is not complete."""
        if len(buffer) < at + 2:
            return at
        first, length, body = buffer[at], buffer[at + 1] & 127, at + 2
        if length == 126:
            length, body = int.from_bytes(buffer[at + 2 : at + 4]), at + 4
        elif length == 127:
            length, body = int.from_bytes(buffer[at + 2 : at + 10]), at + 10
        if len(buffer) < body or len(buffer) < body + length:
            return at
        payload = buffer[body : body + length]
        kind = first & 15
        if kind in {0, _TEXT, 2}:
            self._message(payload, final=bool(first & 128))
        elif kind == _PING:
            self._pong(payload)
        elif kind == _CLOSE:
            self.closed = f"closed by the server: {payload!r}"
        return body + length

    def _message(self, payload: bytes, *, final: bool) -> None:
        if final and not self._parts:
            self._received(payload)
            return
        self._parts.append(payload)
        if final:
            whole, self._parts = b"".join(self._parts), []
            self._received(whole)

    def _pong(self, payload: bytes) -> None:
        if self._transport is not None:
            mask = os.urandom(4)
            masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
            self._transport.write(bytes((0x8A, 0x80 | len(payload))) + mask + masked)

    def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()


async def open_sockets(
    port: int, path: str, token: str | None, receivers: list[Callable[[bytes], None]]
) -> list[SocketClient]:
    """One client for each receiver, all upgraded."""
    loop = asyncio.get_running_loop()
    clients: list[SocketClient] = []
    for receiver in receivers:
        _, client = await loop.create_connection(
            lambda receiver=receiver: SocketClient(path, token, receiver), "127.0.0.1", port
        )
        await client.open
        clients.append(client)
    return clients
