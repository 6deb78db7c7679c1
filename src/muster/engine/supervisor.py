"""Runs the loops of the engine and starts again, with a back-off, one that fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast

from muster.domain.errors import StoreUnavailable

FIRST_PAUSE: Final = 0.5
OUTAGE_PAUSE: Final = 4.0
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
    clock = asyncio.get_running_loop().time
    pause = 0.0
    while True:
        began = clock()
        try:
            await loop.run()
        except Exception as error:
            known = _is_outage(error)
            lasted = clock() - began > LONGEST_PAUSE
            pause = FIRST_PAUSE if lasted else max(pause * 2, FIRST_PAUSE)
            pause = min(pause, OUTAGE_PAUSE if known else LONGEST_PAUSE)
            problem = f": {_first(error)}" if known else ""
            log.log(
                logging.WARNING if known else logging.ERROR,
                "engine loop %s failed%s; it starts again in %.1f s",
                loop.name,
                problem,
                pause,
                exc_info=not known,
            )
            await asyncio.sleep(pause)
        else:
            return


def _is_outage(error: Exception) -> bool:
    """Whether it is nothing but a database that cannot be used now: a full disk, a restart."""
    if isinstance(error, ExceptionGroup):
        return cast(ExceptionGroup[Exception], error).split(StoreUnavailable)[1] is None
    return isinstance(error, StoreUnavailable)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = cast(BaseExceptionGroup[BaseException], error).exceptions[0]
    return error
