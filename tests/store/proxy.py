"""A TCP proxy before PostgreSQL that can go away, or cut the line between a commit and its answer."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """Forwards connections to the server of a database URL; `url` is the way through it."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self.cut_at_commit = False

    @property
    def url(self) -> str:
        target = self._target
        return target._replace(netloc=f"{target.username}:{target.password}@127.0.0.1:{self._port}").geturl()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Accept connections, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut all connections and take no more."""
        if self._server is not None:
            self._server.close()
        self.cut()
        if self._server is not None:
            await self._server.wait_closed()
        self._server = None

    def cut(self) -> None:
        """Cut all connections."""
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        both = {writer, far_writer}
        self._writers |= both
        await asyncio.gather(
            self._forward(reader, far_writer, watched=True), self._forward(far_reader, writer, watched=False)
        )
        self._writers -= both

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, watched: bool
    ) -> None:
        try:
            while data := await reader.read(65536):
                if watched and self.cut_at_commit and b"COMMIT\0" in data:
                    self.cut_at_commit = False
                    writer.write(data)
                    await writer.drain()
                    self.cut()
                    return
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
