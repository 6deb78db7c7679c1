"""Sockets about the fleet, one task, money, and rooms."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from muster.commands.attempts import EndAttempt, end_attempts
from muster.commands.claims import Claimed, ClaimTasks, claim_tasks
from muster.commands.output import RecordOutput, record_output
from muster.commands.projects import create_project
from muster.commands.sessions import create_session, edit_session
from muster.commands.tasks import NewTask, submit_tasks
from muster.domain import ids
from muster.domain.admission import ClaimFilter
from muster.domain.project import Project
from muster.domain.retry import RetryPolicy
from muster.domain.session import Session
from muster.domain.task import TaskSpec
from muster.store.database import Store
from muster.store.statements import Statement
from tests.api.live import LiveServer, Message, post

QUEUE = Statement("SELECT id FROM queues WHERE name = 'inbox'")
RETRY = RetryPolicy(base_seconds=0)


async def submit(store: Store, project: int, **more: Any) -> int:
    queue = (await store.rows(QUEUE))[0][0]
    spec = TaskSpec(title="work", retry=RETRY)
    new = NewTask(spec=spec, kind="prompt", project_id=project, queue_id=queue, **more)
    return (await store.execute(submit_tasks([new])))[0].task_id


async def claim(store: Store, agent: str = "ann") -> Claimed:
    return (await store.execute(claim_tasks(ClaimTasks(ClaimFilter(agent))))).claims[0]


async def write(store: Store, held: Claimed, position: int, *lines: str) -> None:
    pairs = [("stdout", line) for line in lines]
    await store.execute(record_output(RecordOutput(held.attempt_id, held.token, position, pairs)))


@pytest.fixture
async def project(store: Store) -> int:
    return await store.execute(create_project(Project(name="p", allocated=10_000_000)))


async def test_the_fleet_is_agents_tasks_attempts_and_queues(
    live: LiveServer, store: Store, project: int
) -> None:
    """OD-41"""
    async with live.socket("/ws/fleet") as client:
        await client.greeted()
        await post(store, 3)
        await submit(store, project)
        held = await claim(store)
        await store.execute(end_attempts(EndAttempt(held.attempt_id, held.token)))
        kinds = [event["kind"] for event in await client.until(store.feed.head)]
    assert kinds == ["task.submitted", "agent.registered", "attempt.started", "attempt.succeeded"]


class TestCosts:
    async def test_money_that_moves_comes_with_the_totals_of_its_project(
        self, live: LiveServer, store: Store, project: int
    ) -> None:
        """OD-41, OD-6"""
        async with live.socket("/ws/costs") as client:
            await client.greeted()
            opening = await client.next()
            totals = {one["project_id"]: one for one in opening["projects"]}
            assert totals[ids.encode(ids.PROJECT, project)] == {
                "project_id": ids.encode(ids.PROJECT, project),
                "allocated_usd": 10,
                "reserved_usd": 0,
                "spent_usd": 0,
                "remaining_usd": 10,
            }
            await post(store, 3)
            await submit(store, project, estimate=2_000_000)
            held = await claim(store)
            started = await client.next()
            await store.execute(end_attempts(EndAttempt(held.attempt_id, held.token, cost=1_500_000)))
            ended = await client.next()
        assert [event["kind"] for event in started["events"]] == ["attempt.started"]
        assert (started["projects"][0]["reserved_usd"], started["projects"][0]["remaining_usd"]) == (2, 8)
        assert [event["amount_usd"] for event in ended["events"]] == [1.5]
        assert (ended["projects"][0]["spent_usd"], ended["projects"][0]["reserved_usd"]) == (1.5, 0)

    async def test_a_project_without_a_budget_has_no_remainder(self, live: LiveServer, store: Store) -> None:
        """OD-41"""
        async with live.socket("/ws/costs") as client:
            await client.greeted()
            (default,) = (await client.next())["projects"]
            assert (default["allocated_usd"], default["remaining_usd"]) == (None, None)


class Lines:
    """What a socket of a task shows: output lines by attempt, event kinds."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.lines: list[tuple[str, int, str]] = []

    def take(self, message: Message) -> None:
        if message["type"] == "events":
            self.kinds += [event["kind"] for event in message["events"]]
        else:
            assert message["next_line"] == message["line"] + len(message["lines"])
            self.lines += [
                (message["attempt_id"], number, line["text"])
                for number, line in enumerate(message["lines"], message["line"])
            ]


