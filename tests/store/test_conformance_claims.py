"""Claims, leases, money and limits under many callers at once, on every store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from muster.commands.agents import delete_agent
from muster.commands.attempts import EndAttempt, end_attempts
from muster.commands.claims import Claimed, ClaimTasks, claim_tasks
from muster.commands.leases import Heartbeat, heartbeat
from muster.commands.lifecycle import cancel_task, claim_task
from muster.commands.output import RecordOutput, record_output
from muster.commands.projects import create_project
from muster.commands.queues import create_queue, pause_queue, resume_queue
from muster.commands.tasks import NewTask, submit_tasks
from muster.domain.admission import ClaimFilter
from muster.domain.errors import LeaseLost, MusterError, NotClaimable
from muster.domain.project import Project
from muster.domain.queue import Queue, QueueMode
from muster.domain.retry import RetryPolicy
from muster.domain.task import Priority, TaskSpec, TaskState
from muster.store.database import Store
from muster.store.statements import Statement
from tests.store.events import log_of, one
from tests.store.working import Place, public

STATE = Statement("SELECT state FROM tasks WHERE id = ?1")
COUNTED = Statement(
    "SELECT l.id, l.blocked, l.backoff, l.ready, l.running, l.succeeded, l.failed, l.cancelled FROM lanes l ORDER BY l.id"
)
TRUE_COUNTS = Statement("SELECT lane_id, state, count(*) FROM tasks GROUP BY lane_id, state")


@pytest.fixture
async def place(store: Store) -> Place:
    return await Place.at(store)


async def submit_many(place: Place, count: int, **more: Any) -> list[int]:
    values: dict[str, Any] = {"kind": "prompt", "project_id": place.project, "queue_id": place.queue} | more
    new = [NewTask(spec=TaskSpec(title=f"task {n}"), **values) for n in range(count)]
    return [task.task_id for task in await place.store.execute(submit_tasks(new))]


async def state_of(store: Store, task: int) -> TaskState:
    return TaskState((await store.rows(STATE, task))[0][0])


async def counters_agree(store: Store) -> bool:
    """Whether the lanes' counters say what the tasks say."""
    counted = {
        (row[0], state): n
        for row in await store.rows(COUNTED)
        for state, n in zip(TaskState, row[1:], strict=True)
        if n
    }
    truth = {(lane, TaskState(state)): n for lane, state, n in await store.rows(TRUE_COUNTS)}
    return counted == truth


async def money(store: Store, project: int) -> tuple[int, int]:
    return (await store.rows(Statement("SELECT reserved, spent FROM projects WHERE id = ?1"), project))[0][:2]


async def refused(call: Awaitable[Any]) -> MusterError:
    with pytest.raises(MusterError) as caught:
        await call
    return caught.value


async def test_a_hundred_claimers_at_once_get_a_hundred_different_tasks(place: Place) -> None:
    """SW-4a"""
    tasks = await submit_many(place, 100)
    claims = await asyncio.gather(*(place.claim(f"agent-{n}") for n in range(100)))
    assert sorted(claim.task_id for claim in claims if claim) == tasks
    assert len({claim.token for claim in claims if claim}) == 100
    assert await place.claim("late") is None
    assert await counters_agree(place.store)


async def test_fifty_agents_work_a_queue_off_and_each_task_is_done_once(place: Place) -> None:
    await submit_many(place, 400, estimate=1_000)
    done: list[int] = []

    async def agent(name: str) -> None:
        while (claimed := await place.claim(name)) is not None:
            ended = await place.end(claimed, cost=250)
            assert ended.state is TaskState.SUCCEEDED
            done.append(claimed.task_id)

    await asyncio.gather(*(agent(f"agent-{n}") for n in range(50)))
    assert len(done) == len(set(done)) == 400
    assert await money(place.store, place.project) == (0, 400 * 250)
    assert len(await log_of(place.store, "attempt.succeeded")) == 400
    assert await counters_agree(place.store)


