"""Folds the log into the read models, each from its own position."""

from __future__ import annotations

import asyncio
from typing import Final

from muster.projections.registry import PROJECTIONS, Projection, fold_next
from muster.store.database import Store

BATCH_EVENTS: Final = 500
GATHER_SECONDS: Final = 0.05


async def run_projector(store: Store) -> None:
    """Keep every read model up to the head of the log."""
    async with asyncio.TaskGroup() as group:
        for projection in PROJECTIONS:
            group.create_task(_follow(store, projection))


async def _follow(store: Store, projection: Projection) -> None:
    while True:
        position = await store.execute(fold_next(projection, BATCH_EVENTS))
        if position >= store.feed.head:
            await store.feed.wait(position)
            await asyncio.sleep(GATHER_SECONDS)
        else:
            await asyncio.sleep(0)
