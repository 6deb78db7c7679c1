"""What is read of tasks, attempts and output: details, reasons of waiting, logs."""

from __future__ import annotations

import pytest

from muster.commands.edits import edit_task
from muster.commands.lifecycle import archive_tasks, cancel_task, delete_task
from muster.commands.output import RecordOutput, record_output
from muster.commands.projects import create_project, edit_project
from muster.commands.queues import create_queue, pause_queue
from muster.commands.workers import Presence, note_departure, record_presence
from muster.domain.errors import NotFound
from muster.domain.project import Project
from muster.domain.queue import Queue
from muster.domain.retry import RetryPolicy
from muster.domain.task import TaskState
from muster.projections.attempts import attempts_of, get_attempt, output_of
from muster.projections.folding import fold_next
from muster.projections.log import events_after, events_of, head_of_log
from muster.projections.registry import PROJECTIONS
from muster.projections.task_filter import TaskFilter
from muster.projections.task_lists import list_task_ids, list_tasks
from muster.projections.tasks import get_task
from muster.projections.waiting import waiting_groups
from muster.projections.workers import LIVE_US, list_workers, live_workers
from muster.store.database import Store
from tests.store.working import Place, public

LATER = 9_000_000_000_000_000
ONCE = {"retry": RetryPolicy(max_attempts=1)}


async def why(store: Store, task: int) -> tuple[str, str]:
    hold = (await get_task(store, task, store.now())).row.waiting
    assert hold is not None
    return hold.code, hold.message


async def test_a_detail_has_everything_and_an_unknown_task_is_not_found(store: Store) -> None:
    place = await Place.at(store)
    task = await place.submit(
        "Fix it", spec={"tags": ("a", "b"), "payload": {"x": 1}}, requires=("gpu", "arm"), assignee="ann"
    )
    detail = await get_task(store, task, store.now())
    row = detail.row
    assert (row.title, row.tags, row.requires, row.assigned_to) == (
        "Fix it",
        ("a", "b"),
        ("arm", "gpu"),
        "ann",
    )
    assert (row.project, row.queue, row.state, row.attempt) == ("default", "inbox", TaskState.READY, None)
    assert detail.spec.payload == {"x": 1}
    with pytest.raises(NotFound, match="tsk_"):
        await get_task(store, 5, store.now())


async def test_a_long_text_is_cut_in_a_list_and_whole_in_the_detail(store: Store) -> None:
    place = await Place.at(store)
    long = "x" * 100_000
    task = await place.submit("long", spec={"description": long, "tags": ("t",)})
    listed = (await list_tasks(store, TaskFilter(), store.now())).items[0]
    assert len(listed.description) == 2_000
    assert listed.tags == ("t",)
    assert (await get_task(store, task, store.now())).row.description == long


async def test_a_blocked_task_names_what_it_waits_for(store: Store) -> None:
    place = await Place.at(store)
    first = await place.submit("first", spec=ONCE)
    second = await place.submit("second")
    waiter = await place.submit(depends_on=(public(first), public(second)))
    assert await why(store, waiter) == ("blocked_by", f"waits for {public(first)}, {public(second)}")
    claimed = await place.claim()
    assert claimed is not None
    await place.end(claimed, code="bad_payload")
    code, words = await why(store, waiter)
    assert code == "dependency_failed"
    assert words.startswith(f"{public(first)} failed: requeue it")
    await store.execute(cancel_task(second))
    assert "(and 1 more)" in (await why(store, waiter))[1]


async def test_a_delayed_task_says_until_when(store: Store) -> None:
    place = await Place.at(store)
    scheduled = await place.submit(ready_at=LATER)
    assert await why(store, scheduled) == ("scheduled", "submitted for 2255-03-14T16:00:00.000Z")
    failing = await place.submit(spec={"retry": RetryPolicy(base_seconds=1000, max_seconds=2000)})
    claimed = await place.claim()
    assert claimed is not None
    assert claimed.task_id == failing
    await place.end(claimed, code="exit_nonzero")
    code, words = await why(store, failing)
    assert code == "backoff_until"
    assert words.startswith("attempt 1 of 3 failed; next try at 20")


