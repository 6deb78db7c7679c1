"""What only PostgreSQL has: several servers on one database, and a server that goes away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from muster.commands.agents import delete_agent
from muster.commands.attempts import EndAttempt, end_attempts
from muster.commands.claims import Claimed, ClaimTasks, claim_tasks
from muster.commands.lifecycle import cancel_task
from muster.commands.output import RecordOutput, record_output
from muster.commands.projects import create_project
from muster.commands.queues import pause_queue, resume_queue
from muster.domain.admission import ClaimFilter
from muster.domain.errors import StoreUnavailable
from muster.domain.events import ActivityPosted
from muster.domain.project import Project
from muster.domain.task import TaskState
from muster.store.database import Durability
from muster.store.feed import Feed
from muster.store.open import open_store
from muster.store.postgres import PostgresStore
from muster.store.postgres_migrate import migrate_postgres
from muster.store.postgres_tail import Sequencer
from muster.store.statements import Row, Statement
from muster.store.unit_of_work import UnitOfWork, command
from tests.store.events import log_of, one
from tests.store.proxy import Proxy
from tests.store.working import Place
from tests.waiting import eventually

WRITE = Statement("INSERT INTO installation (name, value) VALUES (?1, '0')")
TOUCH = Statement("UPDATE installation SET value = CAST(CAST(value AS bigint) + 1 AS text) WHERE name = ?1")


@pytest.fixture
def url(postgres_template: Callable[[Any], str]) -> str:
    return postgres_template(migrate_postgres)


@asynccontextmanager
async def opened(url: str, durability: Durability = Durability.DEFAULT) -> AsyncIterator[PostgresStore]:
    store = await open_store(url, durability=durability, clock=lambda: time.time_ns() // 1000)
    assert isinstance(store, PostgresStore)
    try:
        yield store
    finally:
        await store.close()


@command()
async def note(uow: UnitOfWork, name: str) -> str:
    """Write a row and a fact."""
    await uow.run(WRITE, name)
    uow.journal.fact(ActivityPosted(activity_id=name, type="note", title=name))
    return name


@command(durable=False)
async def note_quickly(uow: UnitOfWork, name: str) -> str:
    """As `note`, on the other connection."""
    return await note(name).run(uow)


async def head_reached(store: PostgresStore, head: int) -> None:
    async with asyncio.timeout(10):
        while store.feed.head < head:
            await store.feed.wait(store.feed.head)


async def test_two_servers_see_one_log_in_one_order(url: str) -> None:
    """SW-4a"""
    async with opened(url) as here, opened(url) as there:

        async def write(store: PostgresStore, name: str) -> None:
            for n in range(25):
                await store.execute((note if n % 2 else note_quickly)(f"{name}-{n}"))

        await asyncio.gather(
            *(write(store, f"{store is here}-{n}") for store in (here, there) for n in range(4))
        )
        await asyncio.gather(head_reached(here, 200), head_reached(there, 200))
        one_side, other_side = here.feed.after(0, 1000), there.feed.after(0, 1000)
        assert one_side is not None
        assert other_side is not None
        stored = await log_of(here)
        assert [event.seq for event in stored] == list(range(1, 201))
        assert [(event.seq, event.data) for event in one_side] == [
            (event.seq, event.data) for event in stored
        ]
        assert [(event.seq, event.data) for event in other_side] == [
            (event.seq, event.data) for event in stored
        ]


async def test_claimers_of_two_servers_share_tasks_and_budget(url: str) -> None:
    """SW-4a"""
    async with opened(url) as here, opened(url) as there:
        place = await Place.at(here)
        place.project = await here.execute(create_project(Project(name="site", allocated=30_000)))
        for _ in range(50):
            await place.submit(estimate=1_000)

        async def claim(store: PostgresStore, name: str) -> Claimed | None:
            answer = await store.execute(claim_tasks(ClaimTasks(ClaimFilter(name))))
            return answer.claims[0] if answer.claims else None

        claims = await asyncio.gather(*(claim(store, f"{n}") for n in range(40) for store in (here, there)))
        tasks = [claimed.task_id for claimed in claims if claimed]
        assert len(tasks) == len(set(tasks)) == 30
        assert await one(there, "SELECT reserved FROM projects WHERE name = 'site'") == 30_000


async def woken(store: PostgresStore, act: Callable[[], Awaitable[object]]) -> bool:
    """Whether a claimer that waits at `store` is woken by `act`."""
    parked = store.signals.park(ClaimFilter("ann"))
    await act()
    async with asyncio.timeout(5):
        await parked.woken.wait()
    return parked.woken.is_set()


async def test_a_claimer_that_waits_at_one_server_is_woken_by_another(url: str) -> None:
    async with opened(url) as here, opened(url) as there:
        place = await Place.at(here)
        assert await woken(there, place.submit)
        await here.execute(pause_queue(place.queue))
        await head_reached(there, here.feed.head)
        assert await woken(there, lambda: here.execute(resume_queue(place.queue)))


async def test_ends_and_output_are_told_to_watchers_at_other_servers(url: str) -> None:
    async with opened(url) as here, opened(url) as there:
        place = await Place.at(here)
        task = await place.submit()
        claimed = await place.claim()
        assert claimed is not None
        output = there.signals.watch(f"output:{claimed.attempt_id}")
        ended = there.signals.watch(f"attempt:{claimed.attempt_id}")
        async with asyncio.timeout(10):
            await here.execute(
                record_output(RecordOutput(claimed.attempt_id, claimed.token, 0, [("stdout", "hello")]))
            )
            await output.wait()
            await here.execute(cancel_task(task))
            await ended.wait()


async def test_an_agent_deleted_at_one_server_is_registered_anew_at_another(url: str) -> None:
    async with opened(url) as here, opened(url) as there:
        await Place.at(here)
        wants = ClaimTasks(ClaimFilter("ann"))
        await there.execute(claim_tasks(wants))
        await there.execute(claim_tasks(wants))
        await here.execute(delete_agent("ann"))
        await head_reached(there, here.feed.head)
        await there.execute(claim_tasks(wants))
        assert await one(here, "SELECT count(*) FROM agents WHERE id = 'ann'") == 1


async def test_servers_make_different_ids(url: str) -> None:
    async with opened(url) as here, opened(url) as there:
        place, other = await Place.at(here), await Place.at(there)
        tasks = await asyncio.gather(*(p.submit() for _ in range(20) for p in (place, other)))
        assert len({task >> 13 & 255 for task in tasks}) == 2


class Meeting:
    """Where two callers wait for each other, the first time they come."""

    def __init__(self) -> None:
        self.came = 0
        self.both = asyncio.Event()

    async def join(self) -> None:
        self.came += 1
        if self.came >= 2:
            self.both.set()
        await self.both.wait()


@command()
async def touch_both(uow: UnitOfWork, first: str, second: str, meeting: Meeting) -> None:
    """Lock two rows one after the other, meeting somebody else in between."""
    await uow.run(TOUCH, first)
    await meeting.join()
    await uow.run(TOUCH, second)


async def test_a_deadlock_between_two_servers_is_resolved_and_both_commands_succeed(url: str) -> None:
    async with opened(url) as here, opened(url) as there:
        await here.execute(note("a"))
        await here.execute(note("b"))
        meeting = Meeting()
        await asyncio.gather(
            here.execute(touch_both("a", "b", meeting)), there.execute(touch_both("b", "a", meeting))
        )
        values = await here.rows(Statement("SELECT value FROM installation ORDER BY name"))
        assert values == [("2",), ("2",)]
        assert meeting.came >= 3


async def test_after_its_connections_are_ended_a_store_connects_again(url: str) -> None:
    async with opened(url) as store:
        await store.execute(note("before"))
        admin = await asyncpg.connect(url)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

        async def works() -> bool:
            try:
                return await store.execute(note("after")) == "after"
            except StoreUnavailable:
                return False

        assert await eventually(works)
        assert await eventually(lambda: _answers(store, 2))
        await admin.execute("UPDATE log_head SET seq = seq + 1")
        await admin.execute(
            "INSERT INTO events (seq, at, kind, data) SELECT seq, 1, 'activity.posted', '{}' FROM log_head"
        )
        await head_reached(store, 3)
        await admin.close()


async def _answers(store: PostgresStore, count: int) -> bool:
    try:
        return await one(store, "SELECT count(*) FROM installation") == count
    except StoreUnavailable:
        return False


async def test_without_its_database_a_store_refuses_clearly_and_recovers(url: str) -> None:
    async with Proxy(url) as proxy, opened(proxy.url) as store:
        await store.execute(note("before"))
        await proxy.stop()
        refusals = await asyncio.gather(
            *(store.execute(note(f"lost-{n}")) for n in range(3)),
            *(store.execute(note_quickly(f"quick-{n}")) for n in range(3)),
            store.rows(Statement("SELECT 1")),
            return_exceptions=True,
        )
        assert {type(refusal) for refusal in refusals} == {StoreUnavailable}
        await proxy.start()

        async def works() -> bool:
            try:
                return await store.execute(note("after")) == "after"
            except StoreUnavailable:
                return False

        assert await eventually(works)
        assert await store.rows(Statement("SELECT name FROM installation ORDER BY name")) == [
            ("after",),
            ("before",),
        ]
        await head_reached(store, 2)


async def test_a_commit_whose_answer_is_lost_is_reported_as_unknown_and_may_be_repeated(url: str) -> None:
    async with Proxy(url) as proxy, opened(proxy.url) as store:
        place = await Place.at(store)
        task = await place.submit()
        claimed = await place.claim()
        assert claimed is not None
        proxy.cut_at_commit = True
        with pytest.raises(StoreUnavailable, match="Repeating it is safe") as caught:
            await place.end(claimed, cost=5)
        assert caught.value.details["outcome"] == "unknown"

        async def repeated() -> bool:
            try:
                ended = await store.execute(
                    end_attempts(EndAttempt(claimed.attempt_id, claimed.token, cost=5))
                )
            except StoreUnavailable:
                return False
            return ended.task_id == task and ended.state is TaskState.SUCCEEDED

        assert await eventually(repeated)
        assert await one(store, "SELECT spent FROM projects WHERE name = 'default'") == 5
        assert len(await log_of(store, "attempt.succeeded")) == 1
        head = await one(store, "SELECT seq FROM log_head")
        await head_reached(store, head)


async def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(StoreUnavailable, match="cannot connect to PostgreSQL") as caught:
        await open_store(
            "postgresql://me:hunter2@127.0.0.1:9/none", durability=Durability.DEFAULT, clock=lambda: 1
        )
    assert "hunter2" not in str(caught.value)


async def test_a_read_that_takes_long_is_finished_aside(url: str) -> None:
    async with opened(url) as store:
        slow = Statement("SELECT 1 FROM (SELECT pg_sleep(1.3)) AS pause")
        slow_answer, quick_answer = await asyncio.gather(store.rows(slow), store.rows(Statement("SELECT 2")))
        assert (slow_answer, quick_answer) == ([(1,)], [(2,)])


@command(durable=True)
async def write_and_tell(uow: UnitOfWork, name: str) -> str:
    """Write a row; where PostgreSQL's log stands after it."""
    await uow.run(WRITE, name)
    return str((await uow.rows(Statement("SELECT CAST(pg_current_wal_insert_lsn() AS text)")))[0][0])


