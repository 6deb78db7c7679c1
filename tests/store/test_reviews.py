"""Results that wait for a verdict, and what a verdict does, on both databases (SQ-12, SW-2)."""

from __future__ import annotations

import pytest

from muster.commands.lifecycle import archive_finished, delete_task, purge_tasks, requeue_task
from muster.commands.queues import create_queue, edit_queue
from muster.commands.reviews import GiveVerdict, edit_comment, give_verdict, remove_comment, write_comment
from muster.domain import ids
from muster.domain.errors import InvalidInput, NotFound, WrongState
from muster.domain.queue import Queue
from muster.domain.review import Comment, ReviewState, Verdict, WorkMoved
from muster.domain.task import TaskState
from muster.projections.overview import overview_of
from muster.projections.reviews import comments_of, count_unreviewed, reviews_of
from muster.projections.status import status_of
from muster.projections.task_filter import TaskFilter
from muster.projections.task_lists import Order, list_tasks
from muster.projections.tasks import get_task
from muster.store.database import Store
from tests.store.trust import verified
from tests.store.working import Place, public


class Strict(Place):
    """A place whose queue wants every result reviewed."""

    attempt = 0

    @staticmethod
    async def made(store: Store) -> Strict:
        place = await Place.at(store)
        queue = await store.execute(create_queue(Queue(name="strict", mode="external", approval="strict")))
        return Strict(store, place.project, queue)

    async def result(self, **more: object) -> int:
        """A task that was done and waits for a verdict."""
        task = await self.submit("work", **more)
        await self.done()
        return task

    async def done(self) -> None:
        claimed = await self.claim("ann", queues=frozenset({"strict"}))
        assert claimed is not None
        self.attempt = claimed.attempt_id
        await self.end(claimed, output="done")

    async def say(self, task: int, verdict: Verdict, note: str = "") -> int:
        given = GiveVerdict(task_id=task, attempt_id=self.attempt, verdict=verdict, note=note, by="ann")
        return await self.store.execute(give_verdict(given))


async def review_of(store: Store, task: int) -> tuple[TaskState, ReviewState, str | None]:
    row = (await get_task(store, task, store.now())).row
    return row.state, row.review, None if row.waiting is None else row.waiting.code


async def test_a_strict_result_waits_for_a_person_and_so_does_what_depends_on_it(
    store: Store, database: str
) -> None:
    """SQ-12"""
    place = await Strict.made(store)
    first = await place.submit("first")
    before = await place.submit("queued before", depends_on=(public(first),))
    await place.done()
    after = await place.submit("queued after", depends_on=(public(first),))
    assert await review_of(store, first) == (TaskState.SUCCEEDED, ReviewState.PENDING, None)
    for waiting in (before, after):
        assert await review_of(store, waiting) == (TaskState.BLOCKED, ReviewState.NONE, "review")
    assert await place.claim("ann", queues=frozenset({"strict"})) is None
    now = store.now()
    assert ((await status_of(store, now)).reviews, (await overview_of(store, now - 1, now)).waiting) == (1, 1)
    assert (await verified(database)).problems == []
    await place.say(first, Verdict.APPROVE)
    assert await review_of(store, first) == (TaskState.SUCCEEDED, ReviewState.APPROVED, None)
    assert (await review_of(store, before))[0] is (await review_of(store, after))[0] is TaskState.READY
    assert await count_unreviewed(store) == 0
    later = await place.submit("queued later", depends_on=(public(first),))
    assert (await review_of(store, later))[0] is TaskState.READY
    assert (await verified(database)).problems == []


async def test_a_relaxed_result_frees_others_at_once_and_may_be_reviewed_all_the_same(
    store: Store, database: str
) -> None:
    place = await Strict.made(store)
    await store.execute(edit_queue(place.queue, {"approval": "relaxed"}))
    task = await place.result()
    follower = await place.submit("then", depends_on=(public(task),))
    assert await review_of(store, task) == (TaskState.SUCCEEDED, ReviewState.NONE, None)
    assert (await review_of(store, follower))[0] is TaskState.READY
    await place.say(task, Verdict.REJECT, "Not wanted.")
    assert (await review_of(store, task))[1] is ReviewState.REJECTED
    assert (await verified(database)).problems == []


async def test_a_rejected_result_is_like_a_failed_one_to_those_that_wait(store: Store, database: str) -> None:
    """SQ-12"""
    place = await Strict.made(store)
    task = await place.result()
    follower = await place.submit("then", depends_on=(public(task),))
    with pytest.raises(InvalidInput, match="why"):
        await place.say(task, Verdict.REJECT)
    await place.say(task, Verdict.REJECT, "Not wanted.")
    assert await review_of(store, follower) == (TaskState.BLOCKED, ReviewState.NONE, "dependency_failed")
    await place.say(task, Verdict.APPROVE)
    assert (await review_of(store, follower))[0] is TaskState.READY
    assert [row.verdict for row in await reviews_of(store, task)] == ["approve", "reject"]
    assert (await verified(database)).problems == []


