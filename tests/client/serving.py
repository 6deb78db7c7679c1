"""A real HTTP server on loopback for an ASGI application, which can be stopped and started on the same port."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn


class Serving:
    def __init__(self, app: Any, *, path: str | None = None) -> None:
        self.app = app
        self.path = path
        self.port = 0
        self.server: uvicorn.Server | None = None
        self.stopped: asyncio.Future[None] | None = None

    @property
    def url(self) -> str:
        return f"unix:{self.path}" if self.path else f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        if self.path:
            bound = socket.socket(socket.AF_UNIX)
            bound.bind(self.path)
        else:
            bound = socket.socket()
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(("127.0.0.1", self.port))
            self.port = bound.getsockname()[1]
        bound.listen(100)
        config = uvicorn.Config(
            self.app, lifespan="off", log_level="critical", ws="none", timeout_graceful_shutdown=1
        )
        self.server = uvicorn.Server(config)
        config.load()
        self.server.lifespan = config.lifespan_class(config)
        await self.server.startup(sockets=[bound])
        self.bound = bound

    async def stop(self) -> None:
        if self.server is not None:
            self.server.should_exit = True
            self.server.force_exit = True
            await self.server.shutdown(sockets=[self.bound])
            self.server = None
