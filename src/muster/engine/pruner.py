"""Retention: archives and purges finished tasks after their time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from muster.commands.lifecycle import purge_tasks
from muster.store.database import Store

EVERY_SECONDS: Final = 600.0
BATCH: Final = 200
DAY_US: Final = 86_400_000_000

log = logging.getLogger("muster.engine")


@dataclass(frozen=True, slots=True)
class Retention:
    """Days after which finished tasks are purged; 0 keeps them."""

    purge_after_days: float = 3.0


async def run_pruner(store: Store, retention: Retention) -> None:
    """Prune at the start and every ten minutes, in small bites."""
    while True:
        if retention.purge_after_days > 0:
            await prune(store, retention)
        await asyncio.sleep(EVERY_SECONDS)


async def prune(store: Store, retention: Retention) -> int:
    """Remove what is past its time; returns how many tasks."""
    before = store.now() - int(retention.purge_after_days * DAY_US)
    removed = 0
    while count := await store.execute(purge_tasks(before, BATCH)):
        removed += count
        await asyncio.sleep(0)
    if removed:
        log.info("purged %d tasks that finished over %g days ago", removed, retention.purge_after_days)
    return removed