async def test_a_ready_task_says_what_holds_it(store: Store) -> None:
    """Every waiting task says why."""
    place = await Place.at(store)
    task = await place.submit(estimate=2_000_000)
    assert (await why(store, task))[0] == "waiting_for_agent"
    await store.execute(edit_project(place.project, {"allocated": 1_000_000}))
    assert (await why(store, task))[0] == "budget"
    await store.execute(edit_project(place.project, {"status": "paused", "allocated": None}))
    assert (await why(store, task))[0] == "project_paused"
    await store.execute(edit_project(place.project, {"status": "active"}))
    await store.execute(pause_queue(place.queue))
    assert (await why(store, task))[0] == "queue_paused"
    mine = await place.submit(assignee="ann", queue_id=await store.execute(create_queue(Queue(name="q"))))
    assert (await why(store, mine))[0] == "assigned_to"


async def test_a_task_for_workers_waits_for_one_that_is_there_and_free(store: Store) -> None:
    place = await Place.at(store)
    place.queue = await store.execute(create_queue(Queue(name="builds")))
    task = await place.submit(kind="bash")
    assert (await why(store, task))[0] == "no_worker"
    await store.execute(
        record_presence(Presence(worker_id="w", capacity=1, modes=("auto",), kinds=("bash",)))
    )
    assert (await why(store, task))[0] == "in_line"
    other = await place.submit(kind="bash")
    claimed = await place.claim("w", modes=frozenset({"auto"}))
    assert claimed is not None
    assert (await why(store, other))[0] == "in_line"
    await store.execute(note_departure("w"))
    assert (await why(store, other))[0] == "no_worker"


async def test_a_full_worker_is_called_busy(store: Store) -> None:
    from muster.commands.claims import ClaimTasks, claim_tasks
    from muster.domain.admission import ClaimFilter

    place = await Place.at(store)
    place.queue = await store.execute(create_queue(Queue(name="builds")))
    await place.submit(kind="bash")
    waiting = await place.submit(kind="bash")
    await store.execute(record_presence(Presence(worker_id="w", capacity=1, modes=("auto",))))
    await store.execute(claim_tasks(ClaimTasks(ClaimFilter("w", modes=frozenset({"auto"})), worker_id="w")))
    assert (await why(store, waiting))[0] == "worker_busy"
    now = store.now()
    worker = (await live_workers(store, now))[0]
    assert (worker.running, worker.capacity, worker.live) == (1, 1, True)
    assert await live_workers(store, now + LIVE_US + 1_000_000) == []
    assert not (await list_workers(store, now + 2 * LIVE_US)).items[0].live


async def test_waiting_tasks_are_grouped_by_reason(store: Store) -> None:
    place = await Place.at(store)
    first = await place.submit()
    await place.submit()
    await place.submit(depends_on=(public(first),))
    await place.submit(ready_at=LATER)
    paused = await store.execute(create_queue(Queue(name="paused")))
    await store.execute(pause_queue(paused))
    held = await place.submit(queue_id=paused)
    poor = await store.execute(create_project(Project(name="poor", allocated=1)))
    await place.submit(project_id=poor, estimate=5)
    groups = await waiting_groups(store, store.now())
    assert [(group.code, group.count) for group in groups] == [
        ("waiting_for_agent", 2),
        ("blocked_by", 1),
        ("budget", 1),
        ("queue_paused", 1),
        ("scheduled", 1),
    ]
    of_queue = await waiting_groups(store, store.now(), queue_id=paused)
    assert [(group.code, group.example, group.exact) for group in of_queue] == [("queue_paused", held, True)]


async def test_attempts_are_kept_with_their_reasons(store: Store) -> None:
    """SW-4b"""
    place = await Place.at(store)
    task = await place.submit(spec={"retry": RetryPolicy(base_seconds=0)})
    for code in ("exit_nonzero", "timeout"):
        claimed = await place.claim()
        assert claimed is not None
        await place.end(claimed, code=code, message=f"because of {code}", exit_code=3, tokens=(1, 2, 3, 4))
    rows = await attempts_of(store, task)
    assert [(row.number, row.state, row.code, row.exit_code) for row in rows] == [
        (1, "failed", "exit_nonzero", 3),
        (2, "failed", "timeout", 3),
    ]
    assert rows[0].tokens == (1, 2, 3, 4)
    assert (await get_attempt(store, rows[1].id)).error == "because of timeout"
    assert (await get_task(store, task, store.now())).row.stale == "timed_out"
    with pytest.raises(NotFound):
        await attempts_of(store, 5)
    with pytest.raises(NotFound):
        await get_attempt(store, 5)


