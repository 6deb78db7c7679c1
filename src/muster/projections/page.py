"""Pages of lists: keyset, never an offset."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")
Key = tuple[int | str, ...]
SEARCHED_AT_ONCE: Final = 200
LAST_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the key to give as `after` for those that follow; None when there are none."""

    items: list[T]
    next: Key | None = None


def page_of(rows: list[T], limit: int, key: Key | None) -> Page[T]:
    """A page of `rows`, which were asked for one more than `limit`; `key` is of the last row that fits."""
    if len(rows) <= limit:
        return Page(rows)
    return Page(rows[:limit], key)


async def page_of_fitting(
    fetch: Callable[[Key | None, int], Awaitable[list[T]]],
    fits: Callable[[T], bool],
    key_of: Callable[[T], Key],
    after: Key | None,
    limit: int,
) -> Page[T]:
    """A full page of the rows that fit, for lists short enough to be searched; `fetch(after, count)` reads them."""
    found: list[T] = []
    count = max(limit + 1, SEARCHED_AT_ONCE)
    while True:
        rows = await fetch(after, count)
        found.extend(row for row in rows if fits(row))
        if len(found) > limit:
            return Page(found[:limit], key_of(found[limit - 1]))
        if len(rows) < count:
            return Page(found)
        after = key_of(rows[-1])
