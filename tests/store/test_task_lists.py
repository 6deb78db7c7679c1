"""Lists of tasks: filters in any combination, order, pages."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from muster.commands.lifecycle import archive_tasks, cancel_task
from muster.commands.projects import create_project
from muster.commands.queues import create_queue
from muster.commands.sessions import create_session
from muster.domain.project import Project
from muster.domain.queue import Queue
from muster.domain.retry import RetryPolicy
from muster.domain.session import Session
from muster.domain.task import Priority, TaskState
from muster.projections.agent_tasks import bring_forward
from muster.projections.folding import fold_next
from muster.projections.page import Key, Page
from muster.projections.registry import PROJECTIONS
from muster.projections.task_filter import TaskFilter
from muster.projections.task_lists import Order, list_task_ids, list_tasks
from muster.projections.tasks import TaskRow, task_rows
from muster.store.database import Store
from muster.store.statements import Statement
from tests.store.working import Place, public

WORDS = ("fix", "login", "page", "docs", "café", "queue")


class Crowd:
    """A store with many kinds of tasks."""

    def __init__(self, store: Store, place: Place) -> None:
        self.store = store
        self.place = place
        self.projects: list[int] = []
        self.queues: list[int] = []
        self.sessions: list[int] = []
        self.tasks: list[int] = []

    async def fill(self) -> None:
        chance = random.Random(7)
        store = self.store
        self.projects = [await store.execute(create_project(Project(name=f"p{n}"))) for n in range(3)]
        self.queues = [
            await store.execute(create_queue(Queue(name=f"q{n}", mode="external"))) for n in range(3)
        ]
        self.sessions = [await store.execute(create_session(Session(name=f"s{n}"))) for n in range(2)]
        for _ in range(120):
            await self._submit(chance)
        for n in range(60):
            claimed = await self.place.claim(f"agent{n % 4}")
            assert claimed is not None
            if n % 3 == 0:
                await self.place.end(claimed, output="done", cost=5)
            elif n % 3 == 1:
                await self.place.end(claimed, code="bad_payload", message="no")
        for task in chance.sample(self.tasks, 20):
            if await self._state(task) is TaskState.READY:
                await store.execute(cancel_task(task))
        finished = [task for task in self.tasks if (await self._state(task)).finished]
        await store.execute(archive_tasks(chance.sample(finished, 12)))
        await store.execute(fold_next(PROJECTIONS[0], 10_000))
        await bring_forward(store)

    async def _submit(self, chance: random.Random) -> None:
        spec = {
            "type": chance.choice(["custom", "bug_fix"]),
            "tags": tuple(chance.sample(["red", "green", "blue"], chance.randint(0, 2))),
            "description": chance.choice(WORDS),
            "retry": RetryPolicy(max_attempts=1),
        }
        depends_on = (public(chance.choice(self.tasks)),) if self.tasks and chance.random() < 0.2 else ()
        parent = chance.choice(self.tasks) if self.tasks and chance.random() < 0.3 else None
        task = await self.place.submit(
            f"{chance.choice(WORDS)} {chance.choice(WORDS)}",
            spec=spec,
            project_id=chance.choice(self.projects),
            queue_id=chance.choice(self.queues),
            session_id=chance.choice([None, *self.sessions]),
            parent_id=parent,
            kind=chance.choice(["prompt", "bash"]),
            priority=chance.choice(list(Priority)),
            depends_on=depends_on,
            ready_at=9_000_000_000_000_000 if chance.random() < 0.1 else None,
        )
        self.tasks.append(task)

    async def _state(self, task: int) -> TaskState:
        rows = await self.store.rows(Statement("SELECT state FROM tasks WHERE id = ?1"), task)
        return TaskState(rows[0][0])

    async def rows(self) -> list[TaskRow]:
        return await task_rows(self.store, self.tasks, self.store.now())

    def filters(self) -> list[dict[str, Any]]:
        """Every field alone, and a few hundred combinations."""
        choices: dict[str, list[Any]] = {
            "states": [frozenset({state}) for state in TaskState]
            + [
                frozenset({TaskState.FAILED, TaskState.READY}),
                frozenset({TaskState.SUCCEEDED, TaskState.CANCELLED}),
            ],
            "queue_id": [*self.queues, 5],
            "project_id": [*self.projects, 5],
            "session_id": self.sessions,
            "parent_id": self.tasks[:5],
            "agent_id": ["agent1", "nobody"],
            "type": ["bug_fix", "code_review"],
            "kind": ["bash", "python"],
            "tag": ["red", "grey"],
            "text": ["cafe", "log pag"],
            "archived": [True, None],
        }
        chance = random.Random(11)
        alone = [{name: value} for name, values in choices.items() for value in values]
        mixed: list[dict[str, Any]] = []
        for _ in range(250):
            names = chance.sample(list(choices), chance.randint(2, 4))
            mixed.append({name: chance.choice(choices[name]) for name in names})
        return [{}, *alone, *mixed]


@pytest.fixture
async def crowd(store: Store) -> Crowd:
    found = Crowd(store, await Place.at(store))
    await found.fill()
    return found


def fits(row: TaskRow, wanted: TaskFilter) -> bool:
    """What a filter means, written plainly."""
    checks: dict[str, Callable[[Any], bool]] = {
        "states": lambda value: row.state in value,
        "queue_id": lambda value: row.queue_id == value,
        "project_id": lambda value: row.project_id == value,
        "session_id": lambda value: row.session_id == value,
        "parent_id": lambda value: row.parent_id == value,
        "agent_id": lambda value: row.agent_id == value,
        "type": lambda value: row.type == value,
        "kind": lambda value: row.kind == value,
        "tag": lambda value: value in row.tags,
        "archived": lambda value: (row.archived_at is not None) is value,
        "text": lambda value: all(
            any(word.startswith(term) for word in f"{row.title} {row.description}".replace("é", "e").split())
            for term in value.split()
        ),
    }
    return all(
        check(getattr(wanted, name)) for name, check in checks.items() if getattr(wanted, name) is not None
    )


async def whole(fetch: Callable[[Key | None], Any]) -> list[int]:
    """All pages of a list, one after another."""
    found: list[int] = []
    key: Key | None = None
    while True:
        page: Page[int] = await fetch(key)
        found += page.items
        key = page.next
        if key is None:
            return found


async def test_every_combination_of_filters_shows_exactly_what_fits(crowd: Crowd) -> None:
    """OD-21"""
    rows = await crowd.rows()
    shown = 0
    for values in crowd.filters():
        wanted = TaskFilter(**values)
        expected = sorted((row.id for row in rows if fits(row, wanted)), reverse=True)
        found = await whole(lambda key, wanted=wanted: list_task_ids(crowd.store, wanted, after=key, limit=7))
        assert found == expected, values
        shown += len(found)
    assert shown > 1_000


async def test_the_oldest_come_first_when_asked_for(crowd: Crowd) -> None:
    for values in crowd.filters()[:40]:
        wanted = TaskFilter(**values)
        newest = await whole(lambda key, wanted=wanted: list_task_ids(crowd.store, wanted, after=key))
        oldest = await whole(
            lambda key, wanted=wanted: list_task_ids(
                crowd.store, wanted, order=Order.OLDEST, after=key, limit=9
            )
        )
        assert oldest == newest[::-1], values


async def test_queue_order_is_priority_then_age_and_finished_tasks_follow(crowd: Crowd) -> None:
    """MC-2"""
    rows = await crowd.rows()

    def place(row: TaskRow) -> tuple[int, int, int]:
        return (1, -row.id, 0) if row.state.finished else (0, row.priority, row.position)

    for values in crowd.filters()[:120]:
        wanted = TaskFilter(**values)
        expected = [row.id for row in sorted((row for row in rows if fits(row, wanted)), key=place)]
        for limit in (4, 50):
            found = await whole(
                lambda key, wanted=wanted, limit=limit: list_task_ids(
                    crowd.store, wanted, order=Order.QUEUE, after=key, limit=limit
                )
            )
            assert found == expected, values


async def test_a_list_can_be_bounded_by_time(crowd: Crowd) -> None:
    rows = await crowd.rows()
    middle = rows[60].created_at
    after = TaskFilter(created_after=middle)
    before = TaskFilter(created_before=middle, archived=None)
    late = await whole(lambda key: list_task_ids(crowd.store, after, after=key))
    early = await whole(lambda key: list_task_ids(crowd.store, before, after=key))
    assert sorted(early) == sorted(row.id for row in rows if row.created_at < middle)
    assert sorted(late) == sorted(
        row.id for row in rows if row.created_at >= middle and row.archived_at is None
    )


async def test_words_without_letters_find_nothing(crowd: Crowd) -> None:
    assert (await list_task_ids(crowd.store, TaskFilter(text="!!! ---"))).items == []


async def test_a_page_names_everything_a_list_shows(crowd: Crowd) -> None:
    page = await list_tasks(crowd.store, TaskFilter(), crowd.store.now(), limit=100)
    for row in page.items:
        assert row.queue.startswith("q")
        assert row.project.startswith("p")
        assert (row.waiting is not None) is row.state.waiting
        if row.state in (TaskState.SUCCEEDED, TaskState.FAILED):
            assert row.attempt is not None
