"""Results with commits that nobody looked at: listed, counted, blocking nothing, on both databases (SQ-12, SW-4i)."""

from __future__ import annotations

import pytest

from muster.commands.lifecycle import archive_finished, archive_tasks, purge_tasks, requeue_task, restore_task
from muster.commands.merges import found_merged, note_merge
from muster.commands.queues import edit_queue
from muster.commands.reviews import GiveVerdict, give_verdict, set_aside, take_back
from muster.domain.errors import WrongState
from muster.domain.events_runs import TaskMerged
from muster.domain.review import ReviewState, Verdict
from muster.domain.task import TaskState
from muster.engine.pruner import DAY_US, UNSEEN_DAYS
from muster.projections.overview import overview_of
from muster.projections.reviews import count_unseen, unseen_work
from muster.projections.status import status_of
from muster.projections.task_filter import TaskFilter
from muster.projections.task_lists import list_tasks
from muster.projections.tasks import get_task
from muster.store.database import Store
from tests.store.runs import describe
from tests.store.trust import verified
from tests.store.working import Place, public

BASE, HEAD = "a" * 40, "b" * 40


class Agent(Place):
    """A place whose tasks are done by an agent, each on a branch of its own."""

    @staticmethod
    async def made(store: Store) -> Agent:
        place = await Place.at(store)
        return Agent(store, place.project, place.queue)

    async def done(self, *, head: str = HEAD, code: str | None = None) -> tuple[int, int]:
        """Work on what waits: the task and the attempt."""
        claimed = await self.claim("ann")
        assert claimed is not None
        found = {"agent": "scripted", "branch": f"muster/{public(claimed.task_id)}", "base_branch": "main"}
        await describe(self.store, claimed, **found, base_commit=BASE, head_commit=head)
        await self.end(claimed, code=code)
        return claimed.task_id, claimed.attempt_id

    async def result(self, head: str = HEAD) -> tuple[int, int]:
        """A task that was done, and the attempt that did it."""
        await self.submit()
        return await self.done(head=head)

    async def unseen(self) -> list[int]:
        """What is listed."""
        wanted = TaskFilter(reviews=frozenset({ReviewState.UNSEEN}))
        return [row.id for row in (await list_tasks(self.store, wanted, self.store.now())).items]

    async def review(self, task: int) -> ReviewState:
        return (await get_task(self.store, task, self.store.now())).row.review


async def test_work_that_left_commits_is_listed_until_somebody_looked_at_it(
    store: Store, database: str
) -> None:
    """SQ-12, SW-4i: five results, each dealt with in another way."""
    agent = await Agent.made(store)
    results = [await agent.result() for _ in range(5)]
    empty, _ = await agent.result(head=BASE)
    seen, merged, approved, archived, left = (task for task, _ in results)
    assert await agent.unseen() == [left, archived, approved, merged, seen]
    assert await agent.review(empty) is ReviewState.NONE
    now = store.now()
    overview = await overview_of(store, now - 1, now)
    assert (overview.unseen, overview.waiting, (await status_of(store, now)).unseen) == (5, 0, 5)
    assert (await verified(database)).problems == []

    assert await store.execute(set_aside(seen, "ann"))
    assert not await store.execute(set_aside(seen, "bob"))
    assert await store.execute(note_merge(merged, results[1][1], TaskMerged(HEAD, "main", "c" * 40, "merge")))
    verdict = GiveVerdict(task_id=approved, attempt_id=results[2][1], verdict=Verdict.APPROVE, commit=HEAD)
    await store.execute(give_verdict(verdict))
    await store.execute(archive_tasks([archived]))
    assert await agent.unseen() == [left]
    assert [work.task_id for work in await unseen_work(store, 10)] == [left]
    assert await count_unseen(store) == 1
    await store.execute(restore_task(archived))
    assert await agent.unseen() == [left, archived]
    assert (await verified(database)).problems == []


async def test_what_was_set_aside_can_be_taken_back(store: Store, database: str) -> None:
    """SQ-12: an undo brings back what was set aside, and nothing that left the list for another reason."""
    agent = await Agent.made(store)
    results = [await agent.result() for _ in range(4)]
    empty, _ = await agent.result(head=BASE)
    seen, merged, rejected, again = (task for task, _ in results)
    for task in (seen, merged, rejected, again):
        await store.execute(set_aside(task, "ann"))
    assert await store.execute(take_back(seen, "ann"))
    assert not await store.execute(take_back(seen, "bob"))
    assert await agent.unseen() == [seen]
    assert (await verified(database)).problems == []
    await store.execute(note_merge(merged, results[1][1], TaskMerged(HEAD, "main", "c" * 40, "merge")))
    verdict = GiveVerdict(
        task_id=rejected, attempt_id=results[2][1], verdict=Verdict.REJECT, commit=HEAD, note="No."
    )
    await store.execute(give_verdict(verdict))
    await store.execute(requeue_task(again))
    await agent.done(head=BASE)
    for task in (empty, merged, rejected, again):
        with pytest.raises(WrongState, match="only what was set aside"):
            await store.execute(take_back(task))
    await store.execute(set_aside(seen))
    await store.execute(take_back(seen))
    assert await agent.unseen() == [seen]
    assert (await verified(database)).problems == []


async def test_what_depends_on_unseen_work_does_not_wait(store: Store, database: str) -> None:
    """SQ-12"""
    agent = await Agent.made(store)
    first = await agent.submit("first")
    before = await agent.submit("before", depends_on=(public(first),))
    await agent.done()
    after = await agent.submit("after", depends_on=(public(first),))
    for task in (before, after):
        assert (await get_task(store, task, store.now())).row.state is TaskState.READY
    assert (await verified(database)).problems == []


async def test_only_a_present_result_is_unseen(store: Store, database: str) -> None:
    agent = await Agent.made(store)
    task, first = await agent.result()
    await store.execute(requeue_task(task))
    assert await agent.unseen() == []
    assert not await store.execute(found_merged(task, first))
    _, second = await agent.done()
    assert await agent.unseen() == [task]
    assert not await store.execute(found_merged(task, first)), "an earlier attempt's work was merged"
    assert await agent.unseen() == [task]
    assert await store.execute(found_merged(task, second))
    assert await agent.unseen() == []
    await store.execute(requeue_task(task))
    await agent.done(code="bad_payload")
    assert await agent.unseen() == []
    with pytest.raises(WrongState):
        await store.execute(set_aside(task))
    assert (await verified(database)).problems == []


async def test_in_a_strict_queue_a_result_waits_for_a_verdict_and_cannot_be_set_aside(store: Store) -> None:
    """SQ-12"""
    agent = await Agent.made(store)
    await store.execute(edit_queue(agent.queue, {"approval": "strict"}))
    task, _ = await agent.result()
    assert (await agent.review(task), await agent.unseen()) == (ReviewState.PENDING, [])
    with pytest.raises(WrongState):
        await store.execute(set_aside(task))


async def test_work_nobody_looked_at_outlives_the_usual_time_and_no_longer(
    store: Store, database: str
) -> None:
    """SQ-12: who is away for a week still finds the list."""
    agent = await Agent.made(store)
    task, _ = await agent.result()
    later = store.now() + DAY_US
    spared = later - UNSEEN_DAYS * DAY_US
    assert await store.execute(archive_finished(later, unseen_before=spared)) == 0
    assert await store.execute(purge_tasks(later, unseen_before=spared)) == 0
    assert await agent.unseen() == [task]
    assert await store.execute(purge_tasks(later)) == 1
    assert (await verified(database)).problems == []
