"""The output of one attempt: sent line by line while it runs, capped, never lost on the way."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.wire import RecordLine, RecordRequest
from muster.worker.lines import LineSplitter

log = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 0.1
FLUSH_LINES: Final = 50
BATCH_LINES: Final = 500
BATCH_BYTES: Final = 256 * 1024
LINE_COST: Final = 32
"""Bytes a line counts beside its text."""
TAIL_SHARE: Final = 4
STDOUT_KEPT: Final = 256 * 1024
STDERR_KEPT: Final = 4 * 1024
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0

Stream = Literal["stdout", "stderr"]


class Ending:
    """The last bytes of a stream."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._data = bytearray()

    def add(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > 2 * self._kept:
            del self._data[: -self._kept]

    def text(self) -> str:
        """At most the kept bytes, decoded, without the blank space around."""
        return bytes(self._data[-self._kept :]).decode("utf-8", "replace").strip()


class Output:
    """Takes output as it comes and sends it with `send`, which runs beside it until `finish`.

    Beyond three quarters of `limit_bytes` lines are no longer sent live; the last quarter of
    what comes after is sent at the end, with a line that says how much is missing.
    """

    def __init__(self, client: Client, attempt_id: str, token: str, limit_bytes: int) -> None:
        self._client = client
        self._attempt_id = attempt_id
        self._token = token
        self._tail_bytes = limit_bytes // TAIL_SHARE
        self._head_left = limit_bytes - self._tail_bytes
        self._splitters: dict[Stream, LineSplitter] = {"stdout": LineSplitter(), "stderr": LineSplitter()}
        self._pending: deque[RecordLine] = deque()
        self._tail: deque[tuple[Stream, bytes]] = deque()
        self._tail_held = 0
        self._dropped = 0
        self._position = 0
        self._more = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closed = False
        self.stdout = Ending(STDOUT_KEPT)
        self.stderr = Ending(STDERR_KEPT)

    def feed(self, stream: Stream, data: bytes) -> None:
        """Output of the program."""
        (self.stdout if stream == "stdout" else self.stderr).add(data)
        if self._head_left > 0:
            self._add(stream, self._splitters[stream].feed(data))
            return
        if not self._tail:
            for name, splitter in self._splitters.items():
                self._add(name, splitter.flush())
        self._tail.append((stream, data))
        self._tail_held += len(data)
        while self._tail_held - len(self._tail[0][1]) >= self._tail_bytes:
            self._tail_held -= len(self._tail[0][1])
            self._dropped += len(self._tail.popleft()[1])

    def say(self, text: str) -> None:
        """A line of the worker's own."""
        self._pending.append(RecordLine(text=text, stream="system"))
        self._wake()

    def _add(self, stream: Stream, lines: list[str]) -> None:
        for line in lines:
            self._pending.append(RecordLine(text=line, stream=stream))
            self._head_left -= len(line) + LINE_COST
        if lines:
            self._wake()

    def _wake(self) -> None:
        self._more.set()
        if len(self._pending) >= FLUSH_LINES:
            self._hurry.set()

    def finish(self) -> None:
        """No more comes: add the kept end, let `send` send the rest and return."""
        if self._tail:
            self._add_tail()
        else:
            for stream, splitter in self._splitters.items():
                self._add(stream, splitter.flush())
        self._closed = True
        self._more.set()
        self._hurry.set()

    def _add_tail(self) -> None:
        kept: deque[RecordLine] = deque()
        for stream, data in self._tail:
            kept.extend(RecordLine(text=line, stream=stream) for line in self._splitters[stream].feed(data))
        for stream, splitter in self._splitters.items():
            kept.extend(RecordLine(text=line, stream=stream) for line in splitter.flush())
        size = sum(len(line.text) + LINE_COST for line in kept)
        while kept and size > self._tail_bytes:
            line = kept.popleft()
            size -= len(line.text) + LINE_COST
            self._dropped += len(line.text) + 1
        if self._dropped:
            self.say(f"[{self._dropped} bytes of output left out here]")
        self._pending.extend(kept)

    async def send(self, on_fenced: Callable[[], None]) -> None:
        """Send lines until `finish` was called and all are kept; a lost connection is waited out.

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
        if len(self._pending) >= FLUSH_LINES:
            return
        self._hurry.clear()
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._hurry.wait()
        except TimeoutError:
            return

    async def _send_batch(self) -> bool:
        """Send the oldest lines. False when the attempt is not ours any more."""
        batch = self._batch()
        request = RecordRequest(token=self._token, position=self._position, lines=batch)
        pause = FIRST_PAUSE
        while True:
            try:
                answer = await self._client.record(self._attempt_id, request)
            except ApiError as error:
                if error.fenced:
                    return False
                if error.status < 500 and error.status != 429:
                    log.error("%s: %d lines refused: %s", self._attempt_id, len(batch), error.message)
                    return True
            except (Unreachable, BadAnswer) as error:
                log.debug("%s: output waits: %s", self._attempt_id, error.message)
            else:
                self._position = answer.position
                return True
            await asyncio.sleep(pause * (0.5 + random.random() / 2))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _batch(self) -> list[RecordLine]:
        batch: list[RecordLine] = []
        size = 0
        while self._pending and len(batch) < BATCH_LINES and size < BATCH_BYTES:
            line = self._pending.popleft()
            size += len(line.text) + LINE_COST
            batch.append(line)
        return batch
