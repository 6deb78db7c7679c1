"""Whose attempt a call without a lease token, or with one but without an attempt, is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain import ids
from muster.domain.errors import Conflict, LeaseLost, NotFound
from muster.store.database import Store
from muster.store.statements import Statement

FAILED_BY_AGENT: Final = "agent_error"
_FIELDS: Final = (
    "SELECT a.id, a.token, a.state, a.code, l.assignee FROM tasks t JOIN lanes l ON l.id = t.lane_id "
    "LEFT JOIN attempts a ON a.task_id = t.id AND a.agent_id = ?2"
)
_OF_AGENT: Final = Statement(f"{_FIELDS} WHERE t.id = ?1 ORDER BY a.number DESC LIMIT 1")
_WITH_TOKEN: Final = Statement(f"{_FIELDS} AND a.token = ?3 WHERE t.id = ?1")


@dataclass(frozen=True, slots=True)
class Holding:
    """An agent's latest attempt at a task. `assigned`: the task is for one agent alone."""

    attempt_id: int
    token: int
    assigned: bool


async def held_by(
    store: Store, task_id: int, agent_id: str, *, failing: bool, token: int | None = None
) -> Holding:
    """The attempt an agent speaks for: the one it holds, or its latest when this is the same word again.

    Conflict otherwise: an attempt that was taken back for silence was not ended by the agent.
    """
    if token is None:
        rows = await store.rows(_OF_AGENT, task_id, agent_id)
    else:
        rows = await store.rows(_WITH_TOKEN, task_id, agent_id, token)
    name = ids.encode(ids.TASK, task_id)
    if not rows:
        raise NotFound(noun="task", id=name)
    attempt, held_token, state, code, assignee = rows[0]
    if attempt is None or (failing and state == "failed" and code != FAILED_BY_AGENT):
        raise Conflict(
            problem=f"task {name} is not held by agent {agent_id}", task_id=name, agent_id=agent_id
        )
    return Holding(attempt, held_token, bool(assignee))


def token_number(text: str, task: str) -> int:
    """The number of a lease token; what cannot be one is another one's: LeaseLost."""
    try:
        number = int(text, 16)
    except ValueError:
        raise LeaseLost(attempt=task) from None
    if not 0 <= number < 2**63:
        raise LeaseLost(attempt=task)
    return number
