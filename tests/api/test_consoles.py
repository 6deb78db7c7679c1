"""Consoles: two streams of bytes between a person and a worker, by position, and every reason for their end."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from typing import Any

import pytest

from muster.api.consoles import (
    BACK_SECONDS,
    CARRYING_SECONDS,
    MOST_OPEN,
    MOST_TYPED,
    MOST_UNREAD,
    OPENING_SECONDS,
    WORKER_GONE,
    WORKER_SECONDS,
    Consoles,
)
from muster.api.longpoll import Caller, Drain
from muster.api.services import Services
from muster.client import wire_consoles as wire
from muster.commands.sandboxes import OpenSandbox, record_sandboxes
from muster.domain import ids
from muster.domain.errors import NotFound
from muster.store.database import Store
from tests.api.asgi import Api

V1 = "/api/v1"


def box(name: str, attempt: int | None, level: str = "bubblewrap") -> OpenSandbox:
    return OpenSandbox(name=name, attempt_id=attempt, level=level, state="running")


async def opened(api: Api, store: Store, level: str = "bubblewrap") -> dict[str, Any]:
    """A claim whose sandbox `box` is open."""
    await api.post(f"{V1}/tasks", {"title": "work", "kind": "prompt", "queue": "inbox"})
    claim = (await api.post(f"{V1}/claims", {"agent_id": "ann"})).json["claims"][0]
    attempt = ids.decode(ids.ATTEMPT, claim["attempt_id"])
    await store.execute(record_sandboxes("w1", [box("box", attempt, level)]))
    return claim


class Ends:
    """Both ends of one console: whoever opened it, and its worker."""

    def __init__(self, api: Api, ident: str) -> None:
        self.api = api
        self.ident = ident

    @classmethod
    async def of(cls, api: Api, **size: int) -> Ends:
        made = await api.post(f"{V1}/sandboxes/box/console", size)
        assert made.status == 200, made.json
        return cls(api, made.json["id"])

    async def call(self, name: str, **body: Any) -> dict[str, Any]:
        for field in {"data"} & set(body):
            body[field] = b64encode(body[field]).decode()
        reply = await self.api.post(f"{V1}/consoles/{self.ident}/{name}", body)
        assert reply.status == 200, reply.json
        answer = dict(reply.json)
        if "data" in answer:
            answer["data"] = b64decode(answer["data"])
        return answer


class TestOpening:
    async def test_it_is_written_down_and_its_worker_is_told_until_it_comes(
        self, api: Api, store: Store
    ) -> None:
        """OD-34: who opened one is in the log; what is typed is not."""
        claim = await opened(api, store)
        made = (await api.post(f"{V1}/sandboxes/box/console", {"columns": 100, "rows": 30})).json
        assert made == {
            "id": made["id"],
            "sandbox_id": "box",
            "task_id": claim["task_id"],
            "level": "bubblewrap",
            "isolated": True,
            "idle_minutes": 15.0,
        }
        held = {"attempt_id": claim["attempt_id"], "token": claim["token"]}
        beat = {"host": "h", "leases": [held], "wait_seconds": 20}
        told = (await api.post(f"{V1}/workers/w1/heartbeat", beat)).json["directives"]
        assert told == [{"kind": "console", "attempt_id": claim["attempt_id"], "id": made["id"]}]
        ends = Ends(api, made["id"])
        assert (await ends.call("input"))["columns"] == 100
        beat["wait_seconds"] = 0
        assert not (await api.post(f"{V1}/workers/w1/heartbeat", beat)).json["directives"]
        (entry,) = (await api.get(f"{V1}/activities?kind=console.opened")).json["items"]
        event = (await api.get(f"{V1}/activities/{entry['id']}")).json["event"]
        assert event["data"] == {
            "sandbox": "box",
            "worker_id": "w1",
            "level": "bubblewrap",
            "by": "127.0.0.1",
        }

    async def test_a_heartbeat_that_waits_hears_of_it_at_once(self, api: Api, store: Store) -> None:
        claim = await opened(api, store)
        held = {"attempt_id": claim["attempt_id"], "token": claim["token"]}
        beat = {"host": "h", "leases": [held], "wait_seconds": 50}
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            waiting = group.create_task(api.post(f"{V1}/workers/w1/heartbeat", beat))
            made = await api.post(f"{V1}/sandboxes/box/console", {})
        assert [word["id"] for word in waiting.result().json["directives"]] == [made.json["id"]]

    @pytest.mark.parametrize(
        ("level", "words"),
        [("container", "container"), ("gvisor", "gVisor"), ("firecracker", "virtual machine")],
    )
    async def test_a_level_that_has_none_says_why(
        self, api: Api, store: Store, level: str, words: str
    ) -> None:
        await opened(api, store, level)
        said = (await api.get(f"{V1}/sandboxes/box")).json["no_console"]
        assert words in said
        reply = await api.post(f"{V1}/sandboxes/box/console", {})
        assert (reply.status, reply.json["code"], reply.json["message"]) == (409, "no_console", said)
        assert not (await api.get(f"{V1}/activities?kind=console")).json["items"]

    async def test_one_on_the_machine_itself_says_that_it_is(self, api: Api, store: Store) -> None:
        await opened(api, store, "process")
        assert (await api.get(f"{V1}/sandboxes/box")).json["no_console"] is None
        assert (await api.post(f"{V1}/sandboxes/box/console", {})).json["isolated"] is False

    async def test_one_too_many_is_refused_and_not_written_down(
        self, api: Api, store: Store, services: Services
    ) -> None:
        claim = await opened(api, store)
        for _ in range(MOST_OPEN):
            services.consoles.open(claim["attempt_id"], 80, 24)
        reply = await api.post(f"{V1}/sandboxes/box/console", {})
        assert (reply.status, reply.json["code"]) == (409, "too_many_consoles")
        assert not (await api.get(f"{V1}/activities?kind=console")).json["items"]

    async def test_one_that_cannot_be_written_down_is_closed(
        self, api: Api, store: Store, services: Services
    ) -> None:
        claim = await opened(api, store)
        done = {"token": claim["token"], "output": "ok"}
        await api.post(f"{V1}/attempts/{claim['attempt_id']}/complete", done)
        assert (await api.post(f"{V1}/sandboxes/box/console", {})).status in (404, 409)
        assert services.consoles.wanted(claim["attempt_id"]) == []

    async def test_switched_off_there_is_none(self, api: Api, store: Store, services: Services) -> None:
        await opened(api, store)
        services.consoles = Consoles(enabled=False, idle_seconds=60, wake=lambda _: None)
        reply = await api.post(f"{V1}/sandboxes/box/console", {})
        assert reply.status == 409
        assert "console.enabled" in reply.json["message"]
        assert "console.enabled" in (await api.get(f"{V1}/sandboxes/box")).json["no_console"]

    async def test_where_no_sandbox_is_open_or_no_task_owns_it_there_is_none(
        self, api: Api, store: Store
    ) -> None:
        assert (await api.post(f"{V1}/sandboxes/ghost/console", {})).status == 404
        await store.execute(record_sandboxes("w1", [box("stray", None)]))
        assert (await api.post(f"{V1}/sandboxes/stray/console", {})).status == 409
        assert (await api.post(f"{V1}/consoles/con_0/read", {})).status == 404

    async def test_an_attempt_that_has_ended_has_none_though_its_sandbox_is_listed_still(
        self, api: Api, store: Store
    ) -> None:
        claim = await opened(api, store)
        await api.post(f"{V1}/attempts/{claim['attempt_id']}/complete", {"token": claim["token"]})
        reply = await api.post(f"{V1}/sandboxes/box/console", {})
        assert (reply.status, reply.json["code"]) == (409, "no_console")
        assert not (await api.get(f"{V1}/activities?kind=console")).json["items"]

    @pytest.mark.parametrize("size", [{"columns": 0}, {"rows": 1001}, {"columns": "80"}, {"width": 80}])
    async def test_a_size_that_is_none_is_refused(self, api: Api, store: Store, size: dict[str, Any]) -> None:
        await opened(api, store)
        assert (await api.post(f"{V1}/sandboxes/box/console", size)).status == 422

    async def test_bytes_that_are_no_base64_are_refused(self, api: Api, store: Store) -> None:
        await opened(api, store)
        ends = await Ends.of(api)
        for wrong in ("A", "**", "QUFB" * 30_000):
            reply = await api.post(f"{V1}/consoles/{ends.ident}/write", {"data": wrong})
            assert reply.status == 422, wrong[:8]


class TestStreams:
    async def test_what_is_typed_reaches_the_worker_and_what_is_said_the_reader(
        self, api: Api, store: Store
    ) -> None:
        await opened(api, store)
        ends = await Ends.of(api, columns=80, rows=24)
        assert (await ends.call("read"))["state"] == "opening"
        await ends.call("input")
        assert await ends.call("write", data=b"ls\n") == {"position": 3, "state": "open"}
        typed = await ends.call("input", columns=80, rows=24, wait_seconds=20)
        assert (typed["data"], typed["position"], typed["closed"]) == (b"ls\n", 3, False)
        assert await ends.call("output", data=b"a b\xff\r\n") == {"position": 6, "closed": False}
        shown = await ends.call("read", wait_seconds=20)
        assert (shown["data"], shown["position"], shown["state"]) == (b"a b\xff\r\n", 6, "open")

    async def test_who_waits_is_woken(self, api: Api, store: Store) -> None:
        await opened(api, store)
        ends = await Ends.of(api)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            typed = group.create_task(ends.call("input", columns=80, rows=24, wait_seconds=50))
            shown = group.create_task(ends.call("read", wait_seconds=50))
            await ends.call("write", data=b"x")
            await ends.call("output", data=b"y")
        assert (typed.result()["data"], shown.result()["data"]) == (b"x", b"y")

    async def test_what_is_sent_twice_is_taken_once_and_a_gap_is_not_taken(
        self, api: Api, store: Store
    ) -> None:
        """OD-34: a lost answer does no harm"""
        await opened(api, store)
        ends = await Ends.of(api)
        for _ in range(2):
            assert (await ends.call("write", position=0, data=b"rm "))["position"] == 3
            assert (await ends.call("output", position=0, data=b"abc"))["position"] == 3
        assert (await ends.call("write", position=2, data=b" -i"))["position"] == 5
        assert (await ends.call("write", position=9, data=b"late"))["position"] == 5
        assert (await ends.call("output", position=4, data=b"late"))["position"] == 3
        assert (await ends.call("input"))["data"] == b"rm -i"
        assert (await ends.call("input"))["data"] == b"rm -i"
        assert (await ends.call("input", position=3))["data"] == b"-i"
        assert (await ends.call("read", position=0))["data"] == b"abc"
        assert (await ends.call("read", position=0))["data"] == b"abc"
        assert (await ends.call("read", position=3))["data"] == b""
        assert (await ends.call("output", position=3, data=b"d"))["position"] == 4
        assert (await ends.call("read", position=3))["data"] == b"d"

    async def test_another_size_wakes_the_worker(self, api: Api, store: Store) -> None:
        await opened(api, store)
        ends = await Ends.of(api, columns=80, rows=24)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            typed = group.create_task(ends.call("input", columns=80, rows=24, wait_seconds=50))
            await ends.call("write", columns=120, rows=40)
        assert (typed.result()["columns"], typed.result()["rows"], typed.result()["data"]) == (120, 40, b"")

    async def test_output_that_nobody_reads_is_bounded_and_the_worker_waits_for_room(
        self, api: Api, store: Store
    ) -> None:
        """OD-34: `yes` in a console that nobody looks at fills no memory"""
        await opened(api, store)
        ends = await Ends.of(api)
        piece = b"y\n" * (wire.PIECE_BYTES // 2)
        position = 0
        while (taken := (await ends.call("output", position=position, data=piece))["position"]) > position:
            position = taken
        assert MOST_UNREAD <= position < MOST_UNREAD + len(piece)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            more = group.create_task(ends.call("output", position=position, data=piece, wait_seconds=50))
            read = (await ends.call("read"))["position"]
            await ends.call("read", position=read)
        assert more.result()["position"] == position + len(piece)

    async def test_what_is_typed_and_not_taken_is_bounded_too(self, api: Api, store: Store) -> None:
        await opened(api, store)
        ends = await Ends.of(api)
        await ends.call("write", data=b"x" * MOST_TYPED)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            more = group.create_task(ends.call("write", position=MOST_TYPED, data=b"y"))
            taken = (await ends.call("input"))["position"]
            await ends.call("input", position=taken, columns=80, rows=24)
        assert more.result()["position"] == MOST_TYPED + 1


class TestEnds:
    async def test_the_end_is_told_once_everything_was_read(self, api: Api, store: Store) -> None:
        await opened(api, store)
        ends = await Ends.of(api)
        await ends.call("output", data=b"bye")
        said = await ends.call("output", position=2**53, ended=True, exit_code=7)
        assert said["closed"] is True
        shown = await ends.call("read")
        assert (shown["data"], shown["state"], shown["exit_code"]) == (b"bye", "ended", 7)
        assert (await ends.call("write", data=b"x"))["state"] == "ended"

    async def test_a_closed_one_tells_both_ends_while_they_wait(self, api: Api, store: Store) -> None:
        await opened(api, store)
        ends = await Ends.of(api)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            typed = group.create_task(ends.call("input", columns=80, rows=24, wait_seconds=50))
            shown = group.create_task(ends.call("read", wait_seconds=50))
            reply = await api.delete(f"{V1}/consoles/{ends.ident}")
        assert reply.json == {"id": ends.ident, "done": "closed"}
        assert typed.result()["closed"] is True
        assert (shown.result()["state"], shown.result()["problem"]) == ("ended", "It was closed.")
        assert (await api.delete(f"{V1}/consoles/{ends.ident}")).status == 200

    async def test_there_are_only_so_many(self, api: Api, store: Store) -> None:
        await opened(api, store)
        made = [await Ends.of(api) for _ in range(MOST_OPEN)]
        reply = await api.post(f"{V1}/sandboxes/box/console", {})
        assert (reply.status, reply.json["code"]) == (409, "too_many_consoles")
        await api.delete(f"{V1}/consoles/{made[0].ident}")
        assert (await api.post(f"{V1}/sandboxes/box/console", {})).status == 200


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.consoles = Consoles(enabled=True, idle_seconds=300, wake=lambda _: None, now=lambda: self.now)
        self.ident = self.consoles.open("att_1", 80, 24).id

    async def read(self) -> wire.ConsoleShown:
        return await self.consoles.read(self.ident, wire.ConsoleRead(), caller())

    async def input(self) -> wire.ConsoleTyped:
        return await self.consoles.input(self.ident, wire.ConsoleInput(), caller())

    async def hang_up(self) -> None:
        """Its worker waits for keys, and is gone."""
        asks = wire.ConsoleInput(columns=80, rows=24, wait_seconds=50)
        await self.consoles.input(self.ident, asks, caller())


def caller(*, patient: bool = False) -> Caller:
    async def nothing() -> dict[str, Any]:
        if patient:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return Caller(nothing, Drain(), "r")


class TestTime:
    async def test_a_worker_that_does_not_come_ends_it(self) -> None:
        here = Hand()
        assert here.consoles.wanted("att_1") == [here.ident]
        here.now += OPENING_SECONDS + 1
        assert here.consoles.wanted("att_1") == []
        shown = await here.read()
        assert shown.state == "ended"
        assert "did not come within 20 s" in (shown.problem or "")

    async def test_one_in_which_nothing_is_typed_ends(self) -> None:
        here = Hand()
        await here.input()
        for _ in range(7):
            here.now += 50
            assert (await here.input()).closed is (here.now >= 1_300)
            shown = await here.read()
        assert (shown.state, shown.problem) == ("ended", "Nothing was typed for 5 minutes.")

    async def test_keys_keep_it_open(self) -> None:
        here = Hand()
        for position in range(12):
            here.now += 50
            await here.input()
            await here.read()
            typed = wire.ConsoleWrite(position=position, data=b"x")
            assert (await here.consoles.write(here.ident, typed, caller())).position == position + 1
        assert (await here.read()).state == "open"

    async def test_a_worker_that_is_gone_and_a_reader_that_is_gone_end_it(self) -> None:
        here = Hand()
        await here.input()
        here.now += WORKER_SECONDS + 1
        assert (await here.read()).problem == WORKER_GONE
        here = Hand()
        for _ in range(4):
            await here.input()
            here.now += 30
        assert (await here.input()).closed
        assert (await here.read()).problem == "Nobody looked at it any more."

    async def test_a_worker_that_beats_is_there_and_one_that_asks_for_nothing_is_not(self) -> None:
        here = Hand()
        await here.input()
        while here.now < 1_000 + CARRYING_SECONDS - WORKER_SECONDS:
            here.now += WORKER_SECONDS - 1
            here.consoles.heard("att_1")
            assert (await here.read()).state == "open"
        here.now = 1_000 + CARRYING_SECONDS
        here.consoles.heard("att_1")
        assert (await here.read()).problem == WORKER_GONE

    async def test_a_worker_that_hangs_up_may_come_back(self) -> None:
        here = Hand()
        for returns in (here.input, lambda: here.consoles.heard("att_1")):
            await here.hang_up()
            here.now += BACK_SECONDS - 1
            assert (await here.read()).state == "open"
            if (back := returns()) is not None:
                await back
            here.now += BACK_SECONDS
            assert (await here.read()).state == "open"
        await here.hang_up()
        here.now += BACK_SECONDS
        assert (await here.read()).problem == WORKER_GONE

    @pytest.mark.parametrize("come", [False, True])
    async def test_who_reads_is_told_in_the_moment_in_which_a_worker_counts_as_gone(
        self, monkeypatch: pytest.MonkeyPatch, come: bool
    ) -> None:
        """OD-34: nobody has to ask again for that"""
        monkeypatch.setattr("muster.api.consoles.BACK_SECONDS", 0.05)
        monkeypatch.setattr("muster.api.consoles.OPENING_SECONDS", 30 if come else 0.05)
        consoles = Consoles(enabled=True, idle_seconds=300, wake=lambda _: None)
        ident = consoles.open("att_1", 80, 24).id
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            reading = group.create_task(
                consoles.read(ident, wire.ConsoleRead(wait_seconds=50), caller(patient=True))
            )
            if come:
                asks = wire.ConsoleInput(columns=80, rows=24, wait_seconds=50)
                await consoles.input(ident, asks, caller())
        assert reading.result().state == "ended"
        assert (reading.result().problem == WORKER_GONE) is come

    async def test_it_can_be_read_for_a_minute_after_its_end(self) -> None:
        here = Hand()
        await here.input()
        here.consoles.close(here.ident)
        here.now += 59
        assert (await here.read()).state == "ended"
        here.now += 2
        here.consoles.open("att_1", 80, 24)
        with pytest.raises(NotFound):
            await here.read()
