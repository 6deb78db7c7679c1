"""Which work that attempts left in a repository may go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ENDED: Final = ("succeeded", "failed", "cancelled")
WITHOUT_SUCCESS: Final = ("failed", "cancelled", "gone")


class Verdict(StrEnum):
    """Why something goes or stays."""

    MERGED = "merged"
    ABANDONED = "abandoned"
    CHECKED_OUT = "checked out"
    RUNNING = "its task goes on"
    UNKNOWN = "no server says how its task stands"
    UNMERGED = "not merged"
    YOUNG = "not old enough"

    @property
    def goes(self) -> bool:
        """Whether it may be removed."""
        return self in (Verdict.MERGED, Verdict.ABANDONED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A task's work in a repository. `state` is the task's, `gone` when the server knows it no more, None when no server
    was asked."""

    state: str | None
    merged: bool
    checked_out: bool
    age_days: float


def judge(kept: Kept, *, abandoned: bool, older_days: float) -> Verdict:
    """Merged work may go, and with `abandoned` that of tasks that ended without success, once it is old enough."""
    if kept.checked_out:
        return Verdict.CHECKED_OUT
    if kept.state is not None and kept.state not in (*ENDED, "gone"):
        return Verdict.RUNNING
    if kept.merged:
        return Verdict.MERGED
    if kept.state is None:
        return Verdict.UNKNOWN
    if not abandoned or kept.state not in WITHOUT_SUCCESS:
        return Verdict.UNMERGED
    return Verdict.ABANDONED if kept.age_days >= older_days else Verdict.YOUNG
