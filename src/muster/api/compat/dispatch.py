"""Which dialect a request speaks: the paths two of them share are sorted out before the router."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from muster.api.body import UNDECLARED
from muster.api.guard import SAFE_METHODS
from muster.api.routing import PREFIX

SPARKQ: Final = "/sparkq/api"
SPARKQ_MEDIA: Final = b"application/vnd.sparkq+json"
SHARED: Final = "/api/tasks"
_SPARKQ_NOUNS: Final = frozenset(
    {"sessions", "queues", "task-classes", "tools", "prompts", "config", "stats", "scripts"}
)
_JSON: Final = (b"content-type", b"application/json")


class _Glance(Struct):
    """The one field that tells whose a body is."""

    queue_id: Any | UnsetType = UNSET


class Dialects:
    """Sends SparkQ's requests to its own paths, whatever path they came by, and answers wrong input with
    400 there. Bodies of clients that do not say that they send JSON are declared as such."""

    def __init__(self, router: ASGIApp) -> None:
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose body, if any, is known to be JSON."""
        path: str = scope["path"]
        if path.startswith(PREFIX):
            await self._router(scope, receive, send)
            return
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if scope["method"] not in SAFE_METHODS:
            scope["headers"] = _declared(headers)
        if path == SHARED:
            receive = await _shared(scope, receive)
        elif _is_sparkq(path):
            _redirect(scope, SPARKQ + path.removeprefix("/api"))
        if scope["path"].startswith(SPARKQ):
            send = _plainly_invalid(send)
        await self._router(scope, receive, send)


def _declared(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    kind = next((value for name, value in headers if name == b"content-type"), b"")
    if kind not in UNDECLARED:
        return headers
    return [*(pair for pair in headers if pair[0] != b"content-type"), _JSON]


def _is_sparkq(path: str) -> bool:
    """Whether a path below /api is SparkQ's alone."""
    if path.startswith(SHARED + "/"):
        return True
    root, _, rest = path.removeprefix("/").partition("/")
    return root == "api" and rest.partition("/")[0] in _SPARKQ_NOUNS


async def _shared(scope: Scope, receive: Receive) -> Receive:
    """Redirect the request if it is SparkQ's; how to read its body, which was looked at."""
    if scope["method"] not in ("GET", "POST"):
        return receive
    message = await receive() if scope["method"] == "POST" else None
    names = [pair.partition(b"=")[0] for pair in scope["query_string"].split(b"&")]
    accepts = [value for name, value in scope["headers"] if name == b"accept"]
    if (
        b"queue_id" in names
        or any(SPARKQ_MEDIA in value for value in accepts)
        or (message is not None and _names_queue(message.get("body", b"")))
    ):
        _redirect(scope, SPARKQ + "/tasks")
    return receive if message is None else _again(message, receive)


def _names_queue(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_Glance).queue_id is not UNSET
    except msgspec.DecodeError:
        return False


def _redirect(scope: Scope, path: str) -> None:
    scope["path"] = path
    scope["raw_path"] = path.encode()


def _again(message: Message, receive: Receive) -> Receive:
    waiting = [message]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


def _plainly_invalid(send: Send) -> Send:
    """SparkQ knows no 422: what is wrong is 400."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 422:
            message["status"] = 400
        await send(message)

    return sent
