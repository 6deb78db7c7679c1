"""The way out of a sandbox without a network to hosts that are allowed: an HTTP proxy on a unix socket.

Programs inside reach it over the relay. Names are looked up out here, after the rules; what a name stands for is
checked too, so that no allowed name leads to this host.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from muster.domain.egress import HostRule, rule_for
from muster.sandboxes.doorway import listen

log = logging.getLogger(__name__)

HEAD_BYTES: Final = 65_536
HEAD_SECONDS: Final = 15.0
CONNECT_SECONDS: Final = 15.0
CHUNK: Final = 65_536
MOST_CONNECTIONS: Final = 256
DROPPED: Final = frozenset({"proxy-connection", "proxy-authorization", "connection", "keep-alive"})
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class _Refused(Exception):
    status: str
    words: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request's target; `head` is what is passed on to it first, nothing for a tunnel."""

    host: str
    port: int
    head: bytes


@dataclass(slots=True)
class Traffic:
    """Bytes that went through a proxy, as those inside see it: received and sent."""

    received: int = 0
    sent: int = 0


class EgressProxy:
    """Passes on CONNECT and plain HTTP requests to allowed hosts; `on_refused` hears of others in words, once for each."""

    def __init__(
        self, rules: Sequence[HostRule], on_refused: Callable[[str], None], traffic: Traffic | None = None
    ) -> None:
        """`traffic` counts what goes to hosts and comes from them, as it goes on."""
        self._traffic = traffic or Traffic()
        self._rules = rules
        self._on_refused = on_refused
        self._told: set[tuple[str, int]] = set()
        self._open: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, socket: Path) -> AsyncGenerator[None]:
        """Listen on a unix socket while the block runs; then all connections are cut."""
        server = await asyncio.start_unix_server(self._serve, sock=listen(socket), limit=HEAD_BYTES)
        try:
            yield
        finally:
            server.close()
            for task in list(self._open):
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            with suppress(OSError):
                socket.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= MOST_CONNECTIONS:
            writer.close()
            return
        self._open.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("a connection out of a sandbox ended: %s", error)
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            asked = read_request(head)
            far_reader, far_writer = await self._reach(asked)
        except _Refused as refused:
            writer.write(_refusal(refused))
            await writer.drain()
            return
        try:
            if asked.head:
                far_writer.write(asked.head)
                self._traffic.sent += len(asked.head)
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._both_ways((reader, writer), (far_reader, far_writer))
        finally:
            far_writer.close()

    async def _both_ways(self, near: Streams, far: Streams) -> None:
        """Bytes in both directions until both have ended, or one broke."""

        def sent(size: int) -> None:
            self._traffic.sent += size

        def received(size: int) -> None:
            self._traffic.received += size

        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(near[0], far[1], sent))
            group.create_task(_copy(far[0], near[1], received))

    async def _reach(self, asked: _Asked) -> Streams:
        host, port = asked.host, asked.port
        rule = rule_for(self._rules, host, port)
        if rule is None:
            raise self._refuse(host, port, "is not among the hosts that this task may reach (allow_hosts)")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
                addresses = [str(entry[4][0]) for entry in found]
                may = [
                    text for text in addresses if rule.reaches(ipaddress.ip_address(text.partition("%")[0]))
                ]
                if not may:
                    raise self._refuse(
                        host, port, f"stands for {addresses[0]}, which is no address it may reach"
                    )
                return await asyncio.open_connection(may[0], port, limit=CHUNK)
        except TimeoutError:
            raise _Refused("504 Gateway Timeout", f"{host}:{port} did not answer") from None
        except OSError as error:
            raise _Refused("502 Bad Gateway", f"{host}:{port}: {error.strerror or error}") from None

    def _refuse(self, host: str, port: int, words: str) -> _Refused:
        told = f"{host[:255]}:{port} {words}"
        if (host, port) not in self._told and len(self._told) < MOST_CONNECTIONS:
            self._told.add((host, port))
            self._on_refused(told)
        return _Refused("403 Forbidden", told)


def read_request(head: bytes) -> _Asked:
    """What a proxy request wants."""
    line, *fields = head.decode("latin-1").split("\r\n")
    method, _, rest = line.partition(" ")
    target, _, version = rest.rpartition(" ")
    try:
        url = urlsplit(f"//{target}" if method == "CONNECT" else target)
        host, port = url.hostname, url.port
    except ValueError:
        host, port, url = None, None, urlsplit("")
    if not version.startswith("HTTP/1.") or not host:
        raise _Refused("400 Bad Request", "this is a proxy: it takes CONNECT, and http:// addresses in full")
    if method == "CONNECT":
        return _Asked(host, port or 443, b"")
    if url.scheme != "http":
        raise _Refused(
            "400 Bad Request", f"it does not speak {url.scheme or 'that'}: use CONNECT for all but http://"
        )
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    kept = [field for field in fields if field and field.partition(":")[0].strip().lower() not in DROPPED]
    lines = [f"{method} {path} {version}", *kept, "Connection: close", "", ""]
    return _Asked(host, port or 80, "\r\n".join(lines).encode("latin-1"))


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[int], None]
) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            count(len(data))
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


def _refusal(refused: _Refused) -> bytes:
    body = f"muster: {refused.words}\n".encode()
    return (
        f"HTTP/1.1 {refused.status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body
