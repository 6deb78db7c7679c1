"""Who worked on what when: every attempt of a stretch of time, and which tasks waited for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muster.domain import ids
from muster.projections.overview import LONGEST_US
from muster.store.database import Reader
from muster.store.statements import Statement

MOST: Final = 2_000


@dataclass(slots=True)
class Bar:
    """An attempt. Times are microseconds."""

    attempt_id: int
    task_id: int
    title: str
    number: int
    state: str
    agent_id: str
    project_id: int
    project: str
    began_at: int
    ended_at: int | None


@dataclass(slots=True)
class Timeline:
    """`waits` leads from a task to one that waited for it. `more`: there are earlier ones."""

    bars: Sequence[Bar]
    waits: Sequence[tuple[int, int]]
    more: bool


_COLUMNS: Final = (
    "a.id, a.task_id, s.title, a.number, a.state, a.agent_id, t.project_id, p.name, a.claimed_at, a.finished_at "
    "FROM attempts a JOIN tasks t ON t.id = a.task_id JOIN task_specs s ON s.id = a.task_id "
    "JOIN projects p ON p.id = t.project_id"
)
_SINCE: Final = Statement(
    f"SELECT {_COLUMNS} WHERE a.id >= ?1 AND (a.finished_at IS NULL OR a.finished_at >= ?2) "
    f"ORDER BY a.id DESC LIMIT {MOST + 1}"
)
_OF_PROJECT: Final = Statement(
    f"SELECT {_COLUMNS} WHERE a.id >= ?1 AND (a.finished_at IS NULL OR a.finished_at >= ?2) AND t.project_id = ?3 "
    f"ORDER BY a.id DESC LIMIT {MOST + 1}"
)
_WAITS: Final = Statement(
    "SELECT depends_on, task_id FROM task_dependencies WHERE task_id IN_INTS(?1) AND depends_on IN_INTS(?1) ORDER BY 1, 2"
)


async def timeline_of(reader: Reader, since: int, project_id: int | None = None) -> Timeline:
    """The attempts that were at work at `since` (microseconds) or later, the oldest first; at most the last 2,000."""
    first = ids.first_id_at(since - LONGEST_US)
    if project_id is None:
        rows = await reader.rows(_SINCE, first, since)
    else:
        rows = await reader.rows(_OF_PROJECT, first, since, project_id)
    bars = [Bar(*row) for row in reversed(rows[:MOST])]
    tasks = sorted({bar.task_id for bar in bars})
    waits = [(int(before), int(after)) for before, after in await reader.rows(_WAITS, tasks)] if tasks else []
    return Timeline(bars, waits, len(rows) > MOST)
