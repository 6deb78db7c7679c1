"""Seals the log: blocks of events are hashed and chained, a moment after they were written."""

from __future__ import annotations

import asyncio
from typing import Final

from muster.commands.seals import seal_next_block
from muster.store.database import Store

GATHER_SECONDS: Final = 1.0
BLOCK_EVENTS: Final = 1_024


async def run_sealer(store: Store) -> None:
    """Seal what is written, at most about once a second."""
    position = 0
    while True:
        await store.feed.wait(position)
        await asyncio.sleep(GATHER_SECONDS)
        position = store.feed.head
        sealed = BLOCK_EVENTS
        while sealed >= BLOCK_EVENTS:
            sealed = await store.execute(seal_next_block(BLOCK_EVENTS))