async def test_complete_and_claim_the_next_in_one_call_beside_plain_claims(place: Place) -> None:
    await submit_many(place, 300)
    done: list[int] = []

    async def chained(name: str) -> None:
        wants = ClaimTasks(ClaimFilter(name))
        claimed = await place.claim(name)
        while claimed is not None:
            ended = await place.end(claimed, next=wants)
            done.append(claimed.task_id)
            assert ended.next is not None
            claimed = ended.next.claims[0] if ended.next.claims else None

    async def plain(name: str) -> None:
        while (claimed := await place.claim(name)) is not None:
            await place.store.execute(heartbeat(Heartbeat(claimed.attempt_id, claimed.token)))
            await place.store.execute(
                record_output(RecordOutput(claimed.attempt_id, claimed.token, 0, [("stdout", "line")]))
            )
            await place.end(claimed)
            done.append(claimed.task_id)

    await asyncio.gather(
        *(chained(f"chained-{n}") for n in range(20)), *(plain(f"plain-{n}") for n in range(20))
    )
    assert len(done) == len(set(done)) == 300
    assert await counters_agree(place.store)


async def test_urgent_tasks_go_first_and_older_ones_among_equals(place: Place) -> None:
    wanted: dict[Priority, list[int]] = {}
    for priority in (
        Priority.LOW,
        Priority.URGENT,
        Priority.MEDIUM,
        Priority.HIGH,
        Priority.URGENT,
        Priority.LOW,
    ):
        wanted.setdefault(priority, []).append(await place.submit(priority=priority))
    expected = [task for priority in sorted(wanted) for task in wanted[priority]]
    claims = [await place.claim() for _ in expected]
    assert [claim.task_id for claim in claims if claim] == expected


async def test_order_holds_across_queues_and_kinds(place: Place) -> None:
    other = await place.store.execute(create_queue(Queue(name="other", mode=QueueMode.EXTERNAL)))
    tasks = [
        await place.submit(queue_id=queue, kind=kind)
        for queue, kind in ((place.queue, "prompt"), (other, "prompt"), (place.queue, "llm"), (other, "llm"))
    ]
    claims = [await place.claim() for _ in tasks]
    assert [claim.task_id for claim in claims if claim] == tasks


async def test_a_repeated_completion_changes_nothing(place: Place) -> None:
    await place.submit(estimate=500)
    claimed = await place.claim()
    assert claimed is not None
    first = await place.end(claimed, output="done", cost=100)
    again = await place.end(claimed, output="other", cost=900)
    assert (first.state, first.repeated, again.state, again.repeated) == (
        TaskState.SUCCEEDED, False, TaskState.SUCCEEDED, True,
    )  # fmt: skip
    assert await one(place.store, "SELECT output FROM attempts") == "done"
    assert await money(place.store, place.project) == (0, 100)


async def test_a_completion_sent_many_times_in_one_turn_counts_once(place: Place) -> None:
    await place.submit(estimate=500)
    claimed = await place.claim()
    assert claimed is not None
    answers = await asyncio.gather(*(place.end(claimed, cost=100) for _ in range(10)))
    assert [answer.repeated for answer in answers].count(False) == 1
    assert await money(place.store, place.project) == (0, 100)
    assert len(await log_of(place.store, "attempt.succeeded")) == 1


async def test_a_foreign_token_and_a_late_worker_are_refused(place: Place) -> None:
    task = await place.submit()
    claimed = await place.claim()
    assert claimed is not None
    store = place.store
    forged = end_attempts(EndAttempt(claimed.attempt_id, claimed.token ^ 1))
    assert isinstance(await refused(store.execute(forged)), LeaseLost)
    await store.execute(cancel_task(task))
    late = end_attempts(EndAttempt(claimed.attempt_id, claimed.token))
    assert isinstance(await refused(store.execute(late)), LeaseLost)
    assert (await store.execute(heartbeat(Heartbeat(claimed.attempt_id, claimed.token)))).cancelled
    assert await state_of(store, task) is TaskState.CANCELLED


async def test_a_refused_completion_does_not_harm_the_others_of_its_turn(place: Place) -> None:
    await submit_many(place, 3)
    claims = [claim for n in range(3) if (claim := await place.claim(f"agent-{n}"))]

    async def end(claimed: Claimed, token: int) -> object:
        try:
            return (await place.store.execute(end_attempts(EndAttempt(claimed.attempt_id, token)))).state
        except LeaseLost:
            return "lost"

    tokens = [claims[0].token, claims[1].token + 1, claims[2].token]
    answers = await asyncio.gather(*(end(c, t) for c, t in zip(claims, tokens, strict=True)))
    assert answers == [TaskState.SUCCEEDED, "lost", TaskState.SUCCEEDED]
    assert await counters_agree(place.store)