async def test_output_is_read_from_any_line_and_from_its_end(store: Store) -> None:
    place = await Place.at(store)
    await place.submit()
    claimed = await place.claim()
    assert claimed is not None
    lines = [("stdout", f"line {n}") for n in range(100)]
    for start in range(0, 100, 3):
        batch = lines[start : start + 3]
        await store.execute(record_output(RecordOutput(claimed.attempt_id, claimed.token, start, batch)))
    found = await output_of(store, claimed.attempt_id, after=50, limit=10)
    assert [line.text for line in found.lines] == [f"line {n}" for n in range(50, 60)]
    assert (found.lines[0].position, found.next, found.total, found.ended) == (50, 60, 100, False)
    assert not found.complete
    tail = await output_of(store, claimed.attempt_id, tail=70)
    assert [line.text for line in tail.lines] == [f"line {n}" for n in range(30, 100)]
    assert tail.complete
    rest = await output_of(store, claimed.attempt_id, after=100)
    assert (rest.lines, rest.next) == ([], 100)
    assert (await output_of(store, claimed.attempt_id, tail=0)).lines == []
    await place.end(claimed)
    assert (await output_of(store, claimed.attempt_id)).ended
    with pytest.raises(NotFound):
        await output_of(store, 5)


async def test_the_events_of_a_task_outlive_it(store: Store) -> None:
    place = await Place.at(store)
    task = await place.submit()
    await store.execute(cancel_task(task))
    await store.execute(archive_tasks([task]))
    await store.execute(delete_task(task))
    page = await events_of(store, task, limit=2)
    assert [event.kind for event in page.items] == ["task.submitted", "task.cancelled"]
    assert page.next is not None
    rest = await events_of(store, task, after=int(page.next[0]))
    assert [event.kind for event in rest.items] == ["task.archived", "task.removed"]
    end = await events_of(store, task, after=rest.items[-1].seq)
    assert end.items == []
    with pytest.raises(NotFound):
        await events_of(store, 5)
    head = await head_of_log(store)
    assert [event.seq for event in await events_after(store, head - 2, 10)] == [head - 1, head]


async def test_search_follows_edits_and_removals(store: Store) -> None:
    """OD-3"""
    place = await Place.at(store)
    task = await place.submit(
        "Größere Änderung", spec={"description": 'quote " and -dash', "tags": ("ui-kit",)}
    )

    async def found(text: str) -> bool:
        while await store.execute(fold_next(PROJECTIONS[0], 2)) < store.feed.head:
            pass
        return task in (await list_task_ids(store, TaskFilter(text=text))).items

    assert await found("größ")
    assert await found("grossere anderung")
    assert await found("KIT")
    assert not await found("gr")
    for odd in ('"', "AND OR NOT", "a*b(c", "' OR 1=1 --", "near/2", "title:x", "-", "quote:*"):
        await found(odd)
    assert await found('"quote" -dash')
    await store.execute(edit_task(task, {"title": "Kleinigkeit", "tags": ()}))
    assert await found("kleinig")
    assert not await found("größere")
    assert not await found("kit")
    await store.execute(cancel_task(task))
    await store.execute(delete_task(task))
    assert not await found("kleinig")


async def test_large_events_are_folded_in_small_bites(store: Store) -> None:
    place = await Place.at(store)
    long = "word " * 20_000
    tasks = [await place.submit(f"number{n}", spec={"description": long}) for n in range(4)]
    positions = [0]
    while positions[-1] < store.feed.head:
        positions.append(await store.execute(fold_next(PROJECTIONS[0], 10_000)))
    assert len(positions) == 5
    for n, task in enumerate(tasks):
        assert (await list_task_ids(store, TaskFilter(text=f"number{n} word"))).items == [task]
    assert await store.execute(fold_next(PROJECTIONS[0], 10)) == positions[-1]
