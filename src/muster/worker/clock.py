"""How long an attempt may still run. Waiting for a person does not count."""

from __future__ import annotations

import asyncio


class Clock:
    """Seconds that run down while nobody pauses it."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._pauses = 0
        self._changed = asyncio.Event()

    def pause(self) -> None:
        """Stop; as often as it is paused it must be resumed."""
        self._pauses += 1
        self._changed.set()

    def resume(self) -> None:
        """Go on."""
        self._pauses -= 1
        self._changed.set()

    async def run_out(self) -> None:
        """Returns when the time is over."""
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            if self._pauses > 0:
                await self._changed.wait()
                continue
            begun = loop.time()
            try:
                async with asyncio.timeout(self._left):
                    await self._changed.wait()
            except TimeoutError:
                return
            self._left = max(self._left - (loop.time() - begun), 0)
