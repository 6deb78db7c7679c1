"""Tasks counted by state; the lanes' counters make that cheap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muster.domain.task import TaskState

SUMS: Final = ", ".join(f"coalesce(sum({state.label}), 0)" for state in TaskState)
"""Columns of a query over lanes, for `counts_from`."""


@dataclass(slots=True)
class StateCounts:
    """How many tasks are in each state; archived ones are counted too."""

    blocked: int = 0
    backoff: int = 0
    ready: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def waiting(self) -> int:
        """Those nobody runs yet."""
        return self.blocked + self.backoff + self.ready

    @property
    def total(self) -> int:
        """All of them."""
        return self.waiting + self.running + self.succeeded + self.failed + self.cancelled


def counts_from(row: Sequence[int]) -> StateCounts:
    """Counts of the columns of SUMS."""
    return StateCounts(*(int(value) for value in row))
