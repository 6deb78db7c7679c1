"""Agents: who there is and what each does now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.domain.agent import status_shown
from muster.domain.errors import NotFound
from muster.projections.page import Key, Page, page_of_fitting
from muster.store.database import Reader
from muster.store.statements import Statement


@dataclass(slots=True)
class AgentRow:
    """An agent. `status` is busy while it has a running task, else what it reported. Times are microseconds."""

    id: str
    name: str
    reported: str
    model: str
    max_tokens: int
    tokens_used: int
    sessions_count: int
    memory_bytes: int
    last_active_at: int
    created_at: int
    updated_at: int
    status: str
    current_tasks: list[int]
    """Those it runs, the one taken last first."""

    @property
    def current_task(self) -> int | None:
        """The one it took last."""
        return self.current_tasks[0] if self.current_tasks else None


_COLUMNS: Final = (
    "id, name, status, model, max_tokens, tokens_used, sessions_count, memory_bytes, last_active_at, created_at, "
    "updated_at"
)
_LIST: Final = Statement(f"SELECT {_COLUMNS} FROM agents WHERE id > ?1 ORDER BY id LIMIT ?2")
_ONE: Final = Statement(f"SELECT {_COLUMNS} FROM agents WHERE id = ?1")
# Through the running tasks, which are few: an agent's own are all it ever held.
_RUNNING: Final = Statement(
    "SELECT coalesce(agent_id, ''), id FROM tasks WHERE state = 40 AND state < 60 "
    "AND coalesce(agent_id, '') IN_TEXTS(?1) ORDER BY started_at DESC, id DESC"
)


async def list_agents(
    reader: Reader, *, status: str | None = None, after: Key | None = None, limit: int = 50
) -> Page[AgentRow]:
    """Agents by id; the page's key is (id,)."""

    async def fetch(behind: Key | None, count: int) -> list[AgentRow]:
        return await _agents(reader, await reader.rows(_LIST, str(behind[0]) if behind else "", count))

    def fits(agent: AgentRow) -> bool:
        return status is None or agent.status == status

    return await page_of_fitting(fetch, fits, lambda agent: (agent.id,), after, limit)


async def get_agent(reader: Reader, agent_id: str) -> AgentRow:
    """One agent; NotFound when there is none."""
    rows = await reader.rows(_ONE, agent_id)
    if not rows:
        raise NotFound(noun="agent", id=agent_id[:200])
    return (await _agents(reader, rows))[0]


async def _agents(reader: Reader, rows: Sequence[tuple[Any, ...]]) -> list[AgentRow]:
    if not rows:
        return []
    running: dict[str, list[int]] = {}
    for agent, task in await reader.rows(_RUNNING, [row[0] for row in rows]):
        running.setdefault(agent, []).append(task)
    agents: list[AgentRow] = []
    for row in rows:
        tasks = running.get(row[0], [])
        values: list[Any] = [*row, status_shown(row[2], len(tasks)), tasks]
        agents.append(AgentRow(*values))
    return agents
