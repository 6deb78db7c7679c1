"""Live sockets over a real server."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from muster.api.app import App
from muster.api.native import create_native_app
from muster.api.services import Services
from muster.api.stream_limits import StreamLimits
from muster.commands.projects import create_project
from muster.domain import ids
from muster.domain.project import Project
from muster.store.database import Durability, Store
from muster.store.feed import Feed
from muster.store.open import open_store
from tests.api.asgi import Connection, scope_of
from tests.api.conftest import wall_clock
from tests.api.live import LiveServer, Message, positions, post
from tests.waiting import eventually


class TestOrder:
    async def test_a_socket_starts_at_the_head_and_gets_every_event_in_order(
        self, live: LiveServer, store: Store
    ) -> None:
        """OD-6, OD-41"""
        before = await post(store, 3)
        async with live.socket() as client:
            await client.greeted()
            assert client.hello["seq"] == before
            last = await post(store, 500)
            assert positions(await client.until(last)) == list(range(before + 1, last + 1))

    async def test_an_event_says_what_happened_to_what(self, live: LiveServer, store: Store) -> None:
        """OD-41"""
        async with live.socket() as client:
            await client.greeted()
            project = await store.execute(create_project(Project(name="p", allocated=2_500_000)))
            created, allocated = await client.until(store.feed.head)
        assert created["kind"] == "project.created"
        assert created["data"]["fields"]["name"] == "p"
        assert created["amount_usd"] is None
        assert allocated["amount_usd"] == 2.5
        assert allocated["project_id"] == ids.encode(ids.PROJECT, project)
        assert {"at", "task_id", "attempt_id", "agent_id"} <= set(allocated)

    async def test_a_hundred_sockets_get_the_same(self, live: LiveServer, store: Store) -> None:
        """OD-41"""
        start = store.feed.head

        async def listen(ready: asyncio.Barrier) -> list[int]:
            async with live.socket() as client:
                await client.greeted()
                await ready.wait()
                return positions(await client.until(start + 300))

        barrier = asyncio.Barrier(101)
        async with asyncio.TaskGroup() as group:
            listeners = [group.create_task(listen(barrier)) for _ in range(100)]
            await barrier.wait()
            for _ in range(30):
                await post(store, 10)
        assert all(task.result() == list(range(start + 1, start + 301)) for task in listeners)


class TestResuming:
    async def test_a_socket_resumes_behind_a_position(self, live: LiveServer, store: Store) -> None:
        """OD-41"""
        last = await post(store, 50)
        async with live.socket(f"/ws?after={last - 20}") as client:
            await client.greeted()
            assert positions(await client.until(last)) == list(range(last - 19, last + 1))

    async def test_a_socket_goes_to_a_position_it_names_in_a_message(
        self, live: LiveServer, store: Store
    ) -> None:
        """OD-41"""
        last = await post(store, 10)
        async with live.socket() as client:
            await client.greeted()
            assert (await client.say(type="resume", after=last - 4))["after"] == last - 4
            more = await post(store, 2)
            assert positions(await client.until(more)) == list(range(last - 3, more + 1))

    async def test_a_position_the_log_never_had_is_answered_with_the_head(
        self, live: LiveServer, store: Store
    ) -> None:
        """OD-41"""
        head = await post(store, 2)
        async with live.socket(f"/ws?after={head + 1000}") as client:
            await client.greeted()
            assert await client.next() == {"type": "resync", "seq": head}
            assert positions(await client.until(await post(store))) == [head + 1]

    async def test_events_from_before_the_server_started_come_from_the_database(
        self, live: LiveServer, store: Store
    ) -> None:
        """OD-41"""
        last = await post(store, 1_200)
        # As after a restart: the head is known, the ring is empty.
        store.feed._ring.clear()
        async with live.socket("/ws?after=0") as client:
            await client.greeted()
            assert positions(await client.until(last)) == list(range(1, last + 1))
            assert positions(await client.until(await post(store))) == [last + 1]

    async def test_who_falls_behind_the_ring_misses_nothing(
        self, live: LiveServer, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """OD-41: a burst larger than the ring goes past the hub itself."""
        async with live.socket() as client, live.socket("/ws?kinds=activity") as filtered:
            await client.greeted()
            await filtered.greeted()
            start = store.feed.head
            publish = Feed.publish

            def forgetful(feed: Feed, rows: list[object]) -> None:
                publish(feed, rows)  # pyright: ignore[reportArgumentType]
                feed._ring.clear()

            monkeypatch.setattr(Feed, "publish", forgetful)
            last = await post(store, 700)
            for one in (client, filtered):
                assert positions(await one.until(last)) == list(range(start + 1, last + 1))

    @settings(max_examples=4)
    @given(seed=st.integers(0, 2**32))
    def test_nothing_is_lost_or_repeated_however_often_the_connection_breaks(
        self, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, seed: int
    ) -> None:
        """OD-41"""
        asyncio.run(
            _broken_often(tmp_path_factory.mktemp("log") / "m.db", sqlite_template, random.Random(seed))
        )


async def _broken_often(path: Path, template: Path, chance: random.Random) -> None:
    path.write_bytes(template.read_bytes())
    store = await open_store(path, durability=Durability.RELAXED, clock=wall_clock)
    server = LiveServer(create_native_app(Services(store=store)))
    await server.start()
    start, wanted = store.feed.head, 400
    seen: list[int] = []

    async def listen() -> None:
        position = start
        while position < start + wanted:
            async with server.socket(f"/ws?after={position}") as client:
                await client.greeted()
                for _ in range(chance.randrange(1, 6)):
                    message = await client.next()
                    seen.extend(positions(message["events"]))
                    position = message["seq"]
                    if position >= start + wanted:
                        return
                client.connection.transport.abort()

    async with asyncio.TaskGroup() as group:
        group.create_task(listen())
        while store.feed.head < start + wanted:
            await post(store, min(chance.randrange(1, 9), start + wanted - store.feed.head))
    assert seen == list(range(start + 1, start + wanted + 1))
    await server.stop()
    await store.close()


class TestFilters:
    async def test_a_socket_shows_only_the_kinds_asked_for(self, live: LiveServer, store: Store) -> None:
        """OD-41"""
        async with live.socket("/ws?kinds=project.created,queue") as client:
            await client.greeted()
            await post(store, 20)
            await store.execute(create_project(Project(name="p", allocated=1)))
            (event,) = (await client.next())["events"]
            assert event["kind"] == "project.created"

    async def test_a_socket_shows_only_one_project(self, live: LiveServer, store: Store) -> None:
        """OD-41"""
        first = await store.execute(create_project(Project(name="a")))
        second = await store.execute(create_project(Project(name="b")))
        async with live.socket(f"/ws?project={ids.encode(ids.PROJECT, second)}&after=0") as client:
            await client.greeted()
            await post(store, project_id=first)
            last = await post(store, project_id=second)
            kinds = [event["kind"] for event in await client.until(last)]
        assert kinds == ["project.created", "activity.posted"]

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/ws?after=-1", 422),
            ("/ws?after=x", 422),
            ("/ws?after=1&after=2", 422),
            ("/ws?kinds=nonsense", 422),
            ("/ws?kinds=", 422),
            ("/ws?colour=red", 422),
            ("/ws?project=tsk_0000000000000", 404),
            ("/ws/fleet?kinds=task", 422),
            ("/ws/nothing", 404),
            ("/ws/tasks/tsk_0000000000001", 404),
            ("/ws/tasks/what", 404),
        ],
    )
    async def test_what_cannot_be_shown_is_refused_before_the_socket_opens(
        self, live: LiveServer, path: str, status: int
    ) -> None:
        """OD-42"""
        with pytest.raises(InvalidStatus) as refused:
            async with live.socket(path):
                pass
        assert refused.value.response.status_code == status
        assert {"code", "message", "details", "request_id", "timestamp"} == set(
            json.loads(refused.value.response.body or b"")
        )

    async def test_pages_of_other_origins_get_no_socket(self, live: LiveServer) -> None:
        """OD-41"""
        with pytest.raises(InvalidStatus):
            async with live.socket("/ws", {"Origin": "https://evil.example"}):
                pass


class TestMessages:
    async def test_a_ping_is_answered(self, live: LiveServer, store: Store) -> None:
        """SW-10"""
        async with live.socket() as client:
            await client.greeted()
            answer = await client.say(type="ping")
            assert (answer["type"], answer["seq"]) == ("pong", store.feed.head)

    @pytest.mark.parametrize(
        "said",
        ["{", "[]", '"x"', '{"type":"dance"}', '{"type":"resume","after":-1}', '{"type":"resume"}', b"\0"],
    )
    async def test_what_cannot_be_understood_is_said_so_and_ends_the_socket_when_it_goes_on(
        self, live: LiveServer, limits: StreamLimits, said: str | bytes
    ) -> None:
        """OD-42"""
        async with live.socket() as client:
            await client.greeted()
            for _ in range(limits.bad_messages):
                await client.connection.send(said)
                answer: Message = await client.next()
                assert (answer["type"], answer["code"]) == ("error", "bad_message")
                assert answer["message"]
            assert (await client.closed())[0] == 1008

    async def test_too_large_a_message_ends_the_socket(self, live: LiveServer) -> None:
        """OD-42"""
        async with live.socket() as client:
            await client.greeted()
            await client.connection.send("x" * 70_000)
            assert (await client.closed())[0] == 1009

    async def test_a_socket_that_sends_nonsense_does_not_disturb_another(
        self, live: LiveServer, store: Store
    ) -> None:
        """OD-42"""
        async with live.socket() as bad, live.socket() as good:
            await bad.greeted()
            await good.greeted()
            await bad.connection.send("\x00" * 100)
            last = await post(store, 5)
            assert len(await good.until(last)) == 5


class TestEnds:
    @pytest.fixture
    def limits(self) -> StreamLimits:
        return StreamLimits(sockets=2, heartbeat_seconds=0.05, silence_seconds=0.5, stall_seconds=0.5)

    async def test_one_socket_too_many_is_told_to_try_later(self, live: LiveServer) -> None:
        """OD-41"""
        async with live.socket() as first, live.socket() as second:
            await first.greeted()
            await second.greeted()
            async with live.socket() as third:
                assert (await third.closed())[0] == 1013
        await eventually(lambda: not live.sockets)
        async with live.socket() as again:
            await again.greeted()

    async def test_a_heartbeat_says_where_the_log_is(self, live: LiveServer, store: Store) -> None:
        """OD-41"""
        async with live.socket("/ws?kinds=queue") as client:
            await client.greeted()
            head = await post(store, 4)
            while True:
                async with asyncio.timeout(10):
                    message = json.loads(await client.connection.recv())
                assert message["type"] == "heartbeat"
                if message["seq"] == head:
                    break

    async def test_a_client_that_answers_pings_stays(self, live: LiveServer, store: Store) -> None:
        """OD-41"""
        async with live.socket() as client:
            await client.greeted()
            async with asyncio.timeout(10):
                for _ in range(30):
                    await client.connection.recv()
            last = await post(store)
            assert len(await client.until(last)) == 1

    async def test_a_client_that_answers_nothing_is_closed(
        self, live: LiveServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """OD-41"""
        monkeypatch.setattr("muster.api.stream_protocol.CLOSE_SECONDS", 0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(handshake("/ws"))
        async with asyncio.timeout(10):
            everything = await reader.read()
        code, reason = closing(everything)
        assert code == 1001
        assert "resume after" in reason
        writer.close()

    async def test_the_end_of_the_server_closes_sockets_with_1012(self, live: LiveServer) -> None:
        """OD-41"""
        async with live.socket() as client:
            await client.greeted()
            async with asyncio.TaskGroup() as group:
                group.create_task(live.stop())
                assert (await client.closed())[0] == 1012


class TestSlowClients:
    @pytest.fixture
    def limits(self) -> StreamLimits:
        return StreamLimits(stall_seconds=1.5, heartbeat_seconds=0.3)

    async def test_a_client_that_reads_nothing_costs_no_memory_delays_nobody_and_resumes_later(
        self, live: LiveServer, store: Store
    ) -> None:
        """OD-41"""
        start = last = store.feed.head
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port, limit=2_000)
        writer.write(handshake("/ws"))
        async with asyncio.timeout(10):
            await reader.readuntil(b"\r\n\r\n")
        (stalled,) = await eventually(lambda: live.sockets)
        writer.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        async with live.socket() as quick:
            await quick.greeted()
            for _ in range(20):
                last = await post(store, 100, "x" * 4_000)
                assert len(await quick.until(last)) == 100
                assert stalled.transport.get_write_buffer_size() < 300_000
            assert stalled.stalled_at is not None
            await eventually(lambda: stalled.close_sent)
            writer.transport.resume_reading()  # pyright: ignore[reportAttributeAccessIssue]
            async with asyncio.timeout(10):
                raw = await reader.read()
            code, reason = closing(raw)
            assert code == 1013
            position = int(reason.rpartition(" ")[2])
            assert start < position < last
            got = positions([event for m in texts(raw) for event in m.get("events", ())])
            assert got == list(range(start + 1, position + 1))
            async with live.socket(f"/ws?after={position}") as back:
                await back.greeted()
                assert positions(await back.until(last)) == list(range(position + 1, last + 1))
        writer.close()

    async def test_a_client_that_never_reads_again_is_let_go(
        self, live: LiveServer, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """OD-41"""
        monkeypatch.setattr("muster.api.stream_protocol.CLOSE_SECONDS", 0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port, limit=2_000)
        writer.write(handshake("/ws"))
        async with asyncio.timeout(10):
            await reader.readuntil(b"\r\n\r\n")
        await eventually(lambda: live.sockets)
        writer.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        await post(store, 2_000, "x" * 4_000)
        await eventually(lambda: not live.sockets)
        writer.transport.abort()


def handshake(path: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        "host: 127.0.0.1",
        "upgrade: websocket",
        "connection: Upgrade",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-version: 13",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


def frames(raw: bytes) -> list[tuple[int, bytes]]:
    """Opcode and payload of each of a server's frames; a handshake before them is skipped."""
    at = raw.index(b"\r\n\r\n") + 4 if raw.startswith(b"HTTP/") else 0
    found: list[tuple[int, bytes]] = []
    while at < len(raw):
        size, head = raw[at + 1], 2
        if size == 126:
            size, head = int.from_bytes(raw[at + 2 : at + 4]), 4
        elif size == 127:
            size, head = int.from_bytes(raw[at + 2 : at + 10]), 10
        found.append((raw[at] & 15, raw[at + head : at + head + size]))
        at += head + size
    return found


def texts(raw: bytes) -> list[Message]:
    return [json.loads(payload) for opcode, payload in frames(raw) if opcode == 1]


def closing(raw: bytes) -> tuple[int, str]:
    """Code and reason of the closing frame, which is the last one."""
    opcode, payload = frames(raw)[-1]
    assert opcode == 8
    return int.from_bytes(payload[:2]), payload[2:].decode()


@pytest.mark.parametrize("extensions", [{}, {"websocket.http.response": {}}])
async def test_a_server_that_cannot_carry_sockets_names_the_other_way(
    app: App, extensions: dict[str, object]
) -> None:
    """OD-41"""
    scope = scope_of("GET", "/ws", {"host": "127.0.0.1:5005"})
    scope |= {"type": "websocket", "extensions": extensions}
    incoming = Connection(b"")
    await app(scope, incoming.receive, incoming.send)
    first, *rest = incoming.sent
    if extensions:
        assert first["status"] == 503
        assert b"/api/v1/events" in rest[0]["body"]
    else:
        assert (first["type"], first["code"]) == ("websocket.close", 1008)
        assert "/api/v1/events" in first["reason"]
