"""Runs: which agent worked on an attempt, and what it used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.domain.usage import TokenUsage
from muster.store.codec import from_json
from muster.store.database import Reader
from muster.store.statements import Row, Statement


@dataclass(slots=True)
class RunRow:
    """A run as it stands. Times are microseconds, money is micro-dollars.

    `cost` leaves out `unpriced_calls`, whose price nobody knows. `reported` is what the agent itself says of its
    totals, a cross-check.
    """

    attempt_id: int
    task_id: int
    agent: str
    model: str
    session: str | None
    branch: str | None
    base_commit: str | None
    head_commit: str | None
    workspace: str | None
    workspace_kind: str | None
    base_branch: str | None
    pushed_to: str | None
    pull_request: str | None
    role: str | None
    role_version: int | None
    entries: int
    context_used: int | None
    context_window: int | None
    calls: int
    unpriced_calls: int
    cost: int
    tokens: TokenUsage
    reported: dict[str, Any] | None
    started_at: int
    updated_at: int


_COLUMNS: Final = (
    "attempt_id, task_id, agent, model, session, branch, base_commit, head_commit, workspace, workspace_kind, "
    "base_branch, pushed_to, pull_request, role, role_version, entries, context_used, context_window, calls, "
    "unpriced_calls, cost, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, "
    "reported, started_at, updated_at"
)
_OF_ATTEMPTS: Final = Statement(f"SELECT {_COLUMNS} FROM runs WHERE attempt_id IN_INTS(?1)")


async def runs_of(reader: Reader, attempts: Sequence[int]) -> dict[int, RunRow]:
    """The runs of these attempts, those that have one."""
    if not attempts:
        return {}
    return {row[0]: _run(row) for row in await reader.rows(_OF_ATTEMPTS, list(attempts))}


def _run(row: Row) -> RunRow:
    reported = None if row[26] is None else from_json(row[26])
    tokens = TokenUsage(
        input=row[21], output=row[22], cache_read=row[23], cache_write=row[24], reasoning=row[25]
    )
    values: list[Any] = [*row[:21], tokens, reported, *row[27:]]
    return RunRow(*values)


_LAST_ATTEMPT: Final = Statement(
    "SELECT t.id, t.attempt_id FROM agent_tasks x JOIN tasks t ON t.id = x.task_id "
    "WHERE x.agent_id = ?1 AND t.attempt_id IS NOT NULL ORDER BY x.task_id DESC LIMIT ?2"
)
_RUNNING: Final = Statement(
    "SELECT t.id, t.attempt_id FROM tasks t WHERE t.state = 40 AND t.state < 60 AND coalesce(t.agent_id, '') = ?1 "
    "ORDER BY t.started_at DESC, t.id DESC LIMIT 1"
)
_LOOKED_AT: Final = 100


async def last_attempt_of(reader: Reader, agent_id: str) -> tuple[int, int] | None:
    """Task and attempt that an agent works on, or worked on last among its newest tasks; None when there is none."""
    running = await reader.rows(_RUNNING, agent_id)
    rows = running or await reader.rows(_LAST_ATTEMPT, agent_id, _LOOKED_AT)
    newest = max(rows, key=lambda row: row[1], default=None)
    return None if newest is None else (newest[0], newest[1])