class TestOneTask:
    async def test_a_tasks_events_and_lines_come_as_they_happen(
        self, live: LiveServer, store: Store, project: int
    ) -> None:
        """OD-41, SQ-20"""
        task, other = await submit(store, project), await submit(store, project)
        async with live.socket(f"/ws/tasks/{ids.encode(ids.TASK, task)}") as client:
            await client.greeted()
            seen = Lines()
            held, foreign = await claim(store), await claim(store, "bob")
            assert (held.task_id, foreign.task_id) == (task, other)
            seen.take(await client.next())
            await write(store, foreign, 0, "not ours")
            await write(store, held, 0, "one", "two")
            seen.take(await client.next())
            await write(store, held, 2, "three")
            seen.take(await client.next())
            await store.execute(end_attempts(EndAttempt(held.attempt_id, held.token)))
            seen.take(await client.next())
        attempt = ids.encode(ids.ATTEMPT, held.attempt_id)
        assert seen.kinds == ["attempt.started", "attempt.succeeded"]
        assert seen.lines == [(attempt, 0, "one"), (attempt, 1, "two"), (attempt, 2, "three")]

    async def test_the_next_attempts_lines_follow_those_of_the_one_before(
        self, live: LiveServer, store: Store, project: int
    ) -> None:
        """OD-41"""
        task = await submit(store, project)
        first = await claim(store)
        await write(store, first, 0, "a0", "a1", "a2")
        where = f"/ws/tasks/{ids.encode(ids.TASK, task)}?line=1"
        async with live.socket(where) as client:
            await client.greeted()
            seen = Lines()
            seen.take(await client.next())
            failed = EndAttempt(first.attempt_id, first.token, code="agent_error", message="m", retry=True)
            await store.execute(end_attempts(failed))
            second = await claim(store)
            await write(store, second, 0, "b0")
            while len(seen.lines) < 3:
                seen.take(await client.next())
        names = [ids.encode(ids.ATTEMPT, held.attempt_id) for held in (first, second)]
        assert seen.lines == [(names[0], 1, "a1"), (names[0], 2, "a2"), (names[1], 0, "b0")]

    async def test_output_resumes_in_an_earlier_attempt(
        self, live: LiveServer, store: Store, project: int
    ) -> None:
        """OD-41"""
        task = await submit(store, project)
        first = await claim(store)
        await write(store, first, 0, *(f"a{number}" for number in range(50)))
        failed = EndAttempt(first.attempt_id, first.token, code="agent_error", message="m", retry=True)
        await store.execute(end_attempts(failed))
        second = await claim(store)
        for number in range(20):
            await write(store, second, number, f"b{number}")
        attempt = ids.encode(ids.ATTEMPT, first.attempt_id)
        async with live.socket(f"/ws/tasks/{ids.encode(ids.TASK, task)}?attempt={attempt}&line=48") as client:
            await client.greeted()
            seen = Lines()
            while len(seen.lines) < 22:
                seen.take(await client.next())
        texts = [text for _, _, text in seen.lines]
        assert texts == ["a48", "a49", *(f"b{number}" for number in range(20))]

    async def test_a_part_that_was_dropped_shows_in_the_numbers_of_the_lines(
        self, live: LiveServer, store: Store, project: int
    ) -> None:
        """OD-41, SQ-20"""
        task = await submit(store, project)
        held = await claim(store)
        for number in range(24):
            await write(store, held, number, f"{number} " + "x" * 500_000)
        async with live.socket(f"/ws/tasks/{ids.encode(ids.TASK, task)}?line=0") as client:
            await client.greeted()
            seen = Lines()
            while not seen.lines or seen.lines[-1][1] < 23:
                seen.take(await client.next())
        numbers = [number for _, number, _ in seen.lines]
        assert numbers == sorted(set(numbers))
        assert (numbers[0], numbers[-1]) == (0, 23)
        assert len(numbers) < 24
        assert all(text.startswith(f"{number} ") for _, number, text in seen.lines)


