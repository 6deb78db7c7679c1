"""The clocks: back-offs that end, leases whose holder went silent.

It sleeps until the next thing falls due, which the database tells it, and is woken when a commit
makes something due earlier.
"""

from __future__ import annotations

import asyncio
from typing import Final

from muster.commands.leases import StaleRules, patrol
from muster.store.database import Store

LONGEST_SLEEP: Final = 60.0


async def run_rescuer(store: Store, rules: StaleRules) -> None:
    """Patrol whenever something is due."""
    woken = store.signals.watch("timers")
    try:
        while True:
            woken.clear()
            store.next_wake()
            report = await store.execute(patrol(rules))
            await _sleep_until_due(store, report.next_at, woken)
    finally:
        store.signals.unwatch("timers", woken)


async def _sleep_until_due(store: Store, due: int | None, woken: asyncio.Event) -> None:
    while True:
        seconds = LONGEST_SLEEP if due is None else (due - store.now()) / 1e6
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(min(seconds, LONGEST_SLEEP)):
                await woken.wait()
        except TimeoutError:
            return
        woken.clear()
        sooner = store.next_wake()
        if sooner is not None and (due is None or sooner < due):
            due = sooner
