"""What agents came to: how their newest tasks ended, and what these used, by model and by task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from muster.domain.task import TaskState
from muster.domain.usage import TokenUsage
from muster.store.database import Reader
from muster.store.statements import Row, Statement, for_each

RECENT: Final = 200
"""Tasks of an agent that its figures are made of, the newest ones."""
COUNTED: Final = 1_000
"""Tasks of an agent that are counted."""


@dataclass(slots=True)
class AgentRecord:
    """How an agent does. Money is micro-dollars.

    `tasks` are those it worked on last and that are kept, COUNTED at most; all else is of its newest `looked_at` ones.
    Medians are of those that ended, None without any.
    """

    tasks: int = 0
    looked_at: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    cost: int = 0
    median_cost: int | None = None
    median_us: int | None = None


@dataclass(slots=True, kw_only=True)
class Used:
    """What was used. Money is micro-dollars, without that of `unpriced` calls, whose price nobody knows."""

    tokens: TokenUsage = field(default_factory=TokenUsage)
    cost: int = 0
    calls: int = 0
    unpriced: int = 0


@dataclass(slots=True, kw_only=True)
class ModelUse(Used):
    """What an agent used of a model."""

    provider: str
    model: str


@dataclass(slots=True, kw_only=True)
class TaskUse(Used):
    """What an agent used for a task, all its attempts together. `claimed_at` is of the newest one, in microseconds."""

    task_id: int
    title: str
    state: TaskState
    claimed_at: int


@dataclass(slots=True)
class AgentUsage:
    """What an agent used for its newest tasks. `unmetered`: the cost of attempts none of whose calls were metered."""

    looked_at: int
    more: bool
    unmetered: int
    models: list[ModelUse]
    tasks: list[TaskUse]


_WITH_RUNS: Final = (
    "SELECT t.agent_id, t.state, t.cost + CASE WHEN t.state = 40 THEN coalesce(r.cost, 0) ELSE 0 END, t.started_at, "
    "t.finished_at FROM"
)
_NEWEST: Final = for_each(
    f"{_WITH_RUNS} json_each(?1) g CROSS JOIN tasks t ON t.id IN (SELECT x.task_id FROM agent_tasks x "
    f"WHERE x.agent_id = g.value ORDER BY x.task_id DESC LIMIT {RECENT}) LEFT JOIN runs r ON r.attempt_id = t.attempt_id",
    f"{_WITH_RUNS} unnest(?1::text[]) AS g(value) CROSS JOIN LATERAL (SELECT y.* FROM agent_tasks x "
    f"JOIN tasks y ON y.id = x.task_id WHERE x.agent_id = g.value "
    f"ORDER BY x.task_id DESC LIMIT {RECENT}) t LEFT JOIN runs r ON r.attempt_id = t.attempt_id",
)
_COUNT: Final = (
    "SELECT g.value, (SELECT count(*) FROM (SELECT 1 FROM agent_tasks x WHERE x.agent_id = g.value "
    f"LIMIT {COUNTED}) n) FROM "
)
_COUNTS: Final = for_each(f"{_COUNT} json_each(?1) g", f"{_COUNT} unnest(?1::text[]) AS g(value)")


async def records_of(reader: Reader, agent_ids: Sequence[str]) -> dict[str, AgentRecord]:
    """How these agents do."""
    if not agent_ids:
        return {}
    by_agent: dict[str, list[Row]] = {}
    for row in await reader.rows(_NEWEST, list(agent_ids)):
        by_agent.setdefault(row[0], []).append(row)
    counts = {row[0]: row[1] for row in await reader.rows(_COUNTS, list(agent_ids))}
    return {agent: _record(by_agent.get(agent, []), counts.get(agent, 0)) for agent in agent_ids}


def _record(rows: Sequence[Row], tasks: int) -> AgentRecord:
    ended = [row for row in rows if TaskState(row[1]).finished and row[4] is not None]
    states = [TaskState(row[1]) for row in rows]
    return AgentRecord(
        tasks=tasks,
        looked_at=len(rows),
        succeeded=states.count(TaskState.SUCCEEDED),
        failed=states.count(TaskState.FAILED),
        cancelled=states.count(TaskState.CANCELLED),
        cost=sum(row[2] for row in rows),
        median_cost=round(median(row[2] for row in ended)) if ended else None,
        median_us=round(median(row[4] - (row[3] or row[4]) for row in ended)) if ended else None,
    )


_TASKS: Final = Statement(
    "SELECT t.id, s.title, t.state FROM agent_tasks x JOIN tasks t ON t.id = x.task_id JOIN task_specs s ON s.id = t.id "
    "WHERE x.agent_id = ?1 ORDER BY x.task_id DESC LIMIT ?2"
)
_ATTEMPTS: Final = Statement(
    "SELECT a.task_id, a.id, a.state, a.claimed_at, a.cost, coalesce(r.cost, 0), coalesce(r.calls, 0), "
    "coalesce(r.unpriced_calls, 0), coalesce(r.input_tokens, a.input_tokens), coalesce(r.output_tokens, a.output_tokens), "
    "coalesce(r.cache_read_tokens, a.cache_read_tokens), coalesce(r.cache_write_tokens, a.cache_write_tokens), "
    "coalesce(r.reasoning_tokens, 0) FROM attempts a LEFT JOIN runs r ON r.attempt_id = a.id "
    "WHERE a.task_id IN_INTS(?1) AND a.agent_id = ?2 ORDER BY a.id"
)
_MODELS: Final = Statement(
    "SELECT c.provider, c.model, sum(c.input_tokens), sum(c.output_tokens), sum(c.cache_read_tokens), "
    "sum(c.cache_write_tokens), sum(c.reasoning_tokens), coalesce(sum(c.cost), 0), count(*), "
    "sum(CASE WHEN c.pricing = 'unpriced' THEN 1 ELSE 0 END) FROM attempts a JOIN model_calls c ON c.attempt_id = a.id "
    "WHERE a.task_id IN_INTS(?1) AND a.agent_id = ?2 GROUP BY c.provider, c.model ORDER BY 8 DESC, c.provider, c.model"
)


async def usage_of(reader: Reader, agent_id: str, limit: int) -> AgentUsage:
    """What an agent used for its `limit` newest tasks, those with the newest attempts first."""
    found = await reader.rows(_TASKS, agent_id, limit + 1)
    shown = {row[0]: row for row in found[:limit]}
    if not shown:
        return AgentUsage(0, False, 0, [], [])
    tasks: dict[int, TaskUse] = {}
    unmetered = 0
    for row in await reader.rows(_ATTEMPTS, list(shown), agent_id):
        _, title, state = shown[row[0]]
        use = tasks.setdefault(
            row[0], TaskUse(task_id=row[0], title=title, state=TaskState(state), claimed_at=row[3])
        )
        cost = row[5] if row[2] == "running" else row[4]
        unmetered += cost if row[6] == 0 else 0
        use.claimed_at = row[3]
        use.cost += cost
        use.calls += row[6]
        use.unpriced += row[7]
        use.tokens += _tokens(row[8:13])
    models = [
        ModelUse(
            provider=row[0],
            model=row[1],
            tokens=_tokens(row[2:7]),
            cost=int(row[7]),
            calls=row[8],
            unpriced=int(row[9]),
        )
        for row in await reader.rows(_MODELS, list(shown), agent_id)
    ]
    newest = sorted(tasks.values(), key=lambda use: use.claimed_at, reverse=True)
    return AgentUsage(len(shown), len(found) > limit, unmetered, models, newest)


def _tokens(row: Sequence[int]) -> TokenUsage:
    values = [int(value) for value in row]
    return TokenUsage(
        input=values[0], output=values[1], cache_read=values[2], cache_write=values[3], reasoning=values[4]
    )