class TestRooms:
    async def test_a_room_carries_its_session_and_the_sessions_tasks(
        self, live: LiveServer, store: Store, project: int
    ) -> None:
        """SW-10"""
        session = await store.execute(create_session(Session(name="s")))
        other = await store.execute(create_session(Session(name="t")))
        room = f"session:{ids.encode(ids.SESSION, session)}"
        async with live.socket() as client:
            await client.greeted()
            answer = await client.say(type="subscribe", room=room)
            assert answer == {"type": "subscribed", "room": room, "seq": store.feed.head}
            await submit(store, project, session_id=other)
            task = await submit(store, project, session_id=session)
            await store.execute(edit_session(session, {"name": "renamed"}))
            submitted, edited = await client.next(), await client.next()
        assert (submitted["type"], submitted["room"]) == ("task.submitted", room)
        assert submitted["data"]["task_id"] == ids.encode(ids.TASK, task)
        assert (edited["type"], edited["data"]["data"]["changes"]) == ("sessionUpdate", {"name": "renamed"})
        assert set(edited) == {"type", "room", "data", "seq", "timestamp"}
        assert edited["seq"] == submitted["seq"] + 1

    async def test_a_room_that_was_left_is_quiet(self, live: LiveServer, store: Store, project: int) -> None:
        """SW-10"""
        second = await store.execute(create_project(Project(name="q")))
        rooms = [f"project:{ids.encode(ids.PROJECT, number)}" for number in (project, second)]
        async with live.socket() as client:
            await client.greeted()
            for room in rooms:
                await client.say(type="subscribe", room=room)
            assert (await client.say(type="unsubscribe", room=rooms[0]))["type"] == "unsubscribed"
            await post(store, project_id=project)
            await post(store, project_id=second)
            message = await client.next()
        assert (message["room"], message["type"]) == (rooms[1], "activity.posted")

    @pytest.mark.parametrize(
        ("room", "code"),
        [
            ("kitchen", "invalid_input"),
            ("session:", "not_found"),
            ("session:ses_0000000000001", "not_found"),
            ("project:prj_zzzzzzzzzzzzz", "not_found"),
        ],
    )
    async def test_a_room_that_does_not_exist_is_refused_and_the_socket_goes_on(
        self, live: LiveServer, store: Store, room: str, code: str
    ) -> None:
        """OD-42"""
        async with live.socket() as client:
            await client.greeted()
            for _ in range(10):
                assert (await client.say(type="subscribe", room=room))["code"] == code
            assert (await client.say(type="unsubscribe", room=room))["type"] == "unsubscribed"
            last = await post(store)
            assert [event["seq"] for event in await client.until(last)] == [last]

    async def test_only_the_plain_socket_has_rooms(self, live: LiveServer, project: int) -> None:
        """SW-10"""
        async with live.socket("/ws/fleet") as client:
            await client.greeted()
            room = f"project:{ids.encode(ids.PROJECT, project)}"
            assert (await client.say(type="subscribe", room=room))["type"] == "error"

    async def test_many_rooms_on_many_sockets_keep_their_order(
        self, live: LiveServer, store: Store, project: int
    ) -> None:
        """SW-10"""
        room = f"project:{ids.encode(ids.PROJECT, project)}"

        async def listen(ready: asyncio.Barrier) -> list[int]:
            async with live.socket() as client:
                await client.greeted()
                await client.say(type="subscribe", room=room)
                await ready.wait()
                return [(await client.next())["seq"] for _ in range(60)]

        barrier = asyncio.Barrier(21)
        async with asyncio.TaskGroup() as group:
            listeners = [group.create_task(listen(barrier)) for _ in range(20)]
            await barrier.wait()
            for _ in range(60):
                await post(store, project_id=project)
                await post(store)
        got = {tuple(task.result()) for task in listeners}
        assert len(got) == 1
        assert list(got.pop()) == sorted(set(listeners[0].result()))
