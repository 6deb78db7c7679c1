"""What every store does with the commands of one turn: one transaction, and refusals that stay alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from muster.commands.projects import create_project
from muster.commands.tasks import NewTask, submit_tasks
from muster.domain.errors import AlreadyExists, Conflict, MusterError, NotFound
from muster.domain.events import ActivityPosted
from muster.domain.project import Project
from muster.domain.task import TaskSpec, TaskState
from muster.store import tables
from muster.store.database import Durability, Store
from muster.store.open import open_store
from muster.store.statements import Statement, insert, update
from muster.store.unit_of_work import UnitOfWork, command, fused
from tests.store.events import log_of, one
from tests.store.working import Place

NAMES = Statement("SELECT name FROM installation ORDER BY name")
VALUES = Statement("SELECT name, value FROM installation ORDER BY name")
WRITE = Statement("INSERT INTO installation (name, value) VALUES (?1, ?2)")
MANY = insert(tables.settings_rows, ["name", "value"])
CHANGE = update(tables.settings_rows, ["name"], ["value"])
CHANGE_ALL = Statement("UPDATE installation SET value = ?1")


@command()
async def note(uow: UnitOfWork, name: str, value: str = "") -> str:
    """Write a row and a fact."""
    await uow.run(WRITE, name, value)
    uow.journal.fact(ActivityPosted(activity_id=name, type="note", title=name))
    return name


@command()
async def note_and_refuse(uow: UnitOfWork, name: str) -> None:
    """Write a row, a set of rows and a fact, and think better of it."""
    await uow.run(WRITE, name, "")
    await uow.run_many(MANY, [(f"{name}-more", "")])
    uow.journal.fact(ActivityPosted(activity_id=name, type="note", title=name))
    raise Conflict(problem=name)


@command(durable=False)
async def note_quickly(uow: UnitOfWork, name: str) -> str:
    """As `note`, answered before it is on disk."""
    return await note(name).run(uow)


@command()
async def break_down(uow: UnitOfWork) -> None:
    """Fail as only a defect does, halfway."""
    await uow.run(WRITE, "broken", "")
    raise ZeroDivisionError("a defect")


@fused(order=10, durable=True)
async def note_all(uow: UnitOfWork, requests: Sequence[str]) -> list[str | MusterError]:
    """Write all rows at once; names that begin with `bad` are refused."""
    good = [name for name in requests if not name.startswith("bad")]
    await uow.run_many(MANY, [(name, "") for name in good])
    for name in good:
        uow.journal.fact(ActivityPosted(activity_id=name, type="note", title=name))
    return [name if name in good else Conflict(problem=name) for name in requests]


async def names(store: Store) -> list[str]:
    return [row[0] for row in await store.rows(NAMES)]


async def titles(store: Store) -> list[str]:
    return [event.payload().title for event in await log_of(store, "activity.posted")]  # type: ignore[attr-defined]


async def settled(store: Store, *operations: Any) -> list[Any]:
    """Answers and errors of commands given in one turn."""
    return await asyncio.gather(*(store.execute(each) for each in operations), return_exceptions=True)


async def test_commands_of_one_turn_share_a_transaction(store: Store) -> None:
    answers = await settled(store, *(note(f"n{number}") for number in range(20)))
    assert answers == [f"n{number}" for number in range(20)]
    moments = {event.at for event in await log_of(store, "activity.posted")}
    assert len(moments) == 1


async def test_a_refused_command_fails_alone_and_leaves_nothing(store: Store) -> None:
    answers = await settled(store, note("a"), note_and_refuse("b"), note("c"), note_all("d"), note_all("bad"))
    assert [type(answer) for answer in answers] == [str, Conflict, str, str, Conflict]
    assert await names(store) == ["a", "c", "d"]
    assert sorted(await titles(store)) == ["a", "c", "d"]


async def test_a_refused_command_that_was_alone_leaves_nothing(store: Store) -> None:
    with pytest.raises(Conflict, match="alone"):
        await store.execute(note_and_refuse("alone"))
    assert await names(store) == []
    assert await store.execute(note("after")) == "after"
    assert await titles(store) == ["after"]


async def test_a_defect_in_one_command_fails_that_one_and_the_others_commit(store: Store) -> None:
    answers = await settled(store, note("a"), break_down(), note_all("b"))
    assert isinstance(answers[1], ZeroDivisionError)
    assert [answers[0], answers[2]] == ["a", "b"]
    assert await names(store) == ["a", "b"]
    assert sorted(await titles(store)) == ["a", "b"]


async def test_a_row_that_is_there_already_fails_its_own_command_only(store: Store) -> None:
    await store.execute(note("taken"))
    answers = await settled(store, note("a"), note("taken"), note("b"))
    assert answers[0] == "a"
    assert answers[2] == "b"
    assert isinstance(answers[1], Exception)
    assert await names(store) == ["a", "b", "taken"]


@command()
async def see_own_writes(uow: UnitOfWork) -> list[list[Any]]:
    """Read after each sort of write."""
    seen: list[list[Any]] = []
    await uow.run_many(MANY, [("x", "1"), ("y", "1")])
    seen.append(await uow.rows(VALUES))
    await uow.run_many(CHANGE, [("y", "2")])
    await uow.run_many(CHANGE, [("x", "3")])
    seen.append(await uow.select(tables.settings_rows.select().order_by(tables.settings_rows.c.name)))
    assert await uow.run(CHANGE_ALL, "4") == 2
    await uow.run_many(CHANGE, [("x", "5")])
    assert await uow.write(tables.settings_rows.delete().where(tables.settings_rows.c.value == "4")) == 1
    seen.append(await uow.rows(VALUES))
    return seen


async def test_a_command_sees_its_own_writes_in_their_order(store: Store) -> None:
    first, second, third = await store.execute(see_own_writes())
    assert first == [("x", "1"), ("y", "1")]
    assert second == [("x", "3"), ("y", "2")]
    assert third == [("x", "5")]


@command()
async def count_ready(uow: UnitOfWork) -> int:
    """The ready tasks as the counters of this transaction have them."""
    return int((await uow.rows(Statement("SELECT coalesce(sum(ready), 0) FROM lanes")))[0][0])


async def test_counters_are_right_inside_the_transaction_that_changes_them(store: Store) -> None:
    place = await Place.at(store)
    new = [
        NewTask(spec=TaskSpec(title=f"t{n}"), kind="prompt", project_id=place.project, queue_id=place.queue)
        for n in range(3)
    ]
    submitted, ready = await settled(store, submit_tasks(new), count_ready())
    assert [task.state for task in submitted] == [TaskState.READY] * 3
    assert ready == 3
    assert await one(store, "SELECT sum(ready) FROM lanes") == 3


async def test_a_name_wanted_twice_in_one_turn_is_given_once(store: Store) -> None:
    answers = await settled(store, *(create_project(Project(name="site")) for _ in range(5)))
    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyExists"] * 4 + ["int"]
    assert await one(store, "SELECT count(*) FROM projects WHERE name = 'site'") == 1
    with pytest.raises(AlreadyExists):
        await store.execute(create_project(Project(name="site")))


async def test_a_request_with_a_used_idempotency_key_is_answered_with_the_first_task(store: Store) -> None:
    place = await Place.at(store)

    def request() -> NewTask:
        return NewTask(
            spec=TaskSpec(title="once"),
            kind="prompt",
            project_id=place.project,
            queue_id=place.queue,
            idempotency_key="key",
            request_hash="same",
        )

    answers = await settled(store, *(submit_tasks([request()]) for _ in range(8)))
    later = await store.execute(submit_tasks([request()]))
    assert len({task.task_id for answer in [*answers, later] for task in answer}) == 1
    assert await one(store, "SELECT count(*) FROM tasks") == 1


async def test_one_bad_list_of_tasks_harms_no_other(store: Store) -> None:
    place = await Place.at(store)

    def request(title: str, queue: int) -> NewTask:
        return NewTask(spec=TaskSpec(title=title), kind="prompt", project_id=place.project, queue_id=queue)

    good = request("good", place.queue)
    answers = await settled(
        store, submit_tasks([request("fine", place.queue), request("lost", 12345)]), submit_tasks([good])
    )
    assert isinstance(answers[0], NotFound)
    assert answers[1][0].state is TaskState.READY
    assert await one(store, "SELECT count(*) FROM tasks") == 1


async def test_a_caller_that_goes_away_does_not_take_others_with_it(store: Store) -> None:
    gone = asyncio.ensure_future(store.execute(note("gone")))
    stays = asyncio.ensure_future(store.execute(note("stays")))
    gone.cancel()
    assert await stays == "stays"
    assert "stays" in await names(store)


async def test_events_are_published_in_the_order_of_the_log_without_a_gap(store: Store) -> None:
    """SW-4a"""
    start = store.feed.head
    work = [note(f"n{n}") if n % 2 else note_quickly(f"q{n}") for n in range(60)]

    async def one_by_one(mine: Sequence[Any]) -> None:
        for each in mine:
            await store.execute(each)

    await asyncio.gather(*(one_by_one(work[n::6]) for n in range(6)))
    async with asyncio.timeout(5):
        while store.feed.head < start + 60:
            await store.feed.wait(store.feed.head)
    live = store.feed.after(start, 1000)
    assert live is not None
    assert [event.seq for event in live] == list(range(start + 1, start + 61))
    stored = await log_of(store, "activity.posted")
    assert [(event.seq, event.data) for event in live] == [(event.seq, event.data) for event in stored]


async def test_a_listener_resumes_behind_any_position(store: Store) -> None:
    await settled(store, *(note(f"n{n}") for n in range(10)))
    head = store.feed.head
    seen = store.feed.after(head - 4, 2)
    assert seen is not None
    assert [event.seq for event in seen] == [head - 3, head - 2]
    assert store.feed.after(head, 10) == ()
    waiting = asyncio.ensure_future(store.feed.wait(head))
    await store.execute(note("next"))
    async with asyncio.timeout(5):
        await waiting
    assert store.feed.head == head + 1


async def test_a_store_that_is_opened_again_goes_on_where_the_log_ended(store: Store, database: str) -> None:
    await settled(store, *(note(f"n{n}") for n in range(5)))
    head = store.feed.head
    await store.close()
    again = await open_store(database, durability=Durability.DEFAULT, clock=lambda: time.time_ns() // 1000)
    assert again.feed.head == head
    assert again.feed.after(head - 1, 10) is None
    await again.execute(note("more"))
    assert [event.seq for event in await log_of(again)] == list(range(1, head + 2))
    await again.close()


@command()
async def move_between(uow: UnitOfWork, amount: int) -> None:
    """Take from one and give to the other, in two statements."""
    await uow.run(
        Statement(
            "UPDATE installation SET value = CAST(CAST(value AS bigint) - ?1 AS text) WHERE name = 'a'"
        ),
        amount,
    )
    await uow.run(
        Statement(
            "UPDATE installation SET value = CAST(CAST(value AS bigint) + ?1 AS text) WHERE name = 'b'"
        ),
        amount,
    )


async def test_readers_never_see_half_a_transaction(store: Store) -> None:
    await settled(store, note("a", "1000"), note("b", "1000"))
    total = Statement("SELECT sum(CAST(value AS bigint)) FROM installation")
    sums: set[int] = set()
    writing = True

    async def read() -> None:
        while writing:
            sums.add(int((await store.rows(total))[0][0]))
            await asyncio.sleep(0)

    readers = [asyncio.ensure_future(read()) for _ in range(3)]
    for amount in range(60):
        await store.execute(move_between(amount))
    writing = False
    await asyncio.gather(*readers)
    assert sums == {2000}


async def test_what_was_answered_can_be_read_at_once(store: Store) -> None:
    for n in range(20):
        await store.execute(note(f"n{n:02}") if n % 2 else note_quickly(f"n{n:02}"))
        assert len(await names(store)) == n + 1


async def test_long_reads_and_core_queries_answer_the_same(store: Store) -> None:
    await settled(store, note("a", "1"), note("b", "2"))
    query = tables.settings_rows.select().where(tables.settings_rows.c.name.in_(["a", "b"])).order_by("name")
    assert await store.select(query) == await store.rows(VALUES) == await store.long_rows(VALUES)


async def test_a_closed_store_finishes_what_it_was_given_and_takes_no_more(
    store: Store, database: str
) -> None:
    given = [asyncio.ensure_future(store.execute(note(f"n{n}"))) for n in range(10)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*given) == [f"n{n}" for n in range(10)]
    with pytest.raises(MusterError, match="shutting down"):
        await store.execute(note("late"))
    again = await open_store(database, durability=Durability.DEFAULT, clock=lambda: time.time_ns() // 1000)
    assert len(await names(again)) == 10
    await again.close()
