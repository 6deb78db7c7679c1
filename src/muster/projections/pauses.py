"""Agents that people let stand still: those whose last word of the two, pause or go on, was to pause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from muster.store.database import Reader
from muster.store.statements import Statement

_LAST: Final = Statement(
    "SELECT attempt_id FROM messages WHERE kind = 'pause' AND id IN (SELECT max(id) FROM messages "
    "WHERE task_id IN_INTS(?1) AND kind IN ('pause', 'resume') AND delivered_at IS NOT NULL GROUP BY attempt_id)"
)


async def paused_of(reader: Reader, task_ids: Sequence[int]) -> set[int]:
    """The attempts of these tasks whose agents got the word to pause, and none to go on since."""
    if not task_ids:
        return set()
    return {row[0] for row in await reader.rows(_LAST, list(task_ids)) if row[0] is not None}