@command(durable=False)
async def write_quickly_and_tell(uow: UnitOfWork, name: str) -> str:
    """As `write_and_tell`, for a command that need not survive a power loss."""
    return await write_and_tell(name).run(uow)


@pytest.mark.parametrize("durability", [Durability.DEFAULT, Durability.STRICT])
async def test_what_must_survive_a_power_loss_is_on_disk_when_it_is_answered(
    url: str, durability: Durability
) -> None:
    on_disk = Statement("SELECT pg_current_wal_flush_lsn() >= CAST(?1 AS text)::pg_lsn")
    async with opened(url, durability) as store:
        for n in range(20):
            strict = durability is Durability.STRICT and n % 2
            act = write_quickly_and_tell if strict else write_and_tell
            position = await store.execute(act(f"n{n}"))
            assert await store.rows(on_disk, position) == [(True,)]


async def test_a_relaxed_store_works_without_waiting_for_the_disk(url: str) -> None:
    async with opened(url, Durability.RELAXED) as store:
        await asyncio.gather(store.execute(note("a")), store.execute(note_quickly("b")))
        await head_reached(store, 2)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'muster flush' AND datname = current_database()"
        assert await one(store, waiting) == 0


def row(seq: int) -> Row:
    return (seq, 0, "activity.posted", None, None, None, None, None, "{}")


