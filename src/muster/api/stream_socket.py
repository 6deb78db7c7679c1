"""Live sockets: `/ws`, `/ws/fleet`, `/ws/tasks/{id}` and `/ws/costs`. One task a client, no queue of events."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from muster.api.errors import RouteNotFound, refusal_of
from muster.api.services import Services
from muster.api.stream_events import View, parse_kinds, parse_position
from muster.api.stream_frames import message_frame
from muster.api.stream_hub import StreamHub
from muster.api.stream_limits import StreamLimits
from muster.api.stream_messages import (
    BadMessage,
    Look,
    Ping,
    Resume,
    Said,
    Subscribe,
    Unsubscribe,
    read_message,
)
from muster.api.stream_onlookers import Gaze, Onlookers
from muster.api.stream_protocol import SocketProtocol, connection_of
from muster.api.stream_shows import FLEET, CostsShow, EventsShow, RoomsShow, Show
from muster.api.stream_sweep import Sweep
from muster.api.stream_task import TaskShow
from muster.api.times import iso
from muster.domain import ids
from muster.domain.errors import Category, InvalidInput, MusterError

_TASKS: Final = "/ws/tasks/"
_FILTERS: Final = ("kinds", "task", "project")
_KNOWN: Final = {"/ws": _FILTERS, "/ws/fleet": (), "/ws/costs": (), _TASKS: ("attempt", "line", "entry")}


class SocketsUnavailable(MusterError):
    """This server carries no live sockets; use server-sent events at /api/v1/events."""

    code = "sockets_unavailable"
    category = Category.UNAVAILABLE


class Sockets:
    """The ASGI app of all live sockets."""

    def __init__(self, services: Services, hub: StreamHub) -> None:
        self._services = services
        self._store = services.store
        self._hub = hub
        self._limits = services.streams
        self._onlookers = Onlookers(services.store)
        self._sweep = Sweep(services.streams, services.store.now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until it ends."""
        await receive()
        try:
            socket = await self._socket(scope)
        except MusterError as error:
            await self._refuse(error, scope, send)
            return
        try:
            await send({"type": "websocket.accept"})
            await self._serve(socket, receive)
        finally:
            socket.show.close()

    async def _serve(self, socket: Socket, receive: Receive) -> None:
        limit = self._limits.sockets
        if len(self._sweep) >= limit:
            socket.connection.finish(1013, f"the server holds {limit} sockets already; try again later")
            return
        self._sweep.add(socket)
        self._services.metrics.ws_clients.set(len(self._sweep))
        try:
            await socket.run(receive)
        except MusterError as error:
            socket.connection.finish(1011, f"resume after {socket.position}: {error.message}")
        finally:
            socket.gaze.close()
            self._hub.leave(socket)
            self._sweep.discard(socket)
            self._services.metrics.ws_clients.set(len(self._sweep))

    async def _socket(self, scope: Scope) -> Socket:
        connection = connection_of(scope)
        if connection is None:
            raise SocketsUnavailable()
        path: str = scope["path"]
        base = _TASKS if path.startswith(_TASKS) else path
        if base not in _KNOWN:
            raise RouteNotFound(method="WebSocket", path=path[:200])
        query = _query(scope["query_string"], ("after", *_KNOWN[base]))
        after = parse_position(query.get("after"), "after")
        show = await self._show(base, path.removeprefix(_TASKS), query, connection)
        gaze = Gaze(self._onlookers, connection.nudge)
        return Socket(self._hub, self._services, connection, show, gaze, after)

    async def _show(
        self, base: str, ident: str, query: Mapping[str, str], connection: SocketProtocol
    ) -> Show:
        match base:
            case "/ws/fleet":
                return EventsShow(self._hub, FLEET)
            case "/ws/costs":
                return CostsShow(self._hub, self._store)
            case "/ws":
                return EventsShow(
                    self._hub, view_of(query.get("kinds"), query.get("task"), query.get("project"))
                )
            case _:
                task = TaskShow(self._hub, self._store, ids.decode(ids.TASK, ident), connection.nudge)
                await task.start(
                    query.get("attempt"),
                    parse_position(query.get("line"), "line"),
                    parse_position(query.get("entry"), "entry"),
                )
                return task

    async def _refuse(self, error: MusterError, scope: Scope, send: Send) -> None:
        refusal = refusal_of(error)
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 1008, "reason": error.message[:120]})
            return
        body = refusal.body(str(scope.get("state", {}).get("request_id", "")), self._store.now())
        headers = [(b"content-type", b"application/json")]
        await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})


