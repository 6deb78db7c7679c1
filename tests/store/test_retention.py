"""Finished tasks are archived and purged after their time."""

from __future__ import annotations

from muster.engine.pruner import Retention, archive, prune
from muster.store.database import Store
from muster.store.statements import Statement
from tests.store.working import Place

LEFT = Statement("SELECT count(*), count(archived_at) FROM tasks")
TOMORROW = -1.0
"""Days ago: everything that is finished now is older."""


async def three_done_one_open(store: Store) -> Place:
    """Three finished tasks and one that nobody took."""
    place = await Place.at(store)
    for number in range(4):
        await place.submit(f"task {number}")
    for _ in range(3):
        claimed = await place.claim()
        assert claimed is not None
        await place.end(claimed)
    return place


async def test_finished_tasks_are_purged_and_their_events_stay(store: Store) -> None:
    """SQ-6"""
    await three_done_one_open(store)
    events = store.feed.head
    assert await prune(store, Retention(purge_after_days=TOMORROW)) == 3
    assert await store.rows(LEFT) == [(1, 0)]
    assert store.feed.head == events + 3


async def test_tasks_that_finished_lately_are_kept(store: Store) -> None:
    """SQ-6"""
    await three_done_one_open(store)
    assert await prune(store, Retention(purge_after_days=3)) == 0
    assert await archive(store, Retention(archive_after_days=3)) == 0
    assert await store.rows(LEFT) == [(4, 0)]


async def test_archived_tasks_are_not_purged(store: Store) -> None:
    """OD-3, SQ-6"""
    await three_done_one_open(store)
    assert await archive(store, Retention(archive_after_days=TOMORROW)) == 3
    assert await prune(store, Retention(purge_after_days=TOMORROW)) == 0
    assert await store.rows(LEFT) == [(4, 3)]