def test_commits_that_end_out_of_order_are_published_in_order() -> None:
    feed = Feed(10)
    sequencer = Sequencer(feed)
    assert sequencer.offer([row(13), row(14)]) == []
    assert sequencer.gap
    assert [each[0] for each in sequencer.offer([row(11), row(12)])] == [11, 12, 13, 14]
    assert (feed.head, sequencer.gap) == (14, False)


def test_what_was_read_from_the_database_first_is_not_published_twice() -> None:
    feed = Feed(0)
    sequencer = Sequencer(feed)
    sequencer.offer([row(3), row(4), row(5)])
    assert [each[0] for each in sequencer.found([row(1), row(2), row(3)])] == [1, 2, 3, 4, 5]
    assert sequencer.offer([row(2), row(3)]) == []
    assert sequencer.found([row(4), row(5)]) == []
    assert [event.seq for event in feed.after(0, 10) or ()] == [1, 2, 3, 4, 5]


def test_after_a_hole_that_will_never_fill_the_ring_starts_anew() -> None:
    feed = Feed(0)
    sequencer = Sequencer(feed)
    sequencer.offer([row(1)])
    sequencer.found([row(5), row(6)])
    assert feed.head == 6
    assert feed.after(1, 10) is None
    assert [event.seq for event in feed.after(4, 10) or ()] == [5, 6]
