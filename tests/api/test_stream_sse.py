"""Server-sent events over a real server."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import ClientResponse, ClientSession, ClientTimeout

from muster.api.stream_limits import StreamLimits
from muster.client.client import Client
from muster.client.events import EventParser, ServerEvent
from muster.client.http import HttpTransport
from muster.commands.projects import create_project
from muster.domain.project import Project
from muster.store.database import Store
from tests.api.live import SECONDS, LiveServer, post
from tests.waiting import eventually

TIMEOUT = ClientTimeout(total=SECONDS)


async def read(response: ClientResponse, count: int) -> list[ServerEvent]:
    parser = EventParser()
    events: list[ServerEvent] = []
    while len(events) < count:
        events += parser.feed(await response.content.readany())
    return events


def url(live: LiveServer, query: str = "") -> str:
    return f"http://127.0.0.1:{live.port}/api/v1/events{query}"


def positions(events: list[ServerEvent]) -> list[int]:
    return [int(event.id) for event in events]


async def test_events_come_from_the_head_on_in_order(live: LiveServer, store: Store) -> None:
    """OD-6, OD-41"""
    await post(store, 3)
    async with ClientSession(timeout=TIMEOUT) as http, http.get(url(live)) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        await response.content.readuntil(b"\n\n")
        start = store.feed.head
        await post(store, 300)
        events = await read(response, 300)
    assert positions(events) == list(range(start + 1, start + 301))
    assert {event.event for event in events} == {"activity.posted"}
    assert json.loads(events[0].data)["seq"] == start + 1


@pytest.mark.parametrize("way", ["query", "header"])
async def test_a_stream_resumes_behind_the_last_event_seen(live: LiveServer, store: Store, way: str) -> None:
    """OD-41: what a browser sends on its own goes before the address it repeats."""
    last = await post(store, 700)
    after = last - 600
    query = f"?after={after}" if way == "query" else "?after=1"
    headers = {} if way == "query" else {"Last-Event-ID": str(after)}
    async with (
        ClientSession(timeout=TIMEOUT) as http,
        http.get(url(live, query), headers=headers) as response,
    ):
        assert positions(await read(response, 600)) == list(range(after + 1, last + 1))


async def test_a_stream_shows_only_what_was_asked_for(live: LiveServer, store: Store) -> None:
    """OD-41"""
    query = "?kinds=project,queue.edited&after=0"
    async with ClientSession(timeout=TIMEOUT) as http, http.get(url(live, query)) as response:
        await post(store, 20)
        await store.execute(create_project(Project(name="p")))
        kinds = [event.event for event in await read(response, 2)]
    assert kinds == ["project.created", "project.created"]


async def test_a_position_the_log_never_had_starts_at_the_head(live: LiveServer, store: Store) -> None:
    """OD-41"""
    head = await post(store)
    async with ClientSession(timeout=TIMEOUT) as http, http.get(url(live, "?after=999999")) as response:
        (resync,) = await read(response, 1)
        assert (resync.event, json.loads(resync.data)) == ("resync", {"seq": head})
        last = await post(store)
        assert positions(await read(response, 1)) == [last]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?after=-1", 422),
        ("?after=1e3", 422),
        ("?kinds=nonsense", 422),
        ("?task=prj_0000000000000", 404),
        ("?colour=red", 422),
    ],
)
async def test_a_stream_that_cannot_be_is_refused(live: LiveServer, query: str, status: int) -> None:
    """OD-42"""
    async with ClientSession(timeout=TIMEOUT) as http, http.get(url(live, query)) as response:
        assert response.status == status
        assert (await response.json())["code"]


async def test_a_bad_last_event_id_is_refused(live: LiveServer) -> None:
    """OD-42"""
    headers = {"Last-Event-ID": "abc"}
    async with ClientSession(timeout=TIMEOUT) as http, http.get(url(live), headers=headers) as response:
        assert response.status == 422
        assert "last-event-id" in (await response.json())["message"]


async def test_the_end_of_the_server_ends_the_stream_in_order(
    live: LiveServer, store: Store, services: object
) -> None:
    """OD-41"""
    drain = services.drain  # pyright: ignore[reportAttributeAccessIssue]
    async with ClientSession(timeout=TIMEOUT) as http, http.get(url(live)) as response:
        await response.content.readuntil(b"\n\n")
        drain.start()
        assert await response.content.read() == b""


async def test_our_own_client_follows_the_stream_across_broken_connections(
    live: LiveServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OD-6"""
    monkeypatch.setattr("muster.client.client.RECONNECT_SECONDS", 0.01)
    start = store.feed.head
    transport = HttpTransport(f"http://127.0.0.1:{live.port}")
    events = Client(transport).events(after=start)
    seen: list[int] = []

    async def follow() -> None:
        async for event in events:
            seen.append(int(event.id))
            if len(seen) == 60:
                return

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        group.create_task(follow())
        for number in range(6):
            await post(store, 10)
            await eventually(lambda wanted=10 * (number + 1): len(seen) >= wanted)
            for one in list(live.server.server_state.connections):
                if one.transport is not None:
                    one.transport.abort()
    assert seen == list(range(start + 1, start + 61))
    await events.aclose()  # pyright: ignore[reportAttributeAccessIssue]
    await transport.close()


class TestLimits:
    @pytest.fixture
    def limits(self) -> StreamLimits:
        return StreamLimits(event_streams=1, heartbeat_seconds=0.05)

    async def test_one_stream_too_many_is_told_to_try_later(self, live: LiveServer) -> None:
        """OD-42"""
        async with ClientSession(timeout=TIMEOUT) as http:
            async with http.get(url(live)) as first:
                await first.content.readuntil(b"\n\n")
                async with http.get(url(live)) as second:
                    assert second.status == 429
            first.close()

            async def again() -> bool:
                async with http.get(url(live)) as third:
                    return third.status == 200

            await eventually(again)

    async def test_a_heartbeat_moves_the_position_to_resume_from(
        self, live: LiveServer, store: Store
    ) -> None:
        """OD-41"""
        async with ClientSession(timeout=TIMEOUT) as http, http.get(url(live, "?kinds=queue")) as response:
            await response.content.readuntil(b"\n\n")
            last = await post(store, 5)
            while True:
                block = await response.content.readuntil(b"\n\n")
                assert block.startswith(b": heartbeat\nid: ")
                if int(block.split(b"id: ")[1]) == last:
                    break
