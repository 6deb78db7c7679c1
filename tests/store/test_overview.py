"""Projects and their ledger, queues, sessions, agents, activities and the whole at a glance, as they are read."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from muster.commands.activities import NewActivity, post_activity
from muster.commands.agents import register_agent
from muster.commands.lifecycle import cancel_task
from muster.commands.projects import allocate, create_project, edit_project
from muster.commands.queues import archive_queue, create_queue
from muster.commands.sessions import create_session, end_session
from muster.commands.workers import Presence, record_presence
from muster.domain import ids
from muster.domain.errors import NotFound
from muster.domain.project import Project
from muster.domain.queue import Queue
from muster.domain.session import Session
from muster.projections.activities import ActivityRow, find_activity, get_activity, list_activities
from muster.projections.agent_tasks import bring_forward
from muster.projections.agents import get_agent, list_agents
from muster.projections.log import head_of_log
from muster.projections.page import Key
from muster.projections.projects import LedgerEntry, find_project, get_project, ledger, list_projects
from muster.projections.queues import find_queue, get_queue, list_queues
from muster.projections.sessions import get_session, list_sessions
from muster.projections.status import counts_by_state, status_of
from muster.projections.task_classes import get_task_class, list_task_classes
from muster.store.database import Store
from tests.store.working import Place


async def test_a_project_is_shown_with_its_tasks_and_money(store: Store) -> None:
    """MC-1"""
    place = await Place.at(store)
    place.project = await store.execute(create_project(Project(name="site", allocated=10_000_000)))
    for _ in range(3):
        await place.submit(estimate=2_000_000)
    claimed = await place.claim()
    assert claimed is not None
    await place.end(claimed, cost=500_000)
    await place.claim()
    row = await get_project(store, place.project)
    assert (row.counts.ready, row.counts.running, row.counts.succeeded, row.counts.total) == (1, 1, 1, 3)
    assert (row.reserved, row.spent, row.left) == (2_000_000, 500_000, 7_500_000)
    assert await find_project(store, "site") == place.project
    assert await find_project(store, ids.encode(ids.PROJECT, place.project)) == place.project
    for unknown in ("nowhere", ids.encode(ids.PROJECT, 5)):
        with pytest.raises(NotFound):
            await find_project(store, unknown)
    with pytest.raises(NotFound):
        await get_project(store, 5)


async def test_lists_of_named_things_go_on_page_by_page(store: Store) -> None:
    await Place.at(store)
    for n in range(5):
        project = await store.execute(create_project(Project(name=f"p{n}")))
        if n % 2:
            await store.execute(edit_project(project, {"status": "paused"}))
    first = await list_projects(store, limit=4)
    rest = await list_projects(store, limit=4, after=first.next)
    assert [row.name for row in first.items + rest.items] == ["p4", "p3", "p2", "p1", "p0", "default"]
    assert rest.next is None
    paused = await list_projects(store, status="paused", limit=1)
    assert [row.name for row in paused.items] == ["p3"]
    more = await list_projects(store, status="paused", limit=1, after=paused.next)
    assert [row.name for row in more.items] == ["p1"]


async def test_queues_are_listed_by_name_and_archived_ones_hidden(store: Store) -> None:
    """SQ-3"""
    place = await Place.at(store)
    old = await store.execute(create_queue(Queue(name="a-old", project_id=place.project)))
    await store.execute(archive_queue(old))
    await place.submit()
    names = [row.name for row in (await list_queues(store)).items]
    assert names == ["agents", "by-hand", "default", "inbox"]
    assert [row.name for row in (await list_queues(store, archived=True)).items] == ["a-old"]
    both = await list_queues(store, archived=None, limit=2)
    assert [row.name for row in both.items] == ["a-old", "agents"]
    assert both.next == ("agents",)
    assert [row.name for row in (await list_queues(store, mode="manual")).items] == ["by-hand"]
    of_project = await list_queues(store, project_id=place.project, archived=None)
    assert [row.id for row in of_project.items] == [old]
    inbox = await get_queue(store, await find_queue(store, "inbox"))
    assert (inbox.counts.ready, inbox.paused, inbox.mode) == (1, False, "external")
    assert await find_queue(store, ids.encode(ids.QUEUE, old)) == old
    for unknown in ("nowhere", ids.encode(ids.QUEUE, 5)):
        with pytest.raises(NotFound):
            await find_queue(store, unknown)
    with pytest.raises(NotFound):
        await get_queue(store, 5)


async def test_sessions_are_filtered_by_status_and_project(store: Store) -> None:
    """SQ-2"""
    place = await Place.at(store)
    first = await store.execute(create_session(Session(name="monday", project_id=place.project)))
    second = await store.execute(create_session(Session(name="tuesday")))
    await store.execute(end_session(first))
    assert [row.id for row in (await list_sessions(store)).items] == [second, first]
    assert [row.id for row in (await list_sessions(store, status="active")).items] == [second]
    assert [row.id for row in (await list_sessions(store, project_id=place.project)).items] == [first]
    ended = await get_session(store, first)
    assert ended.status == "ended"
    assert ended.ended_at is not None
    with pytest.raises(NotFound):
        await get_session(store, 5)


async def test_an_agent_is_busy_exactly_while_it_runs_a_task(store: Store) -> None:
    """MC-5"""
    place = await Place.at(store)
    await place.submit()
    await store.execute(register_agent("bob", {"status": "offline"}))
    claimed = await place.claim("ann")
    assert claimed is not None
    ann = await get_agent(store, "ann")
    assert (ann.status, ann.current_task, ann.reported) == ("busy", claimed.task_id, "online")
    assert [agent.id for agent in (await list_agents(store, status="busy")).items] == ["ann"]
    assert [agent.id for agent in (await list_agents(store, status="offline")).items] == ["bob"]
    await place.end(claimed, tokens=(5, 6, 0, 0))
    ann = await get_agent(store, "ann")
    assert (ann.status, ann.current_task, ann.tokens_used, ann.sessions_count) == ("online", None, 11, 1)
    first = await list_agents(store, limit=1)
    assert [agent.id for agent in (await list_agents(store, after=first.next)).items] == ["bob"]
    with pytest.raises(NotFound):
        await get_agent(store, "nobody")


async def whole_ledger(store: Store, project: int, limit: int) -> list[LedgerEntry]:
    entries: list[LedgerEntry] = []
    key: Key | None = None
    while True:
        page = await ledger(store, project, after=key, limit=limit)
        entries += page.items
        key = page.next
        if key is None:
            return entries


async def test_the_ledger_balances_at_every_line_and_on_every_page(store: Store) -> None:
    """Capital is a ledger: reserved at claim, settled at completion."""
    place = await Place.at(store)
    chance = random.Random(3)
    project = place.project = await store.execute(create_project(Project(name="site", allocated=50_000_000)))
    for n in range(12):
        task = await place.submit(estimate=chance.randint(0, 2) * 1_000_000)
        claimed = await place.claim()
        assert claimed is not None
        if n % 4 == 0:
            await store.execute(cancel_task(task))
        elif n % 4 == 1:
            await place.end(claimed, code="bad_payload", cost=chance.randint(0, 1) * 300_000)
        else:
            await place.end(claimed, cost=chance.randint(0, 2) * 700_000)
        if n == 6:
            await store.execute(allocate(project, -1_000_000, "less"))
    await store.execute(edit_project(project, {"allocated": None}))
    await store.execute(allocate(project, 7_000_000))
    entries = await whole_ledger(store, project, 50)
    assert entries == await whole_ledger(store, project, 3)
    row = await get_project(store, project)
    first = entries[0]
    assert (first.allocated, first.reserved, first.spent) == (row.allocated, row.reserved, row.spent)
    assert first.balance == row.left
    for newer, older in pairwise(entries):
        match newer.kind:
            case "allocated":
                assert newer.balance - older.balance == newer.amount
            case "reserved":
                assert newer.reserved - older.reserved == newer.amount
            case "settled":
                assert newer.spent - older.spent == newer.amount
            case _:
                assert older.reserved - newer.reserved == newer.amount
    last = entries[-1]
    assert (last.kind, last.amount, last.balance) == ("allocated", 50_000_000, 50_000_000)
    with pytest.raises(NotFound):
        await ledger(store, 5)


async def whole_feed(store: Store, limit: int, **about: Any) -> list[ActivityRow]:
    found: list[ActivityRow] = []
    key: Key | None = None
    while True:
        page = await list_activities(store, after=key, limit=limit, **about)
        found += page.items
        key = page.next
        if key is None:
            return found


async def test_the_feed_tells_what_happened_newest_first(store: Store) -> None:
    """MC-10"""
    place = await Place.at(store)
    task = await place.submit("Fix it")
    claimed = await place.claim("ann")
    assert claimed is not None
    await place.end(claimed, cost=1_000_000)
    note = await store.execute(
        post_activity(NewActivity(type="note", title="Well done", task_id=task, agent_id="bob"))
    )
    await bring_forward(store)
    feed = await whole_feed(store, 3)
    assert [entry.title for entry in feed[:5]] == [
        "Well done",
        "ann completed: Fix it for $1.0000",
        "ann started: Fix it",
        "Agent registered: ann",
        "Task queued: Fix it",
    ]
    assert feed == await whole_feed(store, 50)
    assert feed[0].id == note
    assert feed[0] == await get_activity(store, note, await head_of_log(store))
    with pytest.raises(NotFound):
        await get_activity(store, "act_0000000000000", await head_of_log(store))
    assert [entry.type for entry in await whole_feed(store, 2, task_id=task)] == [
        "note",
        "task_completed",
        "task_claimed",
        "task_created",
    ]
    of_ann = await whole_feed(store, 1, agent_id="ann")
    assert [entry.type for entry in of_ann] == ["task_completed", "task_claimed", "agent_registered"]
    of_project = await whole_feed(store, 2, project_id=place.project)
    assert [entry.type for entry in of_project] == [
        "note",
        "task_completed",
        "task_claimed",
        "task_created",
        "venture_created",
    ]


async def test_the_installation_is_seen_at_a_glance(store: Store) -> None:
    place = await Place.at(store)
    await store.execute(edit_project(place.project, {"allocated": 5_000_000}))
    await place.submit(estimate=1_000_000)
    await place.submit()
    await place.claim("ann")
    await store.execute(record_presence(Presence(worker_id="w", modes=("auto",))))
    status = await status_of(store, store.now())
    assert status.counts == await counts_by_state(store)
    assert (status.counts.ready, status.counts.running, status.counts.waiting) == (1, 1, 1)
    assert [(group.code, group.count) for group in status.waiting] == [("waiting_for_agent", 1)]
    assert [worker.id for worker in status.workers] == ["w"]
    assert (status.agents, status.busy_agents) == (1, 1)
    assert status.position == store.feed.head
    assert (status.money.allocated, status.money.reserved, status.money.spent) == (5_000_000, 1_000_000, 0)


async def test_task_classes_are_listed_by_name(store: Store) -> None:
    """SQ-4"""
    await Place.at(store)
    assert [entry.name for entry in await list_task_classes(store)] == [
        "FAST_SCRIPT",
        "LLM_HEAVY",
        "LLM_LITE",
        "MEDIUM_SCRIPT",
    ]
    assert (await get_task_class(store, "LLM_HEAVY")).timeout_us == 900_000_000
    with pytest.raises(NotFound):
        await get_task_class(store, "NIGHTLY")


async def test_the_feed_is_read_by_kind_and_by_noun(store: Store) -> None:
    """OD-34"""
    place = await Place.at(store)
    await place.submit("First")
    await place.claim()
    page = await list_activities(store, kinds=["attempt"])
    assert [row.kind for row in page.items] == ["attempt.started"]
    entry, event = await find_activity(store, page.items[0].id, store.feed.head)
    assert (entry, event.seq) == (page.items[0], entry.seq)
    assert [row.kind for row in (await list_activities(store, kinds=["task.submitted"])).items] == [
        "task.submitted"
    ]