async def test_a_budget_is_reserved_settled_and_never_overdrawn(store: Store) -> None:
    """SW-4a"""
    project = await store.execute(create_project(Project(name="site", allocated=10_000)))
    place = await Place.at(store)
    place.project = project
    await submit_many(place, 30, estimate=1_000)
    claims = [c for c in await asyncio.gather(*(place.claim(f"a{n}") for n in range(30))) if c]
    assert len(claims) == 10
    assert await money(store, project) == (10_000, 0)
    answer = await store.execute(claim_tasks(ClaimTasks(ClaimFilter("broke"))))
    assert answer.reason is not None
    assert answer.reason.code == "budget"
    await asyncio.gather(*(place.end(claim, cost=400) for claim in claims))
    assert await money(store, project) == (0, 4_000)
    more = [c for c in await asyncio.gather(*(place.claim(f"b{n}") for n in range(20))) if c]
    assert len(more) == 6
    assert await money(store, project) == (6_000, 4_000)


async def test_a_task_that_can_be_paid_for_is_found_behind_many_that_cannot(store: Store) -> None:
    """SW-4a: one claimer sees past the expensive ones, to as many as it asked for."""
    project = await store.execute(create_project(Project(name="site", allocated=10_000)))
    place = await Place.at(store)
    place.project = project
    await submit_many(place, 40, estimate=20_000)
    cheap = [await place.submit(estimate=4_000) for _ in range(3)]
    answer = await store.execute(claim_tasks(ClaimTasks(ClaimFilter("ann"), limit=3)))
    assert [claim.task_id for claim in answer.claims] == cheap[:2]
    assert await money(store, project) == (8_000, 0)


async def test_money_reserved_for_a_cancelled_task_is_released(place: Place) -> None:
    task = await place.submit(estimate=700)
    assert await place.claim() is not None
    assert await money(place.store, place.project) == (700, 0)
    await place.store.execute(cancel_task(task))
    assert await money(place.store, place.project) == (0, 0)


async def test_a_queues_limit_holds_under_a_storm_of_claims_and_ends(place: Place) -> None:
    store = place.store
    place.queue = await store.execute(
        create_queue(Queue(name="narrow", mode=QueueMode.EXTERNAL, concurrency=3))
    )
    await submit_many(place, 60)
    held: set[int] = set()
    most = 0

    async def agent(name: str) -> None:
        nonlocal most
        dry = 0
        while dry < 200 and await one(store, "SELECT sum(ready) FROM lanes"):
            claimed = await place.claim(name)
            if claimed is None:
                dry += 1
                continue
            held.add(claimed.attempt_id)
            most = max(most, len(held))
            await asyncio.sleep(0)
            held.discard(claimed.attempt_id)
            await place.end(claimed)

    await asyncio.gather(*(agent(f"agent-{n}") for n in range(12)))
    assert 1 <= most <= 3
    assert await one(store, "SELECT count(*) FROM tasks WHERE state = 60") == 60
    assert await counters_agree(store)


async def test_a_paused_queue_hands_nothing_out_until_it_is_resumed(place: Place) -> None:
    await place.submit()
    await place.store.execute(pause_queue(place.queue))
    assert await place.claim() is None
    await place.store.execute(resume_queue(place.queue))
    assert await place.claim() is not None


async def test_a_dependent_task_is_ready_once_all_before_it_are_done(place: Place) -> None:
    """SW-4a"""
    first, second = await place.submit(), await place.submit()
    last = await place.submit(depends_on=(public(first), public(second)))
    assert await state_of(place.store, last) is TaskState.BLOCKED
    one_claim, two_claim = await place.claim("a"), await place.claim("b")
    assert one_claim is not None
    assert two_claim is not None
    await place.end(one_claim)
    assert await state_of(place.store, last) is TaskState.BLOCKED
    await place.end(two_claim)
    assert await state_of(place.store, last) is TaskState.READY
    final = await place.claim("c")
    assert final is not None
    assert final.task_id == last
    assert await counters_agree(place.store)


