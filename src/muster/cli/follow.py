"""A task's output as it comes, until the task is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from muster.cli.connection import Connection, path

FINISHED: Final = frozenset({"succeeded", "failed", "cancelled"})
_PAGE: Final = 1_000
_WAIT: Final = 30
_SILENCE: Final = 60
"""Seconds without a byte after which an event stream counts as broken; the server sends something every 15."""

Line = dict[str, Any]


@dataclass(slots=True)
class Follower:
    """Reads the lines of each attempt in order and gives every line once."""

    connection: Connection
    task_id: str
    emit: Callable[[Line], None]
    attempt: int = 1
    after: int = 0

    def read(self, *, wait: float = 0) -> bool:
        """Emit the next lines of the attempt, waiting up to `wait` seconds for some; whether there were any."""
        page = self.connection.get(
            path("tasks", self.task_id, "logs"),
            wait=wait,
            attempt=self.attempt,
            after=self.after,
            limit=_PAGE,
            wait_seconds=wait or None,
        )
        lines = cast(list[Line], page["items"])
        for line in lines:
            self.emit({"attempt": self.attempt, **line})
        self.after = int(page["next_after"])
        return bool(lines)

    def until_over(self, changes: Iterator[None]) -> dict[str, Any]:
        """Emit all lines of this and all later attempts until the task is over; gives the finished task.

        `changes` gives something each time the task may have changed; it must be listening already.
        """
        while True:
            task = self.connection.get(path("tasks", self.task_id))
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
            else:
                next(changes, None)

    def _rest(self) -> None:
        while self.read():
            pass


def changes_of(connection: Connection, task_id: str) -> Iterator[None]:
    """One item for each event about a task from now on. Listening has begun when this returns."""
    return connection.events(path("events"), timeout=_SILENCE, task=task_id)
