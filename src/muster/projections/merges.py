"""Merges of tasks' work, as the log tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain.events_runs import TaskMerged
from muster.store.codec import from_json
from muster.store.database import Reader
from muster.store.statements import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRow:
    """A merge: the work, where it went and where that branch is since, who did it, when (microseconds)."""

    commit: str
    into: str
    merge_commit: str
    way: str
    by: str
    at: int


_LAST: Final = Statement(
    f"SELECT at, data FROM events WHERE task_id = ?1 AND kind = '{TaskMerged.kind}' ORDER BY seq DESC LIMIT 1"
)


async def last_merge_of(reader: Reader, task_id: int) -> MergeRow | None:
    """The last merge of a task's work; None when muster merged none."""
    for at, data in await reader.rows(_LAST, task_id):
        told = from_json(data)
        return MergeRow(
            commit=told["commit"],
            into=told["into"],
            merge_commit=told["merge_commit"],
            way=told["way"],
            by=told.get("by", ""),
            at=at,
        )
    return None
