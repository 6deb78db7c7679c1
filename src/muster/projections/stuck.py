"""Open tasks that wait for one that will not be done by itself any more: it failed, was cancelled or was rejected.
The work is bounded: the newest thousand of each of these are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from muster.domain.review import ReviewState
from muster.domain.task import TaskState
from muster.store.database import Reader
from muster.store.statements import Statement

MOST: Final = 1_000


def _newest(where: str, wanted: str = "1 = 1") -> str:
    # The hint `dependents` is asked outside of the limit: inside, few of many would be searched for long.
    return (
        f"SELECT id FROM (SELECT id, state, dependents FROM tasks WHERE {where} ORDER BY id DESC LIMIT {MOST}) n "
        f"WHERE dependents > 0 AND {wanted}"
    )


_GIVEN_UP: Final = (int(TaskState.FAILED), int(TaskState.CANCELLED))
_REJECTED: Final = int(ReviewState.REJECTED)
_DEAD: Final = " UNION ALL ".join(
    (
        *(_newest(f"state = {state} AND state >= 60 AND archived_at IS NULL") for state in _GIVEN_UP),
        _newest("archived_at IS NOT NULL", f"state IN {_GIVEN_UP}"),
        _newest(f"review = {_REJECTED} AND review > 0", f"state = {int(TaskState.SUCCEEDED)}"),
    )
)
STUCK: Final = (
    f"SELECT DISTINCT d.task_id AS id FROM ({_DEAD}) dead JOIN task_dependencies d ON d.depends_on = dead.id AND d.done = 0 "
    f"JOIN tasks w ON w.id = d.task_id WHERE w.state = {int(TaskState.BLOCKED)}"
)
"""Their ids, as a query."""
_COUNT: Final = Statement(f"SELECT count(*) FROM ({STUCK} LIMIT {MOST}) found")
_WAITERS: Final = Statement(
    "SELECT d.depends_on, count(*) FROM task_dependencies d JOIN tasks t ON t.id = d.task_id "
    "WHERE d.depends_on IN_INTS(?1) AND d.done = 0 AND t.state < 60 GROUP BY d.depends_on"
)


async def count_stuck(reader: Reader) -> int:
    """How many there are, a thousand at most."""
    return (await reader.rows(_COUNT))[0][0]


async def waiters_of(reader: Reader, task_ids: Sequence[int]) -> dict[int, int]:
    """How many open tasks wait for each of these; those nobody waits for are left out."""
    if not task_ids:
        return {}
    return {row[0]: int(row[1]) for row in await reader.rows(_WAITERS, list(task_ids))}
