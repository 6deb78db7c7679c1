"""Who looks at the same request or task, over a real server."""

from __future__ import annotations

import asyncio
import json

import pytest

from muster.api.stream_limits import StreamLimits
from muster.api.stream_onlookers import MAX_ITEMS, MAX_NAMES
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.live import Listener, LiveServer, Message, post
from tests.api.test_stream_socket import handshake
from tests.waiting import eventually


@pytest.fixture
async def task(api: Api) -> str:
    return (await api.post("/api/v1/tasks", {"title": "looked at", "kind": "manual"})).json["id"]


async def look(client: Listener, *items: str, **said: str) -> Message:
    return await client.say(type="look", items=list(items), **said)


async def told(client: Listener) -> tuple[str, list[str], int]:
    message = await client.next()
    assert message["type"] == "onlookers", message
    return message["item"], message["names"], message["more"]


async def test_who_looks_at_an_item_is_told_to_the_others_and_leaves_with_the_socket(
    live: LiveServer, task: str
) -> None:
    """OD-20: two people, one item"""
    async with live.socket() as ann:
        await ann.greeted()
        assert (await look(ann, task, by="ann"))["items"] == [task]
        async with live.socket("/ws/fleet") as bob:
            await bob.greeted()
            await look(bob, task, by="bob")
            assert await told(bob) == (task, ["ann"], 0)
            assert await told(ann) == (task, ["bob"], 0)
        assert await told(ann) == (task, [], 0)


async def test_looking_at_something_else_ends_looking_at_the_first(
    live: LiveServer, api: Api, task: str
) -> None:
    """OD-20"""
    other = (await api.post("/api/v1/tasks", {"title": "other", "kind": "manual"})).json["id"]
    async with live.socket() as ann, live.socket() as bob:
        for client in (ann, bob):
            await client.greeted()
        await look(ann, task, other, by="ann")
        await look(bob, task, by="bob")
        await told(bob)
        assert await told(ann) == (task, ["bob"], 0)
        await look(bob, other)
        assert await told(bob) == (other, ["ann"], 0)
        assert sorted([await told(ann), await told(ann)]) == sorted([(task, [], 0), (other, [], 1)])
        await look(bob)
        assert await told(ann) == (other, [], 0)


async def test_requests_are_looked_at_as_tasks_are(live: LiveServer, api: Api, task: str) -> None:
    """OD-20"""
    (held,) = (await api.post(f"/api/v1/tasks/{task}/claim", {"agent_id": "asker"})).json["claims"]
    body = {"token": held["token"], "key": "k", "kind": "question", "title": "Which?", "document": {}}
    request = (await api.post(f"/api/v1/attempts/{held['attempt_id']}/approvals", body)).json["approval_id"]
    async with live.socket() as ann, live.socket() as bob:
        for client in (ann, bob):
            await client.greeted()
            await look(client, request)
        assert await told(bob) == (request, [], 1)
        assert await told(ann) == (request, [], 1)


async def test_windows_of_one_person_or_one_browser_are_one_and_not_told_of_themselves(
    live: LiveServer, task: str
) -> None:
    """OD-20"""
    async with live.socket() as one, live.socket() as two, live.socket() as other:
        for client in (one, two, other):
            await client.greeted()
        await look(one, task, browser="b1")
        await look(two, task, browser="b1")
        await look(other, task, by="ann", browser="b2")
        assert await told(other) == (task, [], 1)
        assert await told(one) == (task, ["ann"], 0)
        await look(two)
        await look(one, task, by="ann", browser="b1")
        # What is told last is that nobody else is there: it was one anonymous, and is Ann herself now.
        assert await told(other) == (task, [], 0)


async def test_names_are_bounded_and_the_rest_is_counted(live: LiveServer, task: str) -> None:
    """OD-20"""
    async with live.socket() as ann:
        await ann.greeted()
        await look(ann, task)
        async with asyncio.TaskGroup() as group:
            leaving = asyncio.Event()

            async def come(name: str) -> None:
                async with live.socket() as client:
                    await client.greeted()
                    await look(client, task, by=name)
                    await leaving.wait()

            for number in range(MAX_NAMES + 3):
                group.create_task(come(f"p{number}"))
            names: list[str] = []
            more = 0
            while more < 3:
                _, names, more = await told(ann)
            leaving.set()
        assert len(set(names)) == MAX_NAMES
        while names or more:
            _, names, more = await told(ann)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"items": ["tsk_0000000000000"]}, "not_found"),
        ({"items": ["apr_0000000000000"]}, "not_found"),
        ({"items": ["prj_0000000000000"]}, "invalid_input"),
        ({"items": ["tsk_0000000000000"] * (MAX_ITEMS + 1)}, "invalid_input"),
        ({"items": [], "by": "a\nb"}, "invalid_input"),
        ({"items": [], "browser": "b" * 300}, "invalid_input"),
        ({"items": "all"}, "bad_message"),
    ],
)
async def test_what_cannot_be_looked_at_is_refused(
    live: LiveServer, task: str, said: dict[str, object], code: str
) -> None:
    """OD-20: as reading the item"""
    async with live.socket() as ann, live.socket() as bob:
        for client in (ann, bob):
            await client.greeted()
            await look(client, task)
        await told(bob)
        await told(ann)
        assert (await bob.say(type="look", **said))["code"] == code
        if code != "bad_message":
            assert await told(ann) == (task, [], 0)


async def test_looking_is_not_in_the_log_and_events_go_on(live: LiveServer, store: Store, task: str) -> None:
    """OD-20: nothing of it is kept"""
    before = store.feed.head
    async with live.socket() as client:
        await client.greeted()
        await look(client, task, by="ann")
        assert store.feed.head == before
        last = await post(store, 3)
        assert len(await client.until(last)) == 3


class TestBrokenConnections:
    @pytest.fixture
    def limits(self) -> StreamLimits:
        return StreamLimits(absent_seconds=0.6)

    async def test_who_is_cut_off_is_gone_soon_and_back_when_heard_of_again(
        self, live: LiveServer, task: str
    ) -> None:
        """OD-20: gone within seconds after the connection broke unsaid"""
        async with live.socket() as ann:
            await ann.greeted()
            await look(ann, task, by="ann")
            # A client that answers no pings, as one whose cable was pulled.
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
            writer.write(handshake("/ws"))
            async with asyncio.timeout(20):
                await reader.readuntil(b"\r\n\r\n")
            try:
                writer.write(_masked({"type": "look", "items": [task], "by": "bob"}))
                assert await told(ann) == (task, ["bob"], 0)
                assert await told(ann) == (task, [], 0)
                assert len(await eventually(lambda: live.sockets)) == 2
                writer.write(_masked({"type": "ping"}))
                assert await told(ann) == (task, ["bob"], 0)
            finally:
                writer.close()
            assert await told(ann) == (task, [], 0)


def _masked(message: Message) -> bytes:
    """A client's text frame of less than 126 bytes, under a mask that changes nothing."""
    text = json.dumps(message).encode()
    return b"\x81" + bytes([128 | len(text)]) + bytes(4) + text
