"""Random commands against a small model, on both databases; in the end the log must tell the same story."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from muster.commands.attempts import EndAttempt, end_attempts
from muster.commands.claims import ClaimTasks, claim_tasks
from muster.commands.edits import edit_task
from muster.commands.leases import Heartbeat, StaleRules, heartbeat, patrol
from muster.commands.lifecycle import (
    archive_tasks,
    cancel_task,
    delete_task,
    purge_tasks,
    requeue_task,
    restore_task,
)
from muster.commands.output import RecordOutput, record_output
from muster.commands.projects import allocate, create_project, edit_project
from muster.commands.queues import create_queue, pause_queue, resume_queue
from muster.commands.seals import seal_next_block
from muster.commands.tasks import NewTask, submit_tasks
from muster.domain.admission import ClaimFilter
from muster.domain.errors import LeaseLost, WrongState
from muster.domain.project import Project
from muster.domain.queue import Queue
from muster.domain.retry import RetryPolicy
from muster.domain.task import Priority, TaskSpec, TaskState
from muster.store.database import Durability, Store
from muster.store.open import open_store
from muster.store.postgres_migrate import migrate_postgres
from muster.store.statements import Statement
from muster.store.tables import metadata
from tests.store.fleet_model import BASE_SECONDS, FACTOR, FINISHED, Fleet, Lease, Task
from tests.store.trust import seal_all, verified
from tests.store.working import public

T = TypeVar("T")
AGENTS = ["ann", "bob", "cid"]
SECOND = 1_000_000
TIMEOUT = 30 * SECOND
RETRY = RetryPolicy(max_attempts=2, base_seconds=BASE_SECONDS, factor=FACTOR, jitter=0)

TASKS = Statement(
    "SELECT id, state, priority, attempts, burned, cost, blockers, archived_at, ready_at FROM tasks"
)
HOLDERS = Statement(
    "SELECT t.id, a.id, a.agent_id FROM tasks t JOIN attempts a ON a.task_id = t.id AND a.state = 'running'"
)
LANES = Statement("SELECT blocked, backoff, ready, running, succeeded, failed, cancelled FROM lanes")
MONEY = Statement("SELECT allocated, reserved, spent FROM projects")

pick = st.integers(0, 1_000)
money = st.integers(0, 400)


class FleetMachine(RuleBasedStateMachine):
    """The store beside the model. `fresh` makes an empty, migrated database and says where."""

    def __init__(self, fresh: Callable[[], Coroutine[Any, Any, str]]) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = self.run(fresh())
        self.fleet = Fleet(1_790_000_000 * SECOND)
        self.store: Store = self.run(
            open_store(self.database, durability=Durability.RELAXED, clock=lambda: self.fleet.now)
        )
        self.project = self.run(self.store.execute(create_project(Project(name="p"))))
        self.queue = self.run(self.store.execute(create_queue(Queue(name="q", mode="external"))))
        self.lines: dict[int, int] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def do(self, operation: Any) -> Any:
        return self.run(self.store.execute(operation))

    def task(self, at: int) -> Task:
        known = list(self.fleet.tasks.values())
        return known[at % len(known)]

    def lease(self, at: int) -> Lease:
        """Mostly one that is held, now and then any."""
        held = [lease for lease in self.fleet.leases if lease.ended is None]
        known = held if held and at % 4 else self.fleet.leases
        return known[at // 4 % len(known)]

    def refused(self, error: type[Exception], operation: Any) -> None:
        with pytest.raises(error):
            self.do(operation)

    # Queueing.

    @initialize()
    def some_work_is_there(self) -> None:
        for number in range(5):
            self._submit(Priority.MEDIUM, number * 50, [number - 1] if number == 4 else [], None)

    @rule(
        priority=st.sampled_from(Priority),
        estimate=money,
        depends_on=st.lists(pick, max_size=2),
        delay=st.sampled_from([None, None, None, 3]),
        copies=st.integers(1, 3),
    )
    def submit(
        self, priority: Priority, estimate: int, depends_on: list[int], delay: int | None, copies: int
    ) -> None:
        for _ in range(copies):
            self._submit(priority, estimate, depends_on, delay)

    def _submit(self, priority: Priority, estimate: int, depends_on: list[int], delay: int | None) -> None:
        targets = sorted({self.task(at).id for at in depends_on}) if self.fleet.tasks else []
        ready_at = None if delay is None or targets else self.fleet.now + delay * SECOND
        new = NewTask(
            spec=TaskSpec(title="t", retry=RETRY, tags=("x",)),
            kind="prompt",
            project_id=self.project,
            queue_id=self.queue,
            priority=priority,
            timeout_us=TIMEOUT,
            estimate=estimate,
            depends_on=tuple(public(target) for target in targets),
            ready_at=ready_at,
        )
        made = self.do(submit_tasks([new]))[0].task_id
        edges = {target: self.fleet.tasks[target].state == "succeeded" for target in targets}
        self.fleet.submit(Task(made, int(priority), estimate, TIMEOUT, 2, "", edges, ready_at))

    # Claiming and ending.

    @rule(agents=st.lists(st.sampled_from(AGENTS), min_size=1, max_size=4))
    def claim(self, agents: list[str]) -> None:
        async def all_at_once() -> list[Any]:
            requests = [ClaimTasks(ClaimFilter(agent)) for agent in agents]
            return await asyncio.gather(*(self.store.execute(claim_tasks(request)) for request in requests))

        for agent, answer in zip(agents, self.run(all_at_once()), strict=True):
            expected = self.fleet.next_task()
            assert [claimed.task_id for claimed in answer.claims] == ([expected.id] if expected else [])
            for claimed in answer.claims:
                task = self.fleet.tasks[claimed.task_id]
                self.fleet.claim(task, claimed.attempt_id, claimed.token, agent)
                self.lines[claimed.attempt_id] = 0

    @precondition(lambda self: self.fleet.leases)
    @rule(at=pick, cost=money, tokens=st.booleans())
    def complete(self, at: int, cost: int, tokens: bool) -> None:
        lease = self.lease(at)
        end = EndAttempt(lease.attempt, lease.token, output="o", result={"n": at}, cost=cost)
        if tokens:
            end.tokens = (1, 2, 3, 4)
        self._end(lease, end, "succeeded", lambda: self.fleet.succeed(lease, cost))

    @precondition(lambda self: self.fleet.leases)
    @rule(at=pick, cost=money, how=st.sampled_from(["exit_nonzero", "released", "final"]))
    def fail(self, at: int, cost: int, how: str) -> None:
        lease, final, released = self.lease(at), how == "final", how == "released"
        code = "exit_nonzero" if final else how
        end = EndAttempt(lease.attempt, lease.token, code=code, message="no", cost=cost)
        end.retry = False if final else None
        self._end(
            lease, end, "failed", lambda: self.fleet.fail(lease, cost, retry=not final, counts=not released)
        )

    def _end(self, lease: Lease, end: EndAttempt, ended: str, happened: Callable[[], None]) -> None:
        if lease.ended is None:
            assert not self.do(end_attempts(end)).repeated
            happened()
        elif lease.ended == ended and lease.task in self.fleet.tasks:
            assert self.do(end_attempts(end)).repeated
        else:
            self.refused(LeaseLost, end_attempts(end))

    @precondition(lambda self: self.fleet.leases)
    @rule(at=pick)
    def a_foreign_token_changes_nothing(self, at: int) -> None:
        lease = self.lease(at)
        self.refused(LeaseLost, end_attempts(EndAttempt(lease.attempt, lease.token ^ 1, cost=9)))
        self.refused(LeaseLost, heartbeat(Heartbeat(lease.attempt, lease.token ^ 1)))

    @precondition(lambda self: self.fleet.leases)
    @rule(at=pick)
    def beat(self, at: int) -> None:
        lease = self.lease(at)
        if lease.ended is None:
            self.do(heartbeat(Heartbeat(lease.attempt, lease.token, progress=0.5)))
            lease.beat = self.fleet.now

    @precondition(lambda self: any(lease.ended is None for lease in self.fleet.leases))
    @rule(at=pick)
    def record(self, at: int) -> None:
        held = [lease for lease in self.fleet.leases if lease.ended is None]
        lease = held[at % len(held)]
        lines = [("stdout", "hello")] * 3
        position = self.do(
            record_output(RecordOutput(lease.attempt, lease.token, self.lines[lease.attempt], lines))
        )
        self.lines[lease.attempt] += 3
        assert position == self.lines[lease.attempt]
        lease.beat = self.fleet.now

    # What people do.

    @precondition(lambda self: self.fleet.tasks)
    @rule(at=pick)
    def cancel(self, at: int) -> None:
        task = self.task(at)
        if task.state in FINISHED - {"cancelled"}:
            self.refused(WrongState, cancel_task(task.id))
            return
        self.do(cancel_task(task.id, "enough"))
        if task.state != "cancelled":
            self.fleet.cancel(task)

    @precondition(lambda self: self.fleet.tasks)
    @rule(at=pick)
    def requeue(self, at: int) -> None:
        task = self.task(at)
        if task.state not in FINISHED | {"backoff"}:
            self.refused(WrongState, requeue_task(task.id))
            return
        self.do(requeue_task(task.id))
        self.fleet.requeue(task)

    @precondition(lambda self: self.fleet.tasks)
    @rule(at=pick, priority=st.sampled_from(Priority), depends_on=st.none() | st.lists(pick, max_size=2))
    def edit(self, at: int, priority: Priority, depends_on: list[int] | None) -> None:
        task = self.task(at)
        older = [known for known in self.fleet.tasks if known < task.id]
        changes: dict[str, Any] = {"priority": priority}
        if depends_on is not None and task.state in {"blocked", "backoff", "ready"} and older:
            targets = list(dict.fromkeys(older[at % len(older)] for at in depends_on))
            changes["depends_on"] = tuple(public(target) for target in targets)
            self.do(edit_task(task.id, changes))
            self.fleet.rewire(task, targets)
        else:
            self.do(edit_task(task.id, changes))
            if task.state in {"blocked", "backoff", "ready"}:
                self.fleet.rewire(task, list(task.edges))
        task.priority = int(priority)

    @precondition(lambda self: self.fleet.tasks)
    @rule(at=pick)
    def archive_or_restore(self, at: int) -> None:
        task = self.task(at)
        if task.state not in FINISHED:
            self.refused(WrongState, archive_tasks([task.id]))
            return
        self.do(restore_task(task.id) if task.archived else archive_tasks([task.id]))
        task.archived = not task.archived

    @precondition(lambda self: self.fleet.tasks)
    @rule(at=pick)
    def delete(self, at: int) -> None:
        task = self.task(at)
        if task.state not in FINISHED or self.fleet.awaited(task):
            self.refused(WrongState, delete_task(task.id))
            return
        self.do(delete_task(task.id))
        self.fleet.remove(task)

    @rule(seconds=st.sampled_from([0, 20, 200]))
    def purge(self, seconds: int) -> None:
        before = self.fleet.now - seconds * SECOND
        expected = self.fleet.purgeable(before)
        assert self.do(purge_tasks(before)) == len(expected)
        for task in expected:
            self.fleet.remove(task)

    @rule(agent=st.sampled_from(AGENTS))
    def a_paused_queue_hands_out_nothing(self, agent: str) -> None:
        self.do(pause_queue(self.queue))
        assert not self.do(claim_tasks(ClaimTasks(ClaimFilter(agent)))).claims
        self.do(resume_queue(self.queue))

    @rule(agent=st.sampled_from(AGENTS))
    def a_paused_project_hands_out_nothing(self, agent: str) -> None:
        self.do(edit_project(self.project, {"status": "paused"}))
        assert not self.do(claim_tasks(ClaimTasks(ClaimFilter(agent)))).claims
        self.do(edit_project(self.project, {"status": "active"}))

    @rule(amount=st.integers(100, 2_000))
    def allocate(self, amount: int) -> None:
        # A first budget below what is spent already would be refused.
        if self.fleet.allocated is None:
            amount += self.fleet.reserved + self.fleet.spent
        self.do(allocate(self.project, amount))
        self.fleet.allocated = (self.fleet.allocated or 0) + amount

    @precondition(lambda self: self.fleet.allocated is not None)
    @rule()
    def lift_the_limit(self) -> None:
        self.do(edit_project(self.project, {"allocated": None}))
        self.fleet.allocated = None

    # Time.

    @rule(seconds=st.sampled_from([1, 5, 31, 61]))
    def time_passes(self, seconds: int) -> None:
        self.fleet.now += seconds * SECOND
        self.do(patrol(StaleRules()))
        self.fleet.patrol()

    @rule(events=st.integers(1, 10))
    def seal(self, events: int) -> None:
        assert self.do(seal_next_block(events)) <= events

    # What must hold after every step.

    @invariant()
    def the_rows_are_what_the_model_says(self) -> None:
        rows = {row[0]: tuple(row[1:]) for row in self.run(self.store.rows(TASKS))}
        assert set(rows) == set(self.fleet.tasks)
        for task in self.fleet.tasks.values():
            state, priority, attempts, burned, cost, blockers, archived_at, ready_at = rows[task.id]
            assert TaskState(state).label == task.state
            assert (priority, attempts, burned, cost) == (
                task.priority,
                task.attempts,
                task.burned,
                task.cost,
            )
            assert blockers == sum(1 for done in task.edges.values() if not done)
            assert (archived_at is not None, ready_at) == (task.archived, task.ready_at)

    @invariant()
    def every_running_task_has_exactly_one_holder(self) -> None:
        holders = sorted(tuple(row) for row in self.run(self.store.rows(HOLDERS)))
        expected = [
            (lease.task, lease.attempt, lease.agent) for lease in self.fleet.leases if lease.ended is None
        ]
        assert holders == sorted(expected)

    @invariant()
    def counts_and_money_are_exact(self) -> None:
        counted = [sum(column) for column in zip(*self.run(self.store.rows(LANES)), strict=True)]
        counts = self.fleet.counts()
        assert counted == ([counts.get(state.label, 0) for state in TaskState] if counted else [])
        fleet = self.fleet
        assert [tuple(row) for row in self.run(self.store.rows(MONEY))] == [
            (fleet.allocated, fleet.reserved, fleet.spent)
        ]

    def teardown(self) -> None:
        try:
            self.run(seal_all(self.store))
            assert self.run(verified(self.database)).problems == []
        finally:
            self.run(self.store.close())
            self.runner.close()


def explore(fresh: Callable[[], Coroutine[Any, Any, str]], *, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        lambda: FleetMachine(fresh),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_random_commands_on_sqlite_do_what_the_model_does(sqlite_template: Path, tmp_path: Path) -> None:
    made = iter(range(1_000_000))

    async def fresh() -> str:
        path = tmp_path / f"{next(made)}.db"
        shutil.copy(sqlite_template, path)
        return str(path)

    explore(fresh, examples=40, steps=60)


@pytest.mark.postgres
def test_random_commands_on_postgres_do_what_the_model_does(postgres_template: Any) -> None:
    url: str = postgres_template(migrate_postgres)
    names = ", ".join(table.name for table in metadata.sorted_tables if table.name != "log_head")

    async def fresh() -> str:
        connection = await asyncpg.connect(url)
        await connection.execute(f"TRUNCATE {names}, task_search; UPDATE log_head SET seq = 0")
        await connection.close()
        return url

    explore(fresh, examples=8, steps=50)
