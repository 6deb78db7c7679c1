"""A task's output as it comes, until the task is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any, Final, cast

from muster.cli.connection import Connection, path
from muster.client.errors import Unreachable

FINISHED: Final = frozenset({"succeeded", "failed", "cancelled"})
_PAGE: Final = 1_000
_WAIT: Final = 30
_SILENCE: Final = 60
"""Seconds without a byte after which an event stream counts as broken; the server sends something every 15."""

_RETRIES: Final = 60
_PAUSE: Final = 1.0
_ENDED: Final = object()

Line = dict[str, Any]


@dataclass(slots=True)
class Follower:
    """Reads the lines of each attempt in order and gives every line once."""

    connection: Connection
    task_id: str
    emit: Callable[[Line], None]
    attempt: int = 1
    after: int = 0
    noun: str = "logs"
    """What is read: `logs` or `conversation`."""

    page_done: Callable[[], None] | None = None
    """Told after each page."""

    _failures: int = 0

    def read(self, *, wait: float = 0) -> bool:
        """Emit the next lines of the attempt, waiting up to `wait` seconds for some; whether there were any."""
        page = self.connection.get(
            path("tasks", self.task_id, self.noun),
            wait=wait,
            attempt=self.attempt,
            after=self.after,
            limit=_PAGE,
            wait_seconds=wait or None,
        )
        lines = cast(list[Line], page["items"])
        for line in lines:
            self.emit({"attempt": self.attempt, **line})
        if self.page_done is not None:
            self.page_done()
        before, self.after = self.after, int(page["next_after"])
        return bool(lines) or self.after != before

    def until_over(self, watcher: Connection, lost: Callable[[str], None]) -> dict[str, Any]:
        """Emit all lines of this and all later attempts until the task is over; gives the finished task.

        A server that goes away is told to `lost` and waited for; Unreachable when it stays away for a minute.
        `watcher` is a second connection, which hears of changes.
        """
        while True:
            try:
                return self._until_over(watcher.events(path("events"), timeout=_SILENCE, task=self.task_id))
            except Unreachable as error:
                self._failures += 1
                if self._failures > _RETRIES:
                    raise
                if self._failures == 1:
                    lost(error.message)
                Event().wait(_PAUSE)

    def _until_over(self, changes: Iterator[None]) -> dict[str, Any]:
        while True:
            task = self.connection.get(path("tasks", self.task_id))
            self._failures = 0
            latest = int(task["attempts"])
            if self.attempt < latest:
                self._rest()
                self.attempt, self.after = self.attempt + 1, 0
            elif task["state"] in FINISHED:
                if latest:
                    self._rest()
                return task
            elif task["state"] == "running":
                self.read(wait=_WAIT)
            elif next(changes, _ENDED) is _ENDED:
                raise Unreachable(address=self.connection.url, problem="it ended the stream of events")

    def _rest(self) -> None:
        while self.read():
            pass
