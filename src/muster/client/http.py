"""Requests over HTTP, to a TCP address or a unix socket, with kept connections that survive a server's restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import aiohttp

from muster.client.errors import Unreachable
from muster.client.transport import DEFAULT_SECONDS, IDEMPOTENT, Query, Response

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 90.0
"""A stream that is silent for so long (no heartbeat either) is dead."""
CHUNK: Final = 65_536


class HttpTransport:
    """`base_url` is `http://HOST:PORT`, or `unix:PATH`.

    A request that found no connection is tried again for `retry_seconds`; one that lost its
    connection is too, if it is idempotent. Must be closed.
    """

    def __init__(self, base_url: str, *, retry_seconds: float = 3.0) -> None:
        self._socket = base_url.removeprefix("unix:") if base_url.startswith("unix:") else None
        self._base = "http://muster" if self._socket else base_url.rstrip("/")
        self._retry_seconds = retry_seconds
        self._session: aiohttp.ClientSession | None = None
        self._address = base_url

    @property
    def address(self) -> str:
        """The URL or socket it leads to."""
        return self._address

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
        """One request; see the class for retries. Unreachable when all failed."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._retry_seconds
        pause = FIRST_PAUSE
        repeatable = method in IDEMPOTENT if idempotent is None else idempotent
        while True:
            try:
                return await self._once(method, path, query, body, headers, timeout)
            except aiohttp.ClientConnectorError as error:
                problem = _problem(error)
            except (aiohttp.ClientError, OSError) as error:
                problem = _problem(error)
                if not repeatable:
                    raise Unreachable(address=self._address, problem=problem) from error
            if loop.time() + pause > give_up:
                raise Unreachable(address=self._address, problem=problem)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _once(
        self,
        method: str,
        path: str,
        query: Query,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        timeout: float,
    ) -> Response:
        async with self._opened().request(
            method,
            self._base + path,
            params=list(query) or None,
            data=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_SECONDS),
            allow_redirects=False,
        ) as answer:
            return Response(answer.status, await answer.read(), _lower(answer.headers))

    async def stream(
        self, path: str, *, query: Query = (), headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[bytes | Response]:
        """A GET without an end; see StreamingTransport. Unreachable when the connection cannot be made or breaks."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        try:
            async with self._opened().get(
                self._base + path, params=list(query) or None, headers=headers, timeout=limits
            ) as answer:
                head = _lower(answer.headers)
                if answer.status != 200:
                    yield Response(answer.status, await answer.read(), head)
                    return
                yield Response(answer.status, b"", head)
                async for part in answer.content.iter_any():
                    yield part
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(address=self._address, problem=_problem(error)) from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = (
                aiohttp.UnixConnector(path=str(Path(self._socket)), limit=0)
                if self._socket
                else aiohttp.TCPConnector(limit=0)
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
            )
        return self._session

    async def close(self) -> None:
        """Close the kept connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _problem(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
