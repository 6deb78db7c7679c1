"""The client and its transports, against real servers on loopback and an application in the same process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.http import HttpTransport
from muster.client.in_process import InProcessTransport
from muster.client.transport import Transport
from muster.client.wire import ClaimRequest, HeartbeatRequest, WorkerHeartbeatRequest
from muster.domain.errors import Category
from tests.client.serving import Serving


class Echo:
    """Answers with what it was asked; some paths misbehave."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.waiting = asyncio.Event()
        self.disconnected = asyncio.Event()
        self.finished = asyncio.Event()
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        path = scope["path"]
        self.seen.append(path)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if path.endswith("/events"):
            await self.events(scope, headers, send)
        elif path.endswith("/wait"):
            self.waiting.set()
            assert (await receive())["type"] == "http.disconnect"
            self.disconnected.set()
            await asyncio.sleep(0)
            self.finished.set()
        elif path.endswith("/refused"):
            error = {"code": "wrong_state", "message": "no", "details": {"id": "tsk_1"}, "request_id": "r1"}
            await answer(send, 409, json.dumps(error).encode())
        elif path.endswith("/proxy"):
            await answer(send, 502, b"<html>bad gateway</html>")
        elif path.endswith("/crash"):
            raise ZeroDivisionError("the application failed")
        else:
            told = {
                "method": scope["method"],
                "path": path,
                "query": scope["query_string"].decode(),
                "body": body.decode(),
                "authorization": headers.get("authorization"),
            }
            await answer(send, 200, json.dumps(told).encode())

    async def events(self, scope: Any, headers: dict[str, str], send: Any) -> None:
        """Two events after the position, then the connection breaks."""
        position = int(headers.get("last-event-id", "0"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        text = "".join(
            f"id: {n}\nevent: tick\ndata: {{\ndata: }}\n\n: beat\n" for n in (position + 1, position + 2)
        )
        for byte in text.encode():
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def answer(send: Any, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"X-Request-Id", b"h1")]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def app() -> Echo:
    return Echo()


@pytest.fixture(params=["tcp", "unix", "in process"])
async def transport(request: pytest.FixtureRequest, app: Echo, tmp_path: Path) -> AsyncIterator[Transport]:
    if request.param == "in process":
        yield InProcessTransport(app)
        return
    serving = Serving(app, path=str(tmp_path / "socket") if request.param == "unix" else None)
    await serving.start()
    http = HttpTransport(serving.url)
    yield http
    await http.close()
    await serving.stop()


async def test_calls_carry_method_path_query_body_and_token(transport: Transport) -> None:
    """SQ-20"""
    client = Client(transport, token="sesame")
    told = await client.post("/tasks/a b", {"x": [1]}, dry_run=True, limit=5, cursor=None)
    assert told == {
        "method": "POST",
        "path": "/api/v1/tasks/a b",
        "query": "dry_run=true&limit=5",
        "body": '{"x":[1]}',
        "authorization": "Bearer sesame",
    }
    assert (await client.get("//health"))["path"] == "/health"
    assert [
        (await call)["method"] for call in (client.delete("/t"), client.put("/t", 1), client.patch("/t", 1))
    ] == [
        "DELETE",
        "PUT",
        "PATCH",
    ]


async def test_a_refusal_says_code_message_details_and_request(transport: Transport) -> None:
    """OD-42"""
    with pytest.raises(ApiError, match="no") as caught:
        await Client(transport).get("/refused")
    error = caught.value
    assert (error.status, error.code, error.request_id) == (409, "wrong_state", "r1")
    assert error.details == {"id": "tsk_1"}
    assert error.category is Category.CONFLICT
    assert error.fenced


async def test_an_error_that_is_not_ours_is_shown(transport: Transport) -> None:
    """OD-42"""
    with pytest.raises(ApiError, match="HTTP 502: <html>bad gateway"):
        await Client(transport).get("/proxy")


async def test_an_answer_of_another_program_is_named(transport: Transport) -> None:
    """OD-42"""
    with pytest.raises(BadAnswer):
        await Client(transport).claim(ClaimRequest(agent_id="a"))


async def test_who_stops_waiting_disconnects(transport: Transport, app: Echo) -> None:
    """SW-4c"""
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(Client(transport).get("/wait"))
        async with asyncio.timeout(5):
            await app.waiting.wait()
            waiting.cancel()
            await app.disconnected.wait()
            await app.finished.wait()


async def test_a_call_that_takes_too_long_is_unreachable(transport: Transport, app: Echo) -> None:
    """SW-4c"""
    with pytest.raises(Unreachable, match="too long"):
        await transport.request("POST", "/wait", timeout=0.05)
    async with asyncio.timeout(5):
        await app.finished.wait()


async def test_a_failure_of_the_application_in_process_reaches_the_caller(app: Echo) -> None:
    """OD-42"""
    with pytest.raises(ZeroDivisionError):
        await InProcessTransport(app).request("GET", "/crash")


async def test_no_server_is_said_so() -> None:
    """OD-42"""
    transport = HttpTransport("http://127.0.0.1:9", retry_seconds=0)
    with pytest.raises(Unreachable, match="muster up"):
        await Client(transport).get("/tasks")
    await transport.close()


async def test_a_restart_of_the_server_is_survived(app: Echo) -> None:
    """SW-4c"""
    serving = Serving(app)
    await serving.start()
    transport = HttpTransport(serving.url, retry_seconds=10)
    client = Client(transport)
    await client.get("/before")
    await serving.stop()
    async with asyncio.TaskGroup() as group:
        during = group.create_task(client.post("/during"))
        await asyncio.sleep(0)
        await serving.start()
    assert during.result()["path"] == "/api/v1/during"
    assert app.seen.count("/api/v1/during") == 1
    await transport.close()
    await serving.stop()


async def test_events_resume_where_the_connection_broke(app: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """OD-6"""
    monkeypatch.setattr("muster.client.client.RECONNECT_SECONDS", 0.01)
    serving = Serving(app)
    await serving.start()
    transport = HttpTransport(serving.url)
    seen: list[str] = []
    events = Client(transport).events(after=4)
    async for event in events:
        assert (event.event, event.data) == ("tick", "{\n}")
        seen.append(event.id)
        if len(seen) == 5:
            break
    await events.aclose()  # pyright: ignore[reportAttributeAccessIssue]
    assert seen == ["5", "6", "7", "8", "9"]
    await transport.close()
    await serving.stop()


def telling(*directives: dict[str, Any]) -> InProcessTransport:
    """A server that answers every heartbeat with these."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        told = {"lease_expires_at": "2026-01-01T00:00:00Z", "directives": directives, "news": 1}
        await answer(send, 200, json.dumps(told).encode())

    return InProcessTransport(app)


async def test_directives_that_are_not_known_are_left_out_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """SW-4h: a newer server's worker of an older version goes on hearing what it knows"""
    cancel = {"kind": "cancel", "attempt_id": "att_1", "colour": "blue"}
    client = Client(
        telling({"kind": "teleport", "where": [1]}, cancel, {"kind": "teleport"}, {"kind": "x" * 80})
    )
    for _ in range(2):
        whole = await client.worker_heartbeat("w1", WorkerHeartbeatRequest())
        one = await client.heartbeat("att_1", HeartbeatRequest(token="t"))
        for beat in (whole, one):
            assert [(word.kind, word.attempt_id) for word in beat.directives] == [("cancel", "att_1")]
    assert one.lease_expires_at == "2026-01-01T00:00:00Z"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "the server wants 'teleport', which this version does not know; it is ignored"),
        ("WARNING", f"the server wants '{'x' * 50}', which this version does not know; it is ignored"),
    ]


@pytest.mark.parametrize(
    "directive", [{"kind": 7}, {"attempt_id": "att_1"}, {"kind": "cancel", "attempt_id": 1}]
)
async def test_directives_that_are_none_make_an_answer_bad(directive: dict[str, Any]) -> None:
    """OD-42"""
    with pytest.raises(BadAnswer):
        await Client(telling(directive)).worker_heartbeat("w1", WorkerHeartbeatRequest())


async def test_other_wrong_answers_to_a_heartbeat_are_bad() -> None:
    """OD-42"""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del receive
        await answer(send, 200, b"[1]" if "w1" in scope["path"] else b'{"directives": 5}')

    client = Client(InProcessTransport(app))
    for name in ("w1", "w2"):
        with pytest.raises(BadAnswer):
            await client.worker_heartbeat(name, WorkerHeartbeatRequest())
