"""Writes down when agents were last heard of; claims only remember it, so that they stay cheap."""

from __future__ import annotations

import asyncio
from typing import Final

from muster.commands.agents import note_presence
from muster.store.database import Store

EVERY_SECONDS: Final = 5.0


async def run_presence(store: Store) -> None:
    """Write what gathered, every few seconds and when stopped."""
    try:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await write_presence(store)
    finally:
        await asyncio.shield(write_presence(store))


async def write_presence(store: Store) -> None:
    """Write what gathered since the last time."""
    seen = store.take_seen()
    if seen:
        await store.execute(note_presence(seen))