async def test_requested_changes_go_to_the_next_attempt_with_all_drafts_as_one_message(
    store: Store, database: str
) -> None:
    """SQ-12, SW-2"""
    place = await Strict.made(store)
    task = await place.result()
    draft = Comment(path="a.py", text="Why not a set?", commit="", first=3, last=3, hunk="x = []")
    kept = await store.execute(write_comment(task, draft, "ann"))
    gone = await store.execute(write_comment(task, draft))
    await store.execute(edit_comment(task, kept, {"text": "A set, please."}))
    await store.execute(remove_comment(task, gone))
    review = await place.say(task, Verdict.REQUEST_CHANGES, "Nearly.")
    assert await review_of(store, task) == (
        TaskState.READY,
        ReviewState.CHANGES_REQUESTED,
        "waiting_for_agent",
    )
    (comment,) = await comments_of(store, task)
    assert (comment.review_id, comment.text) == (review, "A set, please.")
    with pytest.raises(WrongState, match="resolve it"):
        await store.execute(edit_comment(task, kept, {"text": "Other words."}))
    with pytest.raises(WrongState, match="resolve it"):
        await store.execute(remove_comment(task, kept))
    await store.execute(edit_comment(task, kept, {"resolved": True}))
    with pytest.raises(NotFound):
        await store.execute(edit_comment(task + 1, kept, {"resolved": True}))
    claimed = await place.claim("ann", queues=frozenset({"strict"}))
    assert claimed is not None
    assert claimed.review is not None
    assert "Nearly.\n\n## a.py line 3\n\n> x = []\n\nA set, please." in claimed.review
    await place.end(claimed, code="agent_error", message="died", retry=True)
    assert (await review_of(store, task))[1] is ReviewState.CHANGES_REQUESTED
    await store.execute(requeue_task(task))
    again = await place.claim("ann", queues=frozenset({"strict"}))
    assert again is not None
    assert again.review == claimed.review
    await place.end(again)
    assert await review_of(store, task) == (TaskState.SUCCEEDED, ReviewState.PENDING, None)
    assert (await verified(database)).problems == []


async def test_a_verdict_on_an_earlier_attempt_counts_for_nothing(store: Store, database: str) -> None:
    """A verdict binds to what was seen."""
    place = await Strict.made(store)
    task = await place.result()
    seen = place.attempt
    await place.say(task, Verdict.APPROVE)
    await store.execute(requeue_task(task))
    with pytest.raises(WrongState, match="only a result"):
        await place.say(task, Verdict.APPROVE)
    await place.done()
    assert (await review_of(store, task))[1] is ReviewState.PENDING
    place.attempt = seen
    with pytest.raises(WorkMoved):
        await place.say(task, Verdict.APPROVE)
    assert (await verified(database)).problems == []


async def test_what_waits_for_a_verdict_is_listed_and_never_tidied_away(store: Store, database: str) -> None:
    place = await Strict.made(store)
    waiting, approved = await place.result(), await place.result()
    await place.say(approved, Verdict.APPROVE)
    plain = await place.submit("plain")
    now = store.now()

    async def listed(*reviews: ReviewState, order: Order = Order.NEWEST) -> list[int]:
        wanted = TaskFilter(reviews=frozenset(reviews))
        return [row.id for row in (await list_tasks(store, wanted, now, order=order)).items]

    assert await listed(ReviewState.PENDING) == [waiting]
    assert await listed(ReviewState.PENDING, order=Order.QUEUE) == [waiting]
    assert await listed(ReviewState.PENDING, ReviewState.APPROVED) == [approved, waiting]
    assert await listed(ReviewState.NONE) == [plain]
    later = now + 10**9
    assert await store.execute(archive_finished(later)) == 1
    assert await store.execute(purge_tasks(later, archived=True)) == 1
    assert await listed(ReviewState.PENDING) == [waiting]
    await store.execute(write_comment(waiting, Comment(path="a", text="hm", commit="")))
    attempt = (await get_task(store, waiting, now)).row.attempt
    assert attempt is not None
    place.attempt = attempt.id
    await place.say(waiting, Verdict.APPROVE)
    await store.execute(delete_task(waiting))
    assert await comments_of(store, waiting) == []
    assert (await verified(database)).problems == []


async def test_a_task_that_was_never_tried_has_nothing_to_comment_on(store: Store) -> None:
    place = await Strict.made(store)
    task = await place.submit()
    with pytest.raises(WrongState):
        await store.execute(write_comment(task, Comment(path="a", text="hm", commit="")))
    with pytest.raises(NotFound):
        await store.execute(remove_comment(task, ids.decode(ids.COMMENT, "com_0000000000000")))
