"""Retention: archives and purges finished tasks after their time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from muster.commands.lifecycle import archive_finished, purge_tasks
from muster.commands.sandboxes import forget_sandboxes
from muster.commands.workers import forget_workers
from muster.store.blob_references import collect_blobs
from muster.store.blobs import BlobStore
from muster.store.database import Store

EVERY_SECONDS: Final = 600.0
BATCH: Final = 200
UNSEEN_DAYS: Final = 30
"""So long, at least, a result stays whose commits nobody looked at: longer than anybody is away."""
WORKER_DAYS: Final = 7
DAY_US: Final = 86_400_000_000

log = logging.getLogger("muster.engine")


@dataclass(frozen=True, slots=True)
class Retention:
    """Days after which finished tasks are archived, and those not archived purged; 0: never."""

    purge_after_days: float = 3.0
    archive_after_days: float = 0.0


async def run_pruner(store: Store, retention: Retention, blobs: BlobStore | None = None) -> None:
    """Prune at the start and every ten minutes, in small bites; once a day, collect contents nothing refers to."""
    next_sweep = 0
    while True:
        if retention.archive_after_days > 0:
            await archive(store, retention)
        if retention.purge_after_days > 0:
            await prune(store, retention)
        await store.execute(forget_workers(store.now() - WORKER_DAYS * DAY_US))
        await store.execute(forget_sandboxes(store.now() - DAY_US))
        if blobs is not None and store.now() >= next_sweep:
            await sweep(store, blobs)
            next_sweep = store.now() + DAY_US
        await asyncio.sleep(EVERY_SECONDS)


async def sweep(store: Store, blobs: BlobStore) -> int:
    """Remove contents that nothing refers to and nobody touched for a day; returns how many."""
    removed = await collect_blobs(store, blobs, (store.now() - DAY_US) / 1_000_000)
    if removed:
        log.info("removed %d contents that nothing refers to", removed)
    return removed


def _unseen(store: Store, before: int) -> int:
    return min(before, store.now() - UNSEEN_DAYS * DAY_US)


async def archive(store: Store, retention: Retention) -> int:
    """Put out of sight what finished long enough ago; returns how many tasks."""
    before = store.now() - int(retention.archive_after_days * DAY_US)
    archived = 0
    while count := await store.execute(archive_finished(before, BATCH, unseen_before=_unseen(store, before))):
        archived += count
        await asyncio.sleep(0)
    if archived:
        log.info("archived %d tasks that finished over %g days ago", archived, retention.archive_after_days)
    return archived


async def prune(store: Store, retention: Retention) -> int:
    """Remove what is past its time; returns how many tasks."""
    before = store.now() - int(retention.purge_after_days * DAY_US)
    removed = 0
    while count := await store.execute(purge_tasks(before, BATCH, unseen_before=_unseen(store, before))):
        removed += count
        await asyncio.sleep(0)
    if removed:
        log.info("purged %d tasks that finished over %g days ago", removed, retention.purge_after_days)
    return removed
