"""A real server on loopback with live streams, and clients of them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from muster.api.stream_protocol import SocketProtocol
from muster.commands.activities import NewActivity, post_activity
from muster.store.database import Store

SECONDS = 20
Message = dict[str, Any]


class LiveServer:
    """The app behind uvicorn, as `muster up` runs it."""

    def __init__(self, app: Any) -> None:
        self.config = uvicorn.Config(
            app,
            http="httptools",
            ws=SocketProtocol,
            ws_max_size=65_536,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=2,
        )
        self.server = uvicorn.Server(self.config)
        self.port = 0

    async def start(self) -> None:
        self.bound = socket.socket(proto=socket.IPPROTO_TCP)
        self.bound.bind(("127.0.0.1", 0))
        self.bound.listen(200)
        self.port = self.bound.getsockname()[1]
        self.config.load()
        self.server.lifespan = self.config.lifespan_class(self.config)
        await self.server.startup(sockets=[self.bound])

    async def stop(self) -> None:
        if self.port:
            self.port = 0
            self.server.should_exit = True
            await self.server.shutdown(sockets=[self.bound])

    @property
    def sockets(self) -> list[SocketProtocol]:
        """The server's side of the open sockets."""
        return [one for one in self.server.server_state.connections if isinstance(one, SocketProtocol)]

    @asynccontextmanager
    async def socket(
        self, path: str = "/ws", headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Listener]:
        async with connect(
            f"ws://127.0.0.1:{self.port}{path}",
            additional_headers=headers,
            ping_interval=None,
            max_queue=None,
        ) as connection:
            yield Listener(connection)


class Listener:
    """A well-behaved client."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.hello: Message = {}

    async def next(self) -> Message:
        """The next message that is not a heartbeat."""
        while True:
            async with asyncio.timeout(SECONDS):
                message = json.loads(await self.connection.recv())
            if message["type"] != "heartbeat":
                return message

    async def greeted(self) -> Listener:
        self.hello = await self.next()
        assert self.hello["type"] == "hello"
        return self

    async def say(self, **message: Any) -> Message:
        """Send a message and return the next one."""
        await self.connection.send(json.dumps(message))
        return await self.next()

    async def until(self, last: int) -> list[Message]:
        """Events up to a position."""
        events: list[Message] = []
        position = 0
        while position < last:
            message = await self.next()
            assert message["type"] == "events", message
            events += message["events"]
            position = message["seq"]
        return events

    async def closed(self) -> tuple[int, str]:
        """Wait for the server to close; code and reason."""
        async with asyncio.timeout(SECONDS):
            await self.connection.wait_closed()
        return self.connection.close_code or 0, self.connection.close_reason or ""


async def post(store: Store, count: int = 1, text: str | None = None, **about: Any) -> int:
    """Append so many events to the log; the position of the last one."""
    activity = NewActivity(type="note", title="n", description=text, **about)
    await asyncio.gather(*(store.execute(post_activity(activity)) for _ in range(count)))
    return store.feed.head


def positions(events: list[Message]) -> list[int]:
    return [event["seq"] for event in events]
