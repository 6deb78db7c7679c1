"""Tasks by agent: a read model that lags behind, and is whole for whoever asks."""

from __future__ import annotations

from muster.commands.edits import edit_task
from muster.commands.lifecycle import purge_tasks
from muster.projections.agent_tasks import AGENT_TASKS, bring_forward
from muster.projections.folding import fold_next, position_and_head
from muster.projections.task_filter import TaskFilter
from muster.projections.task_lists import list_task_ids
from muster.store.database import Store
from muster.store.statements import Statement
from tests.store.working import Place

ROWS = Statement("SELECT count(*) FROM agent_tasks")


async def tasks_of(store: Store, agent: str) -> list[int]:
    await bring_forward(store)
    return (await list_task_ids(store, TaskFilter(agent_id=agent))).items


async def test_what_was_claimed_is_listed_at_once(store: Store) -> None:
    """OD-2: whoever asks for an agent's tasks sees all that was acknowledged before."""
    place = await Place.at(store)
    tasks = [await place.submit() for _ in range(3)]
    for agent in ("ann", "bob", "ann"):
        assert await place.claim(agent) is not None
    assert await tasks_of(store, "ann") == [tasks[2], tasks[0]]
    assert await tasks_of(store, "bob") == [tasks[1]]


async def test_a_task_belongs_to_who_has_it_last(store: Store) -> None:
    """OD-2: a retry by another agent, and an assignment that is changed or taken back."""
    place = await Place.at(store)
    await place.submit("retried")
    first = await place.claim("ann")
    assert first is not None
    assert await tasks_of(store, "ann") == [first.task_id]
    await place.end(first, code="agent_error", message="no", retry=True)
    await store.execute(edit_task(first.task_id, {"assignee": "bob"}))
    assert await tasks_of(store, "ann") == []
    assert await tasks_of(store, "bob") == [first.task_id]
    await store.execute(edit_task(first.task_id, {"assignee": ""}))
    assert await tasks_of(store, "bob") == []


async def test_a_removed_task_leaves_nothing(store: Store) -> None:
    """SQ-6: neither one that was folded before nor one that is folded afterwards."""
    place = await Place.at(store)
    for asked_between in (True, False):
        await place.submit()
        claimed = await place.claim("ann")
        assert claimed is not None
        await place.end(claimed)
        if asked_between:
            assert await tasks_of(store, "ann") == [claimed.task_id]
        assert await store.execute(purge_tasks(store.now() + 1)) == 1
        assert await tasks_of(store, "ann") == []
        assert (await store.rows(ROWS))[0][0] == 0


async def test_folding_in_small_bites_comes_to_the_same(store: Store) -> None:
    place = await Place.at(store)
    for _ in range(5):
        await place.submit()
        await place.claim("ann")
    while True:
        position, head = await position_and_head(store, AGENT_TASKS)
        if position == head:
            break
        assert await store.execute(fold_next(AGENT_TASKS, 2)) > position
    assert len((await list_task_ids(store, TaskFilter(agent_id="ann"))).items) == 5
