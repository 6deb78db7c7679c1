"""What a task will probably cost, how long it will take and when it begins, from tasks like it that ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

ENOUGH: Final = 5
"""So many tasks alike are a basis; fewer are looked for with fewer things in common."""
FAIR: Final = 10
LOW, HIGH = 0.2, 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What makes tasks alike."""

    agent: str
    """Empty for a script."""
    queue_id: int
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A task that ended. Money is micro-dollars, None when nobody knows the price; times are microseconds."""

    kind: Kind
    succeeded: bool
    cost: int | None
    took: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Range:
    """`low` to `high` hold the middle three fifths of what was seen (all of it where it was little)."""

    low: int
    typical: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`alike` tasks were found that have `same` in common; ranges are None where nothing is known."""

    alike: int
    same: tuple[str, ...]
    rough: bool
    succeeded: float | None
    """The share that did."""
    cost: Range | None
    took: Range | None
    tokens: Range | None


_LEVELS: Final[tuple[tuple[tuple[str, ...], Callable[[Kind, Kind], bool]], ...]] = (
    (
        ("type", "agent", "directory"),
        lambda one, two: one.agent == two.agent and one.directory == two.directory and one.directory != "",
    ),
    (
        ("type", "agent", "queue"),
        lambda one, two: one.agent == two.agent and one.queue_id == two.queue_id,
    ),
    (("type", "agent"), lambda one, two: one.agent == two.agent),
)


def estimate_of(kind: Kind, ended: Sequence[Ended]) -> Estimate:
    """From tasks of the same type, newest first: those that have the most in common, if they are enough."""
    found: tuple[tuple[str, ...], list[Ended]] = ((), [])
    for same, alike in _LEVELS:
        those = [task for task in ended if alike(kind, task.kind)]
        if len(those) > len(found[1]) or not found[1]:
            found = (same, those)
        if len(those) >= ENOUGH:
            break
    same, those = found
    # How long a task takes that failed at once says nothing of one that gets through.
    good = [task for task in those if task.succeeded] or those
    priced = [task.cost for task in good if task.cost is not None]
    return Estimate(
        alike=len(those),
        same=same if those else (),
        rough=len(those) < FAIR,
        succeeded=sum(task.succeeded for task in those) / len(those) if those else None,
        cost=range_of(priced),
        took=range_of([task.took for task in good]),
        tokens=range_of([task.tokens for task in good if task.tokens > 0]),
    )


def range_of(values: Sequence[int]) -> Range | None:
    """Where most of them are; None without any."""
    if not values:
        return None
    ordered = sorted(values)
    if len(ordered) < ENOUGH:
        return Range(ordered[0], ordered[len(ordered) // 2], ordered[-1])
    last = len(ordered) - 1
    low, typical, high = (ordered[round(share * last)] for share in (LOW, 0.5, HIGH))
    return Range(low, typical, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What stands between a task and its start: tasks `ahead` that the same workers take, their places, and how long
    such tasks take."""

    ahead: int
    free: int
    places: int
    took: Range | None


def starts_in(crowd: Crowd) -> Range | None:
    """In how many microseconds it would begin: 0 when a place is free now. None when that cannot be told."""
    if crowd.ahead < crowd.free:
        return Range(0, 0, 0)
    if crowd.took is None or crowd.places == 0:
        return None
    ends = crowd.ahead - crowd.free + 1
    low, typical, high = (
        ends * value // crowd.places for value in (crowd.took.low, crowd.took.typical, crowd.took.high)
    )
    return Range(low, typical, high)
