"""Why a task waits that is not ready: its dependencies, its back-off, its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muster.domain import ids
from muster.domain.admission import Hold
from muster.domain.review import ReviewState
from muster.domain.task import TaskState
from muster.domain.times import iso

NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Blocker:
    """An unfinished dependency; `state` None: it was removed."""

    task_id: int
    state: TaskState | None
    review: ReviewState = ReviewState.NONE

    @property
    def hopeless(self) -> bool:
        """Whether it will not be done by itself any more."""
        return self.rejected or self.state is None or self.state in (TaskState.FAILED, TaskState.CANCELLED)

    @property
    def rejected(self) -> bool:
        """Whether a person did not want its result."""
        return self.state is TaskState.SUCCEEDED and self.review is ReviewState.REJECTED

    @property
    def unseen(self) -> bool:
        """Whether it is done and waits for a person's verdict."""
        return self.state is TaskState.SUCCEEDED and self.review is ReviewState.PENDING


def blocked_hold(blockers: Sequence[Blocker]) -> Hold:
    """Why a task with unfinished dependencies waits; at most ten of them are named, hopeless ones first."""
    hopeless = [blocker for blocker in blockers if blocker.hopeless]
    unseen = [blocker for blocker in blockers if blocker.unseen]
    code = "dependency_failed" if hopeless else "blocked_by"
    meant = hopeless or list(blockers)
    named = [ids.encode(ids.TASK, blocker.task_id) for blocker in meant[:NAMED]]
    more = f" and {len(meant) - NAMED} more" if len(meant) > NAMED else ""
    if hopeless:
        first = hopeless[0]
        state = "rejected" if first.rejected else first.state.label if first.state is not None else "removed"
        words = f"{named[0]} {_was(state)}{_others(len(hopeless) - 1)}: requeue it, or cancel this task"
    elif unseen and len(unseen) == len(meant):
        # What is left is for a person to do.
        code, words = "review", f"{named[0]}'s result is not reviewed yet{_others(len(meant) - 1)}"
    else:
        words = f"waits for {', '.join(named)}{more}"
    return Hold(code, words, {"tasks": named, "count": len(meant)})


def _was(state: str) -> str:
    return state if state == "failed" else f"was {state}"


def _others(count: int) -> str:
    return f" (and {count} more)" if count else ""


def delayed_hold(ready_at: int, attempts: int, max_attempts: int) -> Hold:
    """Why a task waits for a time (microseconds): it was tried before, or it was submitted for then."""
    at = iso(ready_at)
    if not attempts:
        return Hold("scheduled", f"submitted for {at}", {"ready_at": at})
    words = f"attempt {attempts} of {max_attempts} failed; next try at {at}"
    return Hold("backoff_until", words, {"ready_at": at, "attempts": attempts})
