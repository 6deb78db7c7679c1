"""Lanes with what their queues and projects say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, Protocol

from muster.domain.admission import LaneFacts, ProviderTrouble
from muster.domain.agent_task import AGENT_LABEL
from muster.domain.isolation import with_level
from muster.domain.task import LaneKey
from muster.store.statements import Row, Statement

_COLUMNS: Final = (
    "l.id, l.project_id, l.queue_id, l.kind, l.requires, l.assignee, l.ready, "
    "q.name, q.mode, q.status, q.paused, q.concurrency, q.instructions, "
    "p.name, p.status, p.allocated, p.enforcement, p.reserved, p.spent, p.concurrency "
    "FROM lanes l JOIN queues q ON q.id = l.queue_id JOIN projects p ON p.id = l.project_id"
)
_ALL: Final = Statement(f"SELECT {_COLUMNS}")
_READY: Final = Statement(f"SELECT {_COLUMNS} WHERE l.ready > 0")
_ONE: Final = Statement(f"SELECT {_COLUMNS} WHERE l.id = ?1")
_SOME: Final = Statement(f"SELECT {_COLUMNS} WHERE l.id IN_INTS(?1)")
_OF_PLACE: Final = Statement(
    "SELECT q.name, q.mode, q.status, q.paused, q.concurrency, q.instructions, q.sandbox, "
    "p.name, p.status, p.allocated, p.enforcement, p.reserved, p.spent, p.concurrency, p.sandbox "
    "FROM queues q JOIN projects p ON p.id = ?1 WHERE q.id = ?2"
)
_RUNNING: Final = Statement("SELECT queue_id, project_id, running FROM lanes WHERE running > 0")

_TROUBLES: Final = Statement(
    "SELECT name, agents, message, until FROM circuits WHERE state IN ('open', 'half_open') ORDER BY name"
)
_AGENTS_RUNNING: Final = Statement("SELECT requires, running FROM lanes WHERE running > 0 AND requires <> ''")
_FALLBACKS_RUNNING: Final = Statement(
    "SELECT l.requires, r.agent, count(*) FROM tasks t JOIN lanes l ON l.id = t.lane_id "
    "LEFT JOIN runs r ON r.attempt_id = t.attempt_id "
    f"WHERE t.state = 40 AND t.state < 60 AND l.requires LIKE '%{AGENT_LABEL}%{AGENT_LABEL}%' "
    "GROUP BY l.requires, r.agent"
)


class Rows(Protocol):
    """Anything that answers statements: a reader or a unit of work."""

    async def rows(self, statement: Statement, *params: Any) -> list[Row]:
        """The rows of a statement."""
        ...


async def load_lane_facts(
    source: Rows, *, ready_only: bool = False, count_running: bool = False
) -> list[LaneFacts]:
    """All lanes, or those with ready tasks. Running tasks are counted when asked for or when a limit needs them."""
    rows = await source.rows(_READY if ready_only else _ALL)
    lanes = [_facts(row) for row in rows]
    await _add_troubles(source, lanes)
    if count_running or any(lane.queue_limit is not None or lane.project_limit is not None for lane in lanes):
        await _count_running(source, lanes)
    return lanes


async def lane_facts(source: Rows, lane_id: int) -> LaneFacts:
    """One lane, its running tasks counted where a limit needs them."""
    lane = _facts((await source.rows(_ONE, lane_id))[0])
    await _add_troubles(source, [lane])
    if lane.queue_limit is not None or lane.project_limit is not None:
        await _count_running(source, [lane])
    return lane


async def lanes_by_id(source: Rows, lane_ids: Collection[int]) -> dict[int, LaneFacts]:
    """Some lanes, their running tasks counted where a limit needs them."""
    lanes = [_facts(row) for row in await source.rows(_SOME, sorted(lane_ids))]
    await _add_troubles(source, lanes)
    if any(lane.queue_limit is not None or lane.project_limit is not None for lane in lanes):
        await _count_running(source, lanes)
    return {lane.lane_id: lane for lane in lanes}


async def facts_of_key(source: Rows, key: LaneKey) -> LaneFacts:
    """What a lane would be like that need not be there yet; what its queue and project demand is added."""
    row = (await source.rows(_OF_PLACE, key.project_id, key.queue_id))[0]
    named = tuple(filter(None, key.requires.split(",")))
    requires = ",".join(sorted(set(with_level(named, key.kind, row[6], row[14]))))
    head = (0, key.project_id, key.queue_id, key.kind, requires, key.assignee, 0)
    lane = _facts((*head, *row[:6], *row[7:14]))
    await _add_troubles(source, [lane])
    await _count_running(source, [lane])
    return lane


async def _add_troubles(source: Rows, lanes: list[LaneFacts]) -> None:
    """Note which lanes' agents have a provider that fails; nearly always none, and only agents' lanes ask."""
    if not any(lane.agents for lane in lanes):
        return
    troubles = [
        ProviderTrouble(name, frozenset(agents.split(",")), message, until)
        for name, agents, message, until in await source.rows(_TROUBLES)
    ]
    if not troubles:
        return
    for requires, running in await source.rows(_AGENTS_RUNNING):
        named = _named(requires)
        if len(named) == 1:
            _count_trying(troubles, named, running)
    for requires, agent, running in await source.rows(_FALLBACKS_RUNNING):
        _count_trying(troubles, {agent} if agent else _named(requires), running)
    for lane in lanes:
        lane.troubles = [trouble for trouble in troubles if not trouble.agents.isdisjoint(lane.agents)]


def _named(requires: str) -> set[str]:
    labels = requires.split(",")
    return {label.removeprefix(AGENT_LABEL) for label in labels if label.startswith(AGENT_LABEL)}


def _count_trying(troubles: list[ProviderTrouble], agents: set[str], running: int) -> None:
    for trouble in troubles:
        trouble.trying += 0 if trouble.agents.isdisjoint(agents) else running


async def _count_running(source: Rows, lanes: list[LaneFacts]) -> None:
    queues: dict[int, int] = {}
    projects: dict[int, int] = {}
    for queue, project, running in await source.rows(_RUNNING):
        queues[queue] = queues.get(queue, 0) + running
        projects[project] = projects.get(project, 0) + running
    for lane in lanes:
        lane.queue_running = queues.get(lane.queue_id, 0)
        lane.project_running = projects.get(lane.project_id, 0)


def _facts(row: Sequence[Any]) -> LaneFacts:
    values = list(row)
    values[10] = bool(values[10])
    return LaneFacts(*values)