async def test_many_dependencies_that_end_in_one_turn_free_their_dependent_once(place: Place) -> None:
    before = await submit_many(place, 30)
    last = await place.submit(depends_on=tuple(public(task) for task in before))
    claims = [c for c in await asyncio.gather(*(place.claim(f"a{n}") for n in range(30))) if c]
    await asyncio.gather(*(place.end(claim) for claim in claims))
    assert await state_of(place.store, last) is TaskState.READY
    assert len(await log_of(place.store, "task.readied")) == 1
    assert await counters_agree(place.store)


async def test_a_failed_attempt_is_tried_again_and_then_fails_for_good(place: Place) -> None:
    policy = RetryPolicy(max_attempts=2, base_seconds=0)
    task = await place.submit(spec={"retry": policy})
    for expected in (TaskState.READY, TaskState.FAILED):
        claimed = await place.claim()
        assert claimed is not None
        ended = await place.end(claimed, code="agent_error", message="no")
        assert ended.state is expected
    assert await state_of(place.store, task) is TaskState.FAILED
    assert await place.claim() is None
    assert await counters_agree(place.store)


async def test_one_named_task_is_claimed_by_one_of_many(place: Place) -> None:
    task = await place.submit()

    async def claim(name: str) -> object:
        try:
            return (await place.store.execute(claim_task(task, ClaimTasks(ClaimFilter(name))))).task_id
        except NotClaimable:
            return None

    answers = await asyncio.gather(
        *(claim(f"agent-{n}") for n in range(8)), *(place.claim(f"x{n}") for n in range(8))
    )
    assert len([answer for answer in answers if answer is not None]) == 1


async def test_a_deleted_agent_is_registered_anew_by_its_next_call(place: Place) -> None:
    assert await place.claim("ann") is None
    assert await place.claim("ann") is None
    await place.store.execute(delete_agent("ann"))
    assert await one(place.store, "SELECT count(*) FROM agents WHERE id = 'ann'") == 0
    await place.claim("ann")
    assert await one(place.store, "SELECT count(*) FROM agents WHERE id = 'ann'") == 1


async def test_agents_heard_of_and_the_next_time_to_look_are_told_once(place: Place) -> None:
    store = place.store
    await place.submit()
    store.take_seen()
    claimed = await place.claim("ann")
    assert claimed is not None
    assert set(store.take_seen()) == {"ann"}
    assert not store.take_seen()
    wake = store.next_wake()
    assert wake is not None
    assert wake > store.now()
    assert store.next_wake() is None


async def test_output_is_kept_in_order_and_a_repeated_batch_is_recognised(place: Place) -> None:
    await place.submit()
    claimed = await place.claim()
    assert claimed is not None

    def lines(position: int, *texts: str) -> Any:
        pairs = [("stdout", text) for text in texts]
        return record_output(RecordOutput(claimed.attempt_id, claimed.token, position, pairs))

    assert await place.store.execute(lines(0, "a", "b")) == 2
    assert await place.store.execute(lines(0, "a", "b", "c")) == 3
    assert await place.store.execute(lines(0, "a", "b")) == 3
    gap = await refused(place.store.execute(lines(7, "x")))
    assert gap.details["position"] == 3


async def parked_until(store: Store, name: str, act: Callable[[], Awaitable[object]]) -> bool:
    """Whether a claimer that waits is woken by `act`."""
    parked = store.signals.park(ClaimFilter(name))
    try:
        await act()
        async with asyncio.timeout(5):
            await parked.woken.wait()
        return True
    finally:
        store.signals.leave(parked)


async def test_a_waiting_claimer_is_woken_by_new_work_and_by_what_is_let_go(place: Place) -> None:
    store = place.store
    assert await parked_until(store, "ann", place.submit)
    await store.execute(pause_queue(place.queue))
    assert await parked_until(store, "ann", lambda: store.execute(resume_queue(place.queue)))


async def test_a_holder_is_told_when_its_attempt_ends_under_it(place: Place) -> None:
    task = await place.submit()
    claimed = await place.claim()
    assert claimed is not None
    topic = f"attempt:{claimed.attempt_id}"
    told = place.store.signals.watch(topic)
    await place.store.execute(cancel_task(task))
    async with asyncio.timeout(5):
        await told.wait()
    place.store.signals.unwatch(topic, told)
