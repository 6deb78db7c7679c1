"""Folds the log into the read models, each from its own position."""

from __future__ import annotations

import asyncio
import contextlib

from muster.projections.folding import Projection, fold_next
from muster.projections.registry import PROJECTIONS
from muster.store.database import Store


async def run_projector(store: Store) -> None:
    """Keep every read model up to the head of the log, as close as it wants to be."""
    async with asyncio.TaskGroup() as group:
        for projection in PROJECTIONS:
            group.create_task(_follow(store, projection))


async def _follow(store: Store, projection: Projection) -> None:
    while True:
        position = await store.execute(fold_next(projection, projection.events_at_once))
        if position >= store.feed.head:
            await store.feed.wait(position)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(projection.gather_seconds):
                    await store.feed.wait(position + projection.gather_events)
        else:
            await asyncio.sleep(0)
