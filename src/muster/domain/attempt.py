"""Attempts: who may still speak for one, and where its end leaves the task."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from muster.domain.failure import failure
from muster.domain.retry import RetryPolicy
from muster.domain.review import Approval
from muster.domain.task import TaskState

RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
CANCELLED = "cancelled"

UNCOUNTED_DELAY_US = 5_000_000
LONGEST_UNCOUNTED_US = 300_000_000


class Standing(Enum):
    """What a call with a token may do to an attempt."""

    HOLDS = "holds"
    REPEATED = "repeated"
    LOST = "lost"


@dataclass(slots=True)
class Held:
    """An attempt and its task as a late, foreign or rightful caller finds them."""

    attempt_id: int
    task_id: int
    token: int
    state: str
    number: int
    agent_id: str
    reserved: int
    task_state: int
    current_attempt: int | None
    lane_id: int
    project_id: int
    burned: int
    max_attempts: int
    dependents: int
    finished_at: int | None
    asks: int = 0
    """Its requests that wait for a person."""
    review: int = 0
    approval: str = Approval.RELAXED
    """Its queue's."""
    left: int = 0
    """1 when its run left commits on a branch of its own."""
    limited: bool = False

    @property
    def strict(self) -> bool:
        """Whether its result waits for a person's verdict."""
        return self.approval == Approval.STRICT


def standing(held: Held | None, token: int, wanted: str) -> Standing:
    """Whether a call fenced by `token` still counts; a repeated end (`wanted`) is recognised."""
    if held is None or held.token != token:
        return Standing.LOST
    if (
        held.state == RUNNING
        and held.current_attempt == held.attempt_id
        and held.task_state == TaskState.RUNNING
    ):
        return Standing.HOLDS
    return Standing.REPEATED if held.state == wanted else Standing.LOST


@dataclass(frozen=True, slots=True)
class AfterFailure:
    """Where a failed attempt leaves its task; `ready_at` in microseconds when it has to wait."""

    state: TaskState
    ready_at: int | None
    counts: bool


def after_failure(
    code: str,
    *,
    burned: int,
    policy: RetryPolicy,
    now: int,
    chance: float,
    retry: bool | None = None,
    free: int = 1,
    wait_us: int = 0,
) -> AfterFailure:
    """Retry at once, after a back-off, or never. `burned` counts the attempts used up before this one, `free` those that
    did not count, with this one; `wait_us` is how long to wait at least, such as until a quota opens again."""
    entry = failure(code)
    wanted = entry.retry if retry is None else retry
    used = burned + (1 if entry.counts else 0)
    if not wanted or (entry.counts and used >= policy.max_attempts):
        return AfterFailure(TaskState.FAILED, None, entry.counts)
    delay = policy.delay_us(max(used, 1), chance) if entry.counts else _uncounted_delay(code, free)
    delay = max(delay, wait_us)
    if delay <= 0:
        return AfterFailure(TaskState.READY, None, entry.counts)
    return AfterFailure(TaskState.BACKOFF, now + delay, entry.counts)


def _uncounted_delay(code: str, free: int) -> int:
    """A provider that does not answer is asked less and less often."""
    if code == "released":
        return 0
    return min(UNCOUNTED_DELAY_US << min(max(free - 1, 0), 16), LONGEST_UNCOUNTED_US)
