"""Sends what an attempt produces: in order, in batches, and not lost when the connection is."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Generic, TypeVar

from muster.client.errors import ApiError, BadAnswer, Unreachable

log = logging.getLogger(__name__)

T = TypeVar("T")

FLUSH_SECONDS: Final = 0.1
FLUSH_ITEMS: Final = 50
BATCH_ITEMS: Final = 500
BATCH_BYTES: Final = 256 * 1024
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0


class Delivery(Generic[T]):
    """Items of one attempt on their way to the server. `send` runs beside the attempt until `finish`.

    `post` is given the position of a batch (how many items were sent before it) and the batch; it
    answers the next position. `size` is what an item counts in bytes.
    """

    def __init__(
        self, name: str, post: Callable[[int, list[T]], Awaitable[int]], size: Callable[[T], int]
    ) -> None:
        self._name = name
        self._post = post
        self._size = size
        self._pending: deque[T] = deque()
        self._position = 0
        self._more = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closed = False

    def add(self, items: Iterable[T]) -> None:
        """Items to be sent, after those added before."""
        self._pending.extend(items)
        if self._pending:
            self._more.set()
        if len(self._pending) >= FLUSH_ITEMS:
            self._hurry.set()

    def finish(self) -> None:
        """No more comes: `send` sends the rest and returns."""
        self._closed = True
        self._more.set()
        self._hurry.set()

    async def send(self, on_fenced: Callable[[], None]) -> None:
        """Send until `finish` was called and all is kept; a lost connection is waited out.

        `on_fenced` is called when the server says that the attempt is not ours: then nothing more is sent.
        """
        while True:
            await self._more.wait()
            if not self._closed:
                await self._gather()
            if self._pending and not await self._send_batch():
                on_fenced()
                return
            if not self._pending:
                if self._closed:
                    return
                self._more.clear()
                self._hurry.clear()

    async def _gather(self) -> None:
        """Give a batch a moment to grow."""
        if len(self._pending) >= FLUSH_ITEMS:
            return
        self._hurry.clear()
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._hurry.wait()
        except TimeoutError:
            return

    async def _send_batch(self) -> bool:
        """Send the oldest items. False when the attempt is not ours any more."""
        batch = self._batch()
        pause = FIRST_PAUSE
        while True:
            try:
                self._position = await self._post(self._position, batch)
            except ApiError as error:
                if error.fenced:
                    return False
                if error.status < 500 and error.status != 429:
                    log.error("%s: %d refused: %s", self._name, len(batch), error.message)
                    return True
            except (Unreachable, BadAnswer) as error:
                log.debug("%s: waits: %s", self._name, error.message)
            else:
                return True
            await asyncio.sleep(pause * (0.5 + random.random() / 2))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _batch(self) -> list[T]:
        batch: list[T] = []
        size = 0
        while self._pending and len(batch) < BATCH_ITEMS and size < BATCH_BYTES:
            item = self._pending.popleft()
            size += self._size(item)
            batch.append(item)
        return batch
