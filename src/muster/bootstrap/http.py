"""The HTTP server around the API: its socket, its protocols, its orderly end."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from muster.api.stream_protocol import SocketProtocol
from muster.bootstrap.settings import Settings
from muster.domain.errors import Category, MusterError

BACKLOG: Final = 2_048
SOCKET_MESSAGE_BYTES: Final = 65_536


class PortInUse(MusterError):
    """Port {port} of {host} is in use by another program. Choose another one with --port or MUSTER_PORT."""

    code = "port_in_use"
    category = Category.UNAVAILABLE


class CannotListen(MusterError):
    """Cannot listen on {host}:{port}: {problem}."""

    code = "cannot_listen"
    category = Category.UNAVAILABLE


def bind(settings: Settings) -> socket.socket:
    """The listening socket, or a clear refusal before anything else is touched."""
    host, port = settings.server.host, settings.server.port
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With the protocol named asyncio sends small answers at once; else they may wait 40 ms for an acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise CannotListen(host=host, port=port, problem=error.strerror or str(error)) from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(host=host, port=port) from error
        raise CannotListen(host=host, port=port, problem=error.strerror or str(error)) from error
    listener.setblocking(False)
    return listener


class JoinedWrites:
    """A transport whose writes of one loop turn leave in one system call.

    uvicorn writes an answer's head and its body apart: two calls, two packets, and a client woken twice.
    Measured: a fifth of the server's time at full load.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []
        self._call_soon = asyncio.get_running_loop().call_soon

    def write(self, data: bytes) -> None:
        """Send with whatever else is written in this turn."""
        if not self._parts:
            self._call_soon(self._flush)
        self._parts.append(data)

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def close(self) -> None:
        """Send what was written, then hang up."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class JoiningProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol over `JoinedWrites`; a socket that is upgraded gets the plain transport back."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client connected."""
        super().connection_made(cast(asyncio.Transport, JoinedWrites(transport)))
        self._plain = transport

    def handle_websocket_upgrade(self) -> None:
        """The client wants to speak WebSocket."""
        self.transport = self._plain
        super().handle_websocket_upgrade()


class HttpServer(uvicorn.Server):
    """uvicorn that says so, once, when it is asked to end."""

    def __init__(self, app: Any, *, on_stop: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=JoiningProtocol,
                ws=SocketProtocol,
                ws_max_size=SOCKET_MESSAGE_BYTES,
                ws_per_message_deflate=False,
                ws_ping_interval=None,
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=3,
            )
        )
        self._on_stop = on_stop
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM or Ctrl-C: the first ends in order, the second at once."""
        if self.should_exit_soon:
            self.force_exit = True
            self.should_exit = True
            return
        self.should_exit_soon = True
        self._loop.call_soon_threadsafe(self._on_stop)

    should_exit_soon: bool = False
