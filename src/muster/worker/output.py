"""The output of one attempt: sent line by line while it runs, capped, never lost on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from muster.client.client import Client
from muster.client.wire import RecordLine, RecordRequest
from muster.worker.delivery import Delivery
from muster.worker.lines import LineSplitter

LINE_COST: Final = 32
"""Bytes a line counts beside its text."""
TAIL_SHARE: Final = 4
STDOUT_KEPT: Final = 256 * 1024
STDERR_KEPT: Final = 4 * 1024

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


def _cost(line: RecordLine) -> int:
    return len(line.text) + LINE_COST


class Output:
    """Takes output as it comes and sends it with `send`, which runs beside it until `finish`.

    Beyond three quarters of `limit_bytes` lines are no longer sent live; the last quarter of
    what comes after is sent at the end, with a line that says how much is missing.
    """

    def __init__(self, client: Client, attempt_id: str, token: str, limit_bytes: int) -> None:

        async def post(position: int, lines: list[RecordLine]) -> int:
            request = RecordRequest(token=token, position=position, lines=lines)
            return (await client.record(attempt_id, request)).position

        self._delivery = Delivery(f"output of {attempt_id}", post, _cost)
        self._tail_bytes = limit_bytes // TAIL_SHARE
        self._head_left = limit_bytes - self._tail_bytes
        self._splitters: dict[Stream, LineSplitter] = {"stdout": LineSplitter(), "stderr": LineSplitter()}
        self._tail: deque[tuple[Stream, bytes]] = deque()
        self._tail_held = 0
        self._dropped = 0
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
        self._delivery.add([RecordLine(text=text, stream="system")])

    def _add(self, stream: Stream, lines: list[str]) -> None:
        self._head_left -= sum(len(line) + LINE_COST for line in lines)
        self._delivery.add(RecordLine(text=line, stream=stream) for line in lines)

    def finish(self) -> None:
        """No more comes: add the kept end, let `send` send the rest and return."""
        if self._tail:
            self._add_tail()
        else:
            for stream, splitter in self._splitters.items():
                self._add(stream, splitter.flush())
        self._delivery.finish()

    def _add_tail(self) -> None:
        kept: deque[RecordLine] = deque()
        for stream, data in self._tail:
            kept.extend(RecordLine(text=line, stream=stream) for line in self._splitters[stream].feed(data))
        for stream, splitter in self._splitters.items():
            kept.extend(RecordLine(text=line, stream=stream) for line in splitter.flush())
        size = sum(map(_cost, kept))
        while kept and size > self._tail_bytes:
            line = kept.popleft()
            size -= _cost(line)
            self._dropped += len(line.text) + 1
        if self._dropped:
            self.say(f"[{self._dropped} bytes of output left out here]")
        self._delivery.add(kept)

    async def send(self, on_fenced: Callable[[], None]) -> None:
        """Send lines until `finish` was called and all are kept; see `Delivery.send`."""
        await self._delivery.send(on_fenced)
