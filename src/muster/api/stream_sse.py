"""Server-sent events: the log over plain HTTP, for curl, EventSource and proxies that know no sockets."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import Header, Query, Request
from pydantic import Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from muster.api.routing import Route
from muster.api.schemas.shape import Query as QueryModel
from muster.api.services import Services, ServicesHere
from muster.api.stream_events import View, parse_position
from muster.api.stream_hub import Page, StreamHub
from muster.api.stream_socket import view_of
from muster.domain.errors import Overloaded

RETRY_MS: Final = 1_000
_TEXT: Final = "text/event-stream"


class EventsQuery(QueryModel):
    """Which events, from where on."""

    after: str | None = Field(
        default=None,
        max_length=18,
        pattern=r"^[0-9]+$",
        description="Position in the log; events behind it follow. Without it: from now on. "
        "The header `Last-Event-ID`, which browsers send when they reconnect, goes before it.",
        examples=["0"],
    )
    kinds: str | None = Field(
        default=None,
        max_length=2_000,
        description="Comma-separated kinds or nouns.",
        examples=["attempt,task.submitted"],
    )
    task: str | None = Field(default=None, max_length=100, description="Only events of this task.")
    project: str | None = Field(default=None, max_length=100, description="Only events of this project.")


async def get_events(
    request: Request,
    services: ServicesHere,
    query: Annotated[EventsQuery, Query()],
    last_event_id: Annotated[str | None, Header(max_length=18, pattern="^[0-9]*$")] = None,
) -> Response:
    """Events as they happen, as server-sent events.

    Each event has its position as `id`, its kind as `event` and the event as `data`. A comment every 15 seconds
    keeps the connection; the stream ends when the server shuts down. Resume after the last `id` seen.
    """
    hub: StreamHub = request.app.state.streams
    limit = services.streams.event_streams
    if hub.event_streams >= limit:
        raise Overloaded()
    after = parse_position(last_event_id or query.after, "Last-Event-ID" if last_event_id else "after")
    view = view_of(query.kinds, query.task, query.project)
    return EventStream(EventListener(hub, services, view, after))


class EventListener:
    """One client: it holds a position, and one page while that is being sent."""

    def __init__(self, hub: StreamHub, services: Services, view: View, after: int | None) -> None:
        self._hub = hub
        self._drain = services.drain
        self._clients = services.metrics.sse_clients
        self._heartbeat = services.streams.heartbeat_seconds
        self._after = after
        self._something = asyncio.Event()
        self._gone = False
        self.view = view
        self.position = 0

    def push(self, frame: bytes) -> bool:
        """Never: this listener reads pages."""
        return False

    def nudge(self) -> None:
        """Wake the sender."""
        self._something.set()

    async def run(self, receive: Receive, send: Send) -> None:
        """Send until the client hangs up or the server shuts down."""
        self._count(1)
        self._drain.join(self._something)
        try:
            await _write(send, self._opening())
            self._hub.join(self, pull=True)
            async with asyncio.TaskGroup() as group:
                watcher = group.create_task(self._watch(receive))
                await self._send_all(send)
                watcher.cancel()
        finally:
            self._hub.leave(self)
            self._drain.leave(self._something)
            self._count(-1)

    def _count(self, change: int) -> None:
        self._hub.event_streams += change
        self._clients.set(self._hub.event_streams)

    def _opening(self) -> bytes:
        head = self._hub.catch_up_now()
        self.position = head if self._after is None else min(self._after, head)
        resync = (
            b""
            if self._after is None or self._after <= head
            else b'event: resync\ndata: {"seq":%d}\n\n' % head
        )
        return b"retry: %d\nid: %d\n\n%b" % (RETRY_MS, self.position, resync)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._something.set()

    async def _send_all(self, send: Send) -> None:
        while not self._gone and not self._drain.started:
            self._something.clear()
            while self.position < self._hub.position and not self._gone:
                page = await self._hub.page(self.view, self.position)
                self.position = page.position
                if page.events:
                    await _write(send, self._text(page))
            if not await self._woken():
                await _write(send, b": heartbeat\nid: %d\n\n" % self.position)

    async def _woken(self) -> bool:
        """Whether there may be something to send; False: nothing for the time of a heartbeat."""
        try:
            async with asyncio.timeout(self._heartbeat):
                await self._something.wait()
        except TimeoutError:
            return False
        return True

    def _text(self, page: Page) -> bytes:
        texts = self._hub.texts
        return b"".join(
            b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, event.kind.encode(), texts.of(event))
            for event in page.events
        )


class EventStream(Response):
    """The answer that goes on."""

    media_type = _TEXT

    def __init__(self, listener: EventListener) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send."""
        headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._listener.run(receive, send)
        await send({"type": "http.response.body", "body": b""})


async def _write(send: Send, text: bytes) -> None:
    await send({"type": "http.response.body", "body": text, "more_body": True})


ROUTES: Final = (Route("GET", "/events", get_events, errors=(404, 429), answer=EventStream),)
