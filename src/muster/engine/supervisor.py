"""Runs the loops of the engine and starts again, with a back-off, one that fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

LONGEST_PAUSE: Final = 30.0

log = logging.getLogger("muster.engine")


@dataclass(frozen=True, slots=True)
class Loop:
    """A named loop that runs until cancelled."""

    name: str
    run: Callable[[], Awaitable[None]]


async def supervise(loops: list[Loop]) -> None:
    """Run all loops until cancelled; the failure of one is logged and does not touch the others."""
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(_keep_running(loop), name=f"engine:{loop.name}")


async def _keep_running(loop: Loop) -> None:
    pause = 0.5
    while True:
        try:
            await loop.run()
        except Exception:
            log.exception("engine loop %s failed; it starts again in %.1f s", loop.name, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            return
