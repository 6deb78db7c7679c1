"""The shell: guards, limits, errors, request ids, hot routes, metrics, the access log."""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import Field

from muster.api.app import App, create_app
from muster.api.hot import HotRoute
from muster.api.longpoll import Caller
from muster.api.routes.health import ROUTES as HEALTH
from muster.api.routing import Route
from muster.api.schemas.shape import Answer, Body
from muster.api.services import ApiSettings, ReadyCheck, Services
from muster.domain.errors import Category, LeaseLost, MusterError, Overloaded
from muster.store.database import Store
from tests.api.asgi import Api, Connection, scope_of


class Ping(msgspec.Struct, forbid_unknown_fields=True):
    """A hot request."""

    text: str
    free: dict[str, Any] = {}
    wait_seconds: float = 0


class Pong(msgspec.Struct):
    """A hot answer."""

    text: str
    ident: str = ""


class Note(Body):
    """A cold request."""

    text: str = Field(max_length=100)
    free: dict[str, Any] = Field(default={})


class Noted(Answer):
    """A cold answer."""

    text: str


class Bell:
    """A hot handler that waits for a bell."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()
        self.waiting = asyncio.Event()
        self.heard: bool | None = None

    async def wait(self, ident: str, ping: Ping, caller: Caller) -> Pong:
        self.waiting.set()
        self.heard = await caller.wait(self.rung, ping.wait_seconds)
        return Pong("rung" if self.heard else "silence")


async def echo(ident: str, ping: Ping, caller: Caller) -> Pong | None:
    match ping.text:
        case "refuse":
            raise LeaseLost(attempt=ident)
        case "crash":
            raise RuntimeError("secret inside")
        case "nothing":
            return None
        case text:
            return Pong(text, ident)


async def take_note(note: Note) -> Noted:
    """Take a note."""
    if note.text == "crash":
        raise RuntimeError("secret inside")
    if note.text == "busy":
        raise Overloaded()
    return Noted(text=note.text)


def route(path: str, handler: Any, **more: Any) -> HotRoute[Ping, Pong]:
    return HotRoute(
        path=path,
        operation_id=path.strip("/").replace("/", "_").replace("{", "").replace("}", ""),
        tag="claims",
        summary="Test",
        request=Ping,
        answer=Pong,
        handler=handler,
        example={"text": "x"},
        free_form=True,
        **more,
    )


@pytest.fixture
def where(sqlite_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "muster.db"))


@pytest.fixture
def bell() -> Bell:
    return Bell()


def build(store: Store, bell: Bell | None = None, **settings: Any) -> Api:
    hot = [
        route("/api/v1/ping", echo, empty_answer=True),
        route("/api/v1/things/{thing_id}/ping", echo),
        route("/api/v1/bell", (bell or Bell()).wait),
        route("/api/v1/much", echo, large=True),
    ]
    services = Services(store=store, settings=ApiSettings(version="1.2.3", **settings), instance="t")
    nouns = (("server", HEALTH), ("tasks", (Route("POST", "/notes", take_note),)))
    return Api(create_app(services, hot, nouns))


@pytest.fixture
def shell(store: Store, bell: Bell) -> Api:
    return build(store, bell)


BOTH = pytest.mark.parametrize("path", ["/api/v1/ping", "/api/v1/notes"])


class TestErrors:
    @BOTH
    async def test_a_refusal_has_code_message_details_request_id_and_timestamp(
        self, shell: Api, path: str
    ) -> None:
        """OD-42"""
        reply = await shell.post(path, {"text": 5}, headers={"x-request-id": "mine-1"})
        assert reply.status == 422
        assert set(reply.json) == {"code", "message", "details", "request_id", "timestamp"}
        assert reply.json["code"] == "invalid_input"
        assert reply.json["details"]["errors"][0]["field"] == "text"
        assert reply.json["request_id"] == reply.headers["x-request-id"] == "mine-1"
        assert reply.json["timestamp"].endswith("Z")

    @BOTH
    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (b"{", 400, "bad_json"),
            (b"nonsense", 400, "bad_json"),
            (b'{"text": "x"} trailing', 400, "bad_json"),
            (b'{"text": NaN}', 400, "bad_json"),
            (b'{"text": "x", "free": {"n": Infinity}}', 400, "bad_json"),
            (b'{"text": "\\ud800"}', 400, "bad_json"),
            (b'{"text": "\xff"}', 400, "bad_json"),
            (b'{"text": "\xed\xa0\x80"}', 400, "bad_json"),
            (b'{"text": "a\x00b"}', 400, "bad_json"),
            (b'{"text": "a\\u0000b"}', 422, "invalid_input"),
            (b'{"text": "x", "free": {"n": 9223372036854775808}}', 422, "invalid_input"),
            (b'{"text": "x", "free": {"n": -9223372036854775809}}', 422, "invalid_input"),
            (b'{"text": "x", "free": {"n": ' + b"9" * 5000 + b"}}", 422, "invalid_input"),
            (b'{"text": "x", "free": {"a":' + b"[" * 40 + b"]" * 40 + b"}}", 400, "too_deep"),
            (b"[" * 200_000, 400, "too_deep"),
            (b'{"text": "x", "unknown": 1}', 422, "invalid_input"),
            (b'{"free": {}}', 422, "invalid_input"),
            (b"[]", 422, "invalid_input"),
            (b"null", 422, "invalid_input"),
        ],
    )
    async def test_a_bad_body_is_named_for_what_is_wrong(
        self, shell: Api, path: str, body: bytes, status: int, code: str
    ) -> None:
        """OD-42"""
        reply = await shell.post(path, body=body)
        assert (reply.status, reply.json["code"]) == (status, code), reply.json

    @BOTH
    @pytest.mark.parametrize(
        "body",
        [
            b'{"text": "a\\\\u0000b"}',
            b'{"text": "[[[[{{{{", "free": {"n": 9223372036854775807, "f": 0.12345678901234567890123}}',
            b'{"text": "x", "free": {"n": "99999999999999999999999999", "m": -9223372036854775808}}',
            b'{"text": "x", "free": {"a":' + b"[" * 30 + b"]" * 30 + b"}}",
        ],
    )
    async def test_what_only_looks_bad_is_taken(self, shell: Api, path: str, body: bytes) -> None:
        """OD-42"""
        assert (await shell.post(path, body=body)).status == 200

    async def test_an_unknown_address_is_404(self, shell: Api) -> None:
        """OD-42"""
        reply = await shell.get("/api/v1/nothing")
        assert (reply.status, reply.json["code"]) == (404, "route_not_found")

    @pytest.mark.parametrize(("path", "allow"), [("/api/v1/ping", "POST"), ("/health", "GET")])
    async def test_a_wrong_method_is_405_and_names_the_right_ones(
        self, shell: Api, path: str, allow: str
    ) -> None:
        """OD-42"""
        reply = await shell.put(path)
        assert (reply.status, reply.json["code"]) == (405, "method_not_allowed")
        assert reply.headers["allow"] == allow

    @BOTH
    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
    async def test_a_body_that_is_not_declared_as_json_is_415(self, shell: Api, path: str, kind: str) -> None:
        """OD-42"""
        reply = await shell.post(path, {"text": "x"}, headers={"content-type": kind})
        assert (reply.status, reply.json["code"]) == (415, "unsupported_media_type")

    @BOTH
    @pytest.mark.parametrize("pieces", [1, 7])
    async def test_a_body_over_the_limit_is_413(self, store: Store, path: str, pieces: int) -> None:
        """OD-42"""
        reply = await build(store, body_bytes=2000).post(path, {"text": "x" * 3000}, pieces=pieces)
        assert (reply.status, reply.json["code"]) == (413, "too_large")

    async def test_a_body_that_comes_in_pieces_is_put_together(self, shell: Api) -> None:
        """OD-42"""
        for path in ("/api/v1/ping", "/api/v1/notes"):
            reply = await shell.post(path, {"text": "in many pieces"}, pieces=5)
            assert reply.json["text"] == "in many pieces"

    async def test_large_hot_routes_have_the_larger_limit(self, store: Store) -> None:
        """OD-42"""
        api = build(store, body_bytes=2000, bulk_body_bytes=5000)
        assert (await api.post("/api/v1/much", {"text": "x" * 3000})).status == 200
        assert (await api.post("/api/v1/much", {"text": "x" * 6000})).status == 413

    @BOTH
    async def test_a_crash_says_nothing_of_the_inside_and_is_logged(
        self, shell: Api, path: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """OD-42"""
        reply = await shell.post(path, {"text": "crash"}, headers={"x-request-id": "r9"})
        assert (reply.status, reply.json["code"]) == (500, "internal_error")
        assert b"secret" not in reply.body
        logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert len(logged) == 1
        assert logged[0].exc_info is not None
        assert vars(logged[0])["request_id"] == "r9"

    async def test_errors_raised_on_purpose_keep_their_words(self, shell: Api) -> None:
        """OD-42"""
        reply = await shell.post("/api/v1/things/att_1/ping", {"text": "refuse"})
        assert (reply.status, reply.json["code"]) == (409, "lease_lost")
        assert reply.json["details"] == {"attempt": "att_1"}
        assert (await shell.post("/api/v1/notes", {"text": "busy"})).headers["retry-after"] == "1"

    @pytest.mark.parametrize("category", list(Category))
    async def test_each_category_has_its_status(self, store: Store, category: Category) -> None:
        """OD-42"""

        async def raiser(ident: str, ping: Ping, caller: Caller) -> Pong:
            error = MusterError("words")
            error.category = category
            raise error

        app = create_app(Services(store=store), [route("/api/v1/raise", raiser)], ())
        statuses = {
            Category.INVALID: 422,
            Category.NOT_FOUND: 404,
            Category.CONFLICT: 409,
            Category.FORBIDDEN: 403,
            Category.UNAUTHENTICATED: 401,
            Category.TOO_LARGE: 413,
            Category.LIMITED: 429,
            Category.UNAVAILABLE: 503,
        }
        assert (await Api(app).post("/api/v1/raise", {"text": "x"})).status == statuses[category]

    @pytest.mark.parametrize("url", ["/api/v1/things/a%00b/ping", "/health?x=%00", "/health?x=%ff", "/%ff"])
    async def test_an_address_that_is_no_text_is_400(self, shell: Api, url: str) -> None:
        """OD-42"""
        reply = await shell.get(url)
        assert (reply.status, reply.json["code"]) == (400, "bad_url")

    async def test_unknown_query_parameters_are_refused(self, shell: Api) -> None:
        """OD-42"""
        for method, url in (("GET", "/health?x=1"), ("POST", "/api/v1/ping?x=1")):
            reply = await shell.call(method, url, {"text": "x"} if method == "POST" else None)
            assert (reply.status, reply.json["details"]["field"]) == (422, "x")


class TestHotRoutes:
    async def test_the_variable_part_of_the_path_reaches_the_handler(self, shell: Api) -> None:
        """OD-40"""
        for raw, ident in (("w-1", "w-1"), ("a%2Fb", "a/b"), ("%C3%A4", "ä")):
            reply = await shell.post(f"/api/v1/things/{raw}/ping", {"text": "x"})
            assert reply.json == {"text": "x", "ident": ident}

    async def test_no_answer_is_204(self, shell: Api) -> None:
        """OD-40"""
        reply = await shell.post("/api/v1/ping", {"text": "nothing"})
        assert (reply.status, reply.body) == (204, b"")

    def test_a_path_with_two_variable_parts_is_refused_at_start(self, store: Store) -> None:
        """OD-40"""
        with pytest.raises(ValueError, match="only the part before the last"):
            create_app(Services(store=store), [route("/api/{x}/y/{z}/w", echo)], ())

    async def test_a_long_poll_is_answered_when_its_event_comes(self, shell: Api, bell: Bell) -> None:
        """OD-40"""
        async with asyncio.TaskGroup() as group:
            call = group.create_task(shell.post("/api/v1/bell", {"text": "x", "wait_seconds": 30}))
            await bell.waiting.wait()
            bell.rung.set()
        assert call.result().json["text"] == "rung"

    async def test_a_long_poll_ends_with_its_time(self, shell: Api) -> None:
        """OD-40"""
        reply = await shell.post("/api/v1/bell", {"text": "x", "wait_seconds": 0.01})
        assert reply.json["text"] == "silence"

    async def test_a_caller_that_hangs_up_is_noticed(self, shell: Api, bell: Bell) -> None:
        """OD-40"""
        connection = Connection(b'{"text": "x", "wait_seconds": 30}')
        async with asyncio.TaskGroup() as group:
            group.create_task(
                shell.post("/api/v1/bell", body=b'{"text": "x", "wait_seconds": 30}', connection=connection)
            )
            await bell.waiting.wait()
            connection.hang_up()
        assert bell.heard is False

    async def test_a_shutdown_answers_all_long_polls(self, shell: Api, bell: Bell) -> None:
        """OD-40"""
        async with asyncio.TaskGroup() as group:
            call = group.create_task(shell.post("/api/v1/bell", {"text": "x", "wait_seconds": 30}))
            await bell.waiting.wait()
            shell.app.services.drain.start()
        assert call.result().json["text"] == "silence"
        assert (await shell.post("/api/v1/bell", {"text": "x", "wait_seconds": 30})).status == 200


class TestGuards:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1:5005", "localhost:5005", "localhost", "[::1]:5005", "LOCALHOST:1"]
    )
    async def test_loopback_names_are_answered(self, shell: Api, host: str) -> None:
        """OD-51"""
        assert (await shell.get("/health", headers={"host": host})).status == 200

    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:5005", "127.0.0.1.evil.example", "", "[::1].evil.example"]
    )
    async def test_other_host_names_are_refused(self, shell: Api, host: str) -> None:
        """OD-51"""
        reply = await shell.post("/api/v1/ping", {"text": "x"}, headers={"host": host})
        assert (reply.status, reply.json["code"]) == (403, "host_not_allowed")

    async def test_a_configured_host_name_is_answered(self, store: Store) -> None:
        """OD-51"""
        api = build(store, hosts=frozenset({"Muster.internal"}))
        assert (await api.get("/health", headers={"host": "muster.internal:80"})).status == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"origin": "http://localhost:3000"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ],
    )
    @BOTH
    async def test_pages_of_other_origins_change_nothing(
        self, shell: Api, path: str, headers: dict[str, str]
    ) -> None:
        """OD-51"""
        reply = await shell.post(path, {"text": "x"}, headers=headers)
        assert (reply.status, reply.json["code"]) == (403, "cross_origin")

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "http://127.0.0.1:5005", "sec-fetch-site": "same-origin"},
            {"sec-fetch-site": "none"},
            {"origin": "https://ui.example", "sec-fetch-site": "cross-site"},
        ],
    )
    async def test_own_and_configured_origins_may(self, store: Store, headers: dict[str, str]) -> None:
        """OD-51"""
        api = build(store, origins=frozenset({"https://ui.example"}))
        assert (await api.post("/api/v1/ping", {"text": "x"}, headers=headers)).status == 200

    async def test_without_the_token_only_health_and_readiness_are_answered(self, store: Store) -> None:
        """OD-51"""
        api = build(store, token="correct horse battery")
        for given in ("", "Bearer wrong", "correct horse battery", "Basic correct horse battery"):
            reply = await api.post("/api/v1/ping", {"text": "x"}, headers={"authorization": given})
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
            assert (await api.get("/metrics", headers={"authorization": given})).status == 401
        right = {"authorization": "Bearer correct horse battery"}
        assert (await api.post("/api/v1/ping", {"text": "x"}, headers=right)).status == 200
        assert (await api.get("/health")).status == 200
        assert (await api.get("/ready")).status == 200

    async def test_every_answer_carries_the_security_headers(self, shell: Api) -> None:
        """OD-51"""
        for reply in (
            await shell.get("/health"),
            await shell.get("/nothing"),
            await shell.post("/api/v1/ping", {"text": "x"}),
            await shell.post("/api/v1/ping", body=b"{"),
        ):
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["x-frame-options"] == "DENY"
            assert reply.headers["cache-control"] == "no-store"
            assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
            assert "server" not in reply.headers

    async def test_a_socket_from_another_origin_is_refused(self, shell: Api) -> None:
        """OD-51"""
        scope = scope_of("GET", "/ws", {"host": "127.0.0.1:5005", "origin": "https://evil.example"})
        scope["type"] = "websocket"
        connection = Connection(b"")
        await shell.app(scope, connection.receive, connection.send)
        assert [message["type"] for message in connection.sent] == ["websocket.close"]


class TestRequestIds:
    @pytest.mark.parametrize("given", ["", "a b", "x" * 200, 'x"y'])
    async def test_one_is_made_when_there_is_none_that_is_sane(self, shell: Api, given: str) -> None:
        """SW-7a"""
        seen = {
            (await shell.get("/health", headers={"x-request-id": given})).headers["x-request-id"]
            for _ in range(3)
        }
        assert len(seen) == 3
        assert all(name.startswith("req_t") for name in seen)

    async def test_refused_and_slow_requests_are_logged_with_their_ids(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        """SW-7a"""
        caplog.set_level(logging.INFO, logger="muster.api")
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        api = build(store)
        await api.get("/health")
        assert not caplog.records
        await api.get("/nothing", headers={"x-request-id": "r1", "traceparent": trace})
        fields = vars(caplog.records[0])
        assert (fields["request_id"], fields["status"], fields["path"]) == ("r1", 404, "/nothing")
        assert fields["traceparent"] == trace
        await build(store, slow_seconds=0).get("/health")
        assert vars(caplog.records[1])["status"] == 200


class TestServer:
    async def test_health_says_version_database_and_depth(self, shell: Api) -> None:
        """SW-10"""
        body = (await shell.get("/health")).json
        assert (body["status"], body["version"], body["database"], body["queue_depth"]) == (
            "ok",
            "1.2.3",
            "sqlite",
            0,
        )

    async def test_not_ready_while_a_check_fails_or_the_server_shuts_down(self, store: Store) -> None:
        """OD-41"""

        async def broken() -> str | None:
            return "no disk"

        services = Services(store=store, checks=[ReadyCheck("disk", broken)])
        reply = await Api(create_app(services, (), (("server", HEALTH),))).get("/ready")
        assert (reply.status, reply.json["ready"]) == (503, False)
        assert {"name": "disk", "ok": False, "problem": "no disk"} in reply.json["checks"]
        services.checks = ()
        api = Api(create_app(services, (), (("server", HEALTH),)))
        assert (await api.get("/ready")).status == 200
        services.drain.start()
        assert (await api.get("/ready")).status == 503

    async def test_metrics_count_requests_by_route(self, shell: Api) -> None:
        """SW-7b"""
        await shell.post("/api/v1/things/1/ping", {"text": "x"})
        await shell.post("/api/v1/things/2/ping", {"text": "refuse"})
        text = (await shell.get("/metrics")).body.decode()
        route = 'method="POST",route="/api/v1/things/{thing_id}/ping"'
        assert f'muster_http_requests_total{{{route},status="200"}} 1.0' in text
        assert f'muster_http_requests_total{{{route},status="409"}} 1.0' in text
        assert f"muster_http_request_seconds_count{{{route}}} 2.0" in text
        assert 'muster_tasks{state="ready"} 0.0' in text

    async def test_two_apps_have_separate_figures(self, store: Store) -> None:
        """SW-7b"""
        one, other = build(store), build(store)
        await one.post("/api/v1/ping", {"text": "x"})
        assert b"/api/v1/ping" not in (await other.get("/metrics")).body

    async def test_hot_and_cold_routes_are_in_one_document(self, shell: Api) -> None:
        """OD-40"""
        document = (await shell.get("/api/v1/openapi.json")).json
        assert {"/api/v1/ping", "/api/v1/notes", "/health"} <= set(document["paths"])
        assert {"Ping", "Pong", "Note", "Noted", "Error"} <= set(document["components"]["schemas"])
        for path in document["paths"].values():
            for operation in path.values():
                assert {"400", "401", "422", "500"} <= set(operation["responses"])

    async def test_the_lifespan_ends_in_a_drain(self, app: App) -> None:
        """OD-41"""
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await app({"type": "lifespan"}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert app.services.drain.started
