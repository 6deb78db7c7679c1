"""A task's output as it comes, until the task is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from muster.cli.connection import Connection, path

FINISHED: Final = frozenset({"succeeded", "failed", "cancelled"})
_PAGE: Final = 1_000
_WAIT: Final = 30

Line = dict[str, Any]


@dataclass(slots=True)
class Follower:
    """Reads the lines of each attempt in order and gives every line once."""

    connection: Connection
    task_id: str
    emit: Callable[[Line], None]
    attempt: int = 1
    position: int = 0

    def read(self, *, wait: float) -> int:
        """Emit the next lines of the attempt, waiting up to `wait` seconds for some; how many there were."""
        page = self.connection.get(
            path("tasks", self.task_id, "logs"),
            wait=wait,
            attempt=self.attempt,
            after=self.position,
            limit=_PAGE,
            wait_seconds=wait or None,
        )
        lines = cast(list[Line], page["items"])
        for line in lines:
            self.emit({"attempt": self.attempt, **line})
        self.position += len(lines)
        return len(lines)

    def until_over(self) -> dict[str, Any]:
        """Emit all lines of this and all later attempts until the task is over; gives the finished task."""
        while True:
            task = self.connection.get(path("tasks", self.task_id))
            latest = int(task.get("attempts") or 0)
            if self.attempt < latest:
                self._rest()
                self.attempt, self.position = self.attempt + 1, 0
            elif task["state"] in FINISHED:
                self._rest()
                return task
            else:
                self.read(wait=_WAIT)

    def _rest(self) -> None:
        while self.read(wait=0) == _PAGE:
            pass