class Socket:
    """One client: what it is shown, and how far it is."""

    def __init__(
        self,
        hub: StreamHub,
        services: Services,
        connection: SocketProtocol,
        show: Show,
        gaze: Gaze,
        after: int | None,
    ) -> None:
        self._hub = hub
        self._store = services.store
        self._limits: StreamLimits = services.streams
        self._after = after
        self._bad = 0
        self.connection = connection
        self.show = show
        self.gaze = gaze
        self.view: View = show.view
        self.position = 0
        self.beaten_at = monotonic()

    def push(self, frame: bytes) -> bool:
        """Write a shared frame, if the client takes it."""
        return self.connection.write_frame(frame)

    def nudge(self) -> None:
        """Wake the task of this socket."""
        self.connection.nudge()

    async def run(self, receive: Receive) -> None:
        """Greet, then show and answer until the client is gone."""
        head = self._hub.catch_up_now()
        self.position = head
        hello = message_frame(
            "hello", seq=head, at=iso(self._store.now()), heartbeat_seconds=self._limits.heartbeat_seconds
        )
        self.connection.write_frame(hello)
        if self._after is not None:
            self._go_to(self._after)
        self._hub.join(self, pull=self.show.pull)
        opening = await self.show.opening(self.position)
        if opening:
            self.connection.write_frame(opening)
        await self._catch_up()
        while True:
            message = await receive()
            match message["type"]:
                case "muster.nudge":
                    self.connection.nudge_taken()
                    await self._catch_up()
                case "websocket.receive":
                    await self._hear(message.get("text"))
                case _:
                    return

    def _go_to(self, after: int) -> None:
        """Be at a position of the client's choice. One that the log has not reached is of another log: start at the head."""
        head = self._hub.position
        if after > head:
            self.connection.write_frame(message_frame("resync", seq=head))
        self.position = min(after, head)

    async def _catch_up(self) -> None:
        """Write what there is behind the position, as fast as the client takes it."""
        connection = self.connection
        while await connection.until_writable():
            told = self.gaze.frames()
            if told and not connection.write_frame(told):
                continue
            self.gaze.sent()
            if self.position >= self._hub.position:
                frame = await self.show.beside()
                if not frame:
                    return
                if connection.write_frame(frame):
                    self.show.sent()
                continue
            page = await self._hub.page(self.view, self.position)
            frames = await self.show.frames(page)
            # A client that stopped reading meanwhile gets the page when it reads again; it is not kept for it.
            if not frames or connection.write_frame(frames):
                self.position = page.position

    async def _hear(self, text: str | None) -> None:
        try:
            said = read_message(text)
            reply = await self._answer(said)
        except MusterError as error:
            reply = message_frame("error", code=error.code, message=error.message[:500])
            self._bad += isinstance(error, BadMessage)
        if await self.connection.until_writable():
            self.connection.write_frame(reply)
        if self._bad >= self._limits.bad_messages:
            self.connection.finish(1008, "too many messages that cannot be understood")
        await self._catch_up()

    async def _answer(self, said: Said) -> bytes:
        match said:
            case Ping():
                return message_frame("pong", seq=self.position, at=iso(self._store.now()))
            case Resume():
                # No event may come between the new position and the answer that announces it.
                await self.connection.until_writable()
                self._go_to(said.after)
                return message_frame("resumed", after=self.position)
            case Subscribe():
                await self._enter(said.room)
                return message_frame("subscribed", room=said.room, seq=self.position)
            case Unsubscribe():
                if isinstance(self.show, RoomsShow):
                    self.show.leave(said.room)
                return message_frame("unsubscribed", room=said.room, seq=self.position)
            case Look():
                await self.gaze.look(said.items, said.by, said.browser)
                return message_frame("looking", items=self.gaze.items, seq=self.position)

    async def _enter(self, room: str) -> None:
        """Listen to a room; the first one turns a socket that shows everything into one that shows its rooms."""
        if isinstance(self.show, RoomsShow):
            await self.show.enter(room)
            return
        if self.view != View() or self.show.pull:
            raise InvalidInput(field="type", problem="rooms are for sockets at /ws without filters")
        rooms = RoomsShow(self._hub, self._store)
        await rooms.enter(room)
        self._hub.leave(self)
        self.show, self.view = rooms, rooms.view
        self._hub.join(self, pull=True)


def view_of(kinds: str | None, task: str | None, project: str | None) -> View:
    """The view that query parameters ask for; InvalidInput or NotFound when they cannot be meant."""
    return View(
        kinds=parse_kinds(kinds),
        task_id=None if task is None else ids.decode(ids.TASK, task),
        project_id=None if project is None else ids.decode(ids.PROJECT, project),
    )


def _query(query: bytes, known: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            raise InvalidInput(
                field=name[:100], problem=f"is not a parameter of this socket (known: {', '.join(known)})"
            )
        if name in values:
            raise InvalidInput(field=name, problem="is given more than once")
        values[name] = value
    return values
