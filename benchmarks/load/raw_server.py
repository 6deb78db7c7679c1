"""The reference server: a bare ASGI application on uvicorn, uvloop and httptools that decides nothing.

It answers the calls the load tools make with bodies of the size and shape of muster's, without reading
what was asked. Only two things are real, because their timing is measured: a task posted is
handed to a claimer that waits for one, and to every WebSocket.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HEADERS = (b"content-type", b"application/json")
PAGE = 50


def _claim_body() -> bytes:
    from muster.client.wire import ClaimAnswer, ClaimedTask

    task = ClaimedTask(
        task_id="tsk_0dq3m8x1c7w00",
        attempt_id="att_0dq3m8x1c7w01",
        token="8213377102",
        number=1,
        max_attempts=3,
        lease_seconds=60,
        timeout_seconds=300,
        claimed_at="2026-01-01T00:00:00.000Z",
        title="job 1",
        description="",
        kind="command",
        type="custom",
        task_class="MEDIUM_SCRIPT",
        priority="medium",
        project_id="prj_0dq3m8x1c7w00",
        project="bench",
        queue_id="que_0dq3m8x1c7w00",
        queue="bench",
        instructions="",
        payload={"argv": ["true"]},
        estimated_cost_usd=0.02,
    )
    return msgspec.json.encode(ClaimAnswer(claims=[task]))


def _page_body() -> bytes:
    item = {
        "id": "tsk_0dq3m8x1c7w00",
        "title": "a task of usual length",
        "description": "x" * 200,
        "more": "y" * 900,
    }
    return msgspec.json.encode({"items": [item] * PAGE, "next_cursor": "0dq3m8x1c7w00"})


class RawApplication:
    """The ASGI callable."""

    def __init__(self) -> None:
        self._claim = _claim_body()
        self._nothing = b'{"claims":[],"reason":null}'
        self._finish = b'{"task_id":"tsk_0dq3m8x1c7w00","state":"succeeded","ready_at":null,"next":null}'
        self._record = b'{"position":50}'
        self._page = _page_body()
        self._detail = self._page[:1_500]
        self._tasks: deque[None] = deque()
        self._claimers: deque[asyncio.Future[None]] = deque()
        self._sockets: set[asyncio.Queue[bytes]] = set()
        self._seq = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive) if scope["method"] != "GET" else b""
        answer = await self._answer(scope["path"], body)
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [_HEADERS, length]})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, path: str, body: bytes) -> bytes:
        if path.endswith("/claims"):
            return await self._hand_over() if b"wait_seconds" in body else self._claim
        if path.endswith("/complete"):
            return self._finish
        if path.endswith(("/record", "/transcript")):
            return self._record
        if body and path.endswith("/tasks"):
            self._submit(body)
            return self._finish
        return self._page if path.endswith("/tasks") else self._detail

    def _submit(self, body: bytes) -> None:
        self._seq += 1
        event = msgspec.json.encode(
            {
                "seq": self._seq,
                "kind": "task.submitted",
                "at": time.time_ns() // 1000,
                "data": msgspec.json.decode(body),
            }
        )
        for queue in self._sockets:
            queue.put_nowait(event)
        while self._claimers:
            waiting = self._claimers.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return
        self._tasks.append(None)

    async def _hand_over(self) -> bytes:
        if self._tasks:
            self._tasks.popleft()
            return self._claim
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._claimers.append(waiting)
        await waiting
        return self._claim

    async def _socket(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._sockets.add(queue)
        try:
            while True:
                event = await queue.get()
                await send({"type": "websocket.send", "text": event.decode()})
        finally:
            self._sockets.discard(queue)


async def _read(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    return body


def main() -> None:
    """Serve on the port given as the only argument."""
    import uvicorn

    uvicorn.run(
        RawApplication(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        lifespan="off",
        access_log=False,
        log_level="error",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
