"""The outermost ASGI callable: guards, limits, request ids, the hot routes, errors, metrics, the access log."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Final

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from muster.api import body as bodies
from muster.api.context import RequestIds, traceparent_var
from muster.api.errors import INTERNAL, MethodNotAllowed, Refusal, of_decoding, refusal_of
from muster.api.guard import SAFE_METHODS, SECURITY_HEADERS, Guard
from muster.api.hot import HotEntry, HotRoute, HotTable
from muster.api.longpoll import Caller
from muster.api.routing import PREFIX, SLASH, split_path
from muster.api.services import Services
from muster.domain.errors import InvalidInput, MusterError

Headers = dict[bytes, bytes]
_JSON: Final = (b"content-type", b"application/json")
_BULK_SUFFIXES: Final = ("/bulk",)
_DOWNLOADS: Final = f"{PREFIX}/downloads/"
_BINARY: Final = f"{PREFIX}/blobs/"


class Shell:
    """Everything in front of the router. `cold` answers what is not in the hot table, `sockets` all WebSockets."""

    def __init__(
        self, services: Services, hot: Sequence[HotRoute[Any, Any]], cold: ASGIApp, sockets: ASGIApp
    ) -> None:
        settings = services.settings
        self._services = services
        self._cold = cold
        self._sockets = sockets
        self._hot = HotTable(hot, settings.json_depth)
        self._guard = Guard(settings.hosts, settings.origins, settings.token)
        self._ids = RequestIds(services.instance)
        self._encode = msgspec.json.Encoder().encode
        self._access = AccessLog(services.logger, settings.slow_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's event: an HTTP request, a WebSocket, or the server's lifespan."""
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)
            case _:
                raise ValueError(f"unknown kind of connection {scope['type']}")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        headers: Headers = dict(scope["headers"])
        request_id = self._ids.of(headers)
        found = self._hot.find(scope)
        method: str = scope["method"]
        pages = self._services.pages
        page = None if pages is None or found is not None else pages.find(scope, headers)
        try:
            # Its name is the leave to follow it, which is used up by that.
            link = method == "GET" and scope["path"].startswith(_DOWNLOADS)
            changes = link or method not in SAFE_METHODS
            anybody = link or page is not None
            self._guard.check(headers, path=scope["path"], changes=changes, anybody=anybody)
            bodies.check_url(scope.get("raw_path") or b"", scope["query_string"])
        except MusterError as error:
            await self._refuse(send, refusal_of(error), request_id)
            self._done(scope, found, request_id, refusal_of(error).status, started)
            return
        if pages is not None and page is not None:
            status = await pages.answer(page, scope, headers, send, request_id)
        elif found is not None:
            status = await self._answer_hot(found, scope, headers, receive, send, request_id)
        else:
            status = await self._answer_cold(scope, headers, receive, send, request_id)
        self._done(scope, found, request_id, status, started)

    async def _answer_hot(
        self,
        found: tuple[HotEntry, str],
        scope: Scope,
        headers: Headers,
        receive: Receive,
        send: Send,
        request_id: str,
    ) -> int:
        entry, ident = found
        caller = Caller(receive, self._services.drain, request_id)
        try:
            answer = await self._call_hot(entry, ident, scope, headers, caller, receive)
        except bodies.CallerGone:
            return 499
        except MusterError as error:
            return await self._refuse(send, refusal_of(error), request_id)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return await self._refuse(send, of_decoding(error), request_id)
        except Exception:
            self._services.logger.exception("request failed", extra={"request_id": request_id})
            return await self._refuse(send, INTERNAL, request_id)
        if answer is None:
            return await _answer(send, 204, None, request_id)
        return await _answer(send, 200, self._encode(answer), request_id)

    async def _call_hot(
        self,
        entry: HotEntry,
        ident: str,
        scope: Scope,
        headers: Headers,
        caller: Caller,
        receive: Receive,
    ) -> Any:
        route = entry.route
        if scope["method"] != route.method:
            raise MethodNotAllowed(path=scope["path"], method=scope["method"], allow=route.method)
        if scope["query_string"]:
            raise _no_query(scope["query_string"])
        settings = self._services.settings
        limit = settings.bulk_body_bytes if route.large else settings.body_bytes
        bodies.check_length(headers, limit)
        bodies.check_media_type(headers, undeclared=route.undeclared)
        body = await bodies.read_body(receive, limit)
        return await route.handler(ident, entry.read(body), caller)

    async def _answer_cold(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send, request_id: str
    ) -> int:
        out = _Outgoing(send, request_id)
        try:
            receive = await self._checked_body(scope, headers, receive)
        except bodies.CallerGone:
            return 499
        except MusterError as error:
            return await self._refuse(send, refusal_of(error), request_id)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return await self._refuse(send, of_decoding(error), request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        if b"%2f" in scope.get("raw_path", b"").lower() and scope["path"].startswith(PREFIX):
            scope["path"] = split_path(scope["raw_path"])
        try:
            await self._cold(scope, receive, out.send)
        except Exception:
            self._services.logger.exception("request failed", extra={"request_id": request_id})
            if not out.status:
                return await self._refuse(send, INTERNAL, request_id)
        return out.status

    async def _checked_body(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        if headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers:
            return receive
        settings = self._services.settings
        binary = scope["path"].startswith(_BINARY)
        large = binary or scope["path"].endswith(_BULK_SUFFIXES)
        limit = settings.bulk_body_bytes if large else settings.body_bytes
        bodies.check_length(headers, limit)
        body = await bodies.read_body(receive, limit)
        if body and not binary:
            bodies.check_media_type(headers, undeclared=not scope["path"].startswith(PREFIX))
            bodies.check_shape(body, settings.json_depth)
            bodies.check_nul(body)
            msgspec.json.decode(body)
        return _replay(body, receive)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        request_id = self._ids.of(headers)
        try:
            self._guard.check(headers, path=scope["path"], changes=True)
            bodies.check_url(scope.get("raw_path") or b"", scope["query_string"])
        except MusterError as error:
            self._services.logger.info("socket refused", extra={"request_id": request_id, "code": error.code})
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": error.message[:120]})
            return
        scope.setdefault("state", {})["request_id"] = request_id
        await self._sockets(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                self._services.drain.start()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _refuse(self, send: Send, refusal: Refusal, request_id: str) -> int:
        body = refusal.body(request_id, self._services.store.now())
        more = [(name.lower().encode(), value.encode("latin-1")) for name, value in refusal.headers.items()]
        return await _answer(send, refusal.status, body, request_id, more)

    def _done(
        self, scope: Scope, found: tuple[HotEntry, str] | None, request_id: str, status: int, started: float
    ) -> None:
        seconds = perf_counter() - started
        route = found[0].label if found is not None else route_label(scope)
        self._services.metrics.requests.of(scope["method"], route).observe(status, seconds)
        self._access.write(scope, route, request_id, status, seconds)


class AccessLog:
    """One line a request: slow and refused ones at info, the rest at debug."""

    def __init__(self, logger: logging.Logger, slow_seconds: float) -> None:
        self._logger = logger
        self._slow = slow_seconds
        self._waiting: frozenset[str] = frozenset(
            {
                "/api/v1/claims",
                "/api/v1/workers/{worker_id}/heartbeat",
                "/api/v1/approvals",
                "/api/v1/approvals/{approval_id}",
                "/api/v1/events",
                "/mcp",
                "/api/v1/tasks/{task_id}/logs",
                "/api/v1/tasks/{task_id}/conversation",
                "/api/v1/agents/{agent_id:name}/conversation",
                "/api/v1/agents/{agent_id:name}/logs",
            }
        )

    def write(self, scope: Scope, route: str, request_id: str, status: int, seconds: float) -> None:
        """Log an answered request when its level is on."""
        slow = seconds > self._slow and route not in self._waiting
        level = logging.INFO if slow or status >= 400 else logging.DEBUG
        if not self._logger.isEnabledFor(level):
            return
        client = scope.get("client")
        fields: dict[str, object] = {
            "request_id": request_id,
            "method": scope["method"],
            "path": scope["path"].replace(SLASH, "%2F")[:500],
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
            "client": client[0] if client else None,
        }
        trace = traceparent_var.get()
        if trace is not None:
            fields["traceparent"] = trace
        self._logger.log(level, "request", extra=fields)


class _Outgoing:
    """Adds the shell's headers to a cold answer and remembers its status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            present = {name.lower() for name, _ in headers}
            headers.extend(pair for pair in SECURITY_HEADERS if pair[0] not in present)
            headers.append((b"x-request-id", self._request_id.encode("ascii")))
            message["headers"] = headers
        await self._send(message)


def route_label(scope: Scope) -> str:
    """The route that answered, as a pattern: one label for all ids."""
    route = scope.get("route")
    return getattr(route, "path", "(none)")


async def _answer(
    send: Send,
    status: int,
    body: bytes | None,
    request_id: str,
    more: Sequence[tuple[bytes, bytes]] = (),
) -> int:
    headers = [*SECURITY_HEADERS, (b"x-request-id", request_id.encode("ascii")), *more]
    if body is not None:
        headers += (_JSON, (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body or b""})
    return status


def _no_query(query: bytes) -> MusterError:
    name = query.partition(b"=")[0].decode("latin-1")[:100]
    return InvalidInput(field=name, problem="this call takes no query parameters")


def _replay(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """A receive that hands out a body already read, then goes on with the connection."""
    pending = [body]

    async def replayed() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return replayed
