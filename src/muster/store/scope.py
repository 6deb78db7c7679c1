"""What the units of work of both databases share: ids, counters, money, the log's rows."""

from __future__ import annotations

import random
import secrets
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.domain.events import AgentDeleted
from muster.domain.ids import IdSequence
from muster.domain.task import TaskState
from muster.store import tables
from muster.store.codec import encode_payload
from muster.store.combiner import TransactionScope
from muster.store.statements import Row, Statement, insert, update
from muster.store.steady_clock import SLEW
from muster.store.unit_of_work import Journal

_COUNTED: Final = tuple(state.label for state in TaskState)
LANE_COUNTS: Final = update(tables.lanes, ["id"], [f"{name} = {name} + ?" for name in _COUNTED])
MONEY: Final = update(tables.projects, ["id"], ["reserved = reserved + ?", "spent = spent + ?"])
_COLUMN: Final = {int(state): index for index, state in enumerate(TaskState)}

EVENT_COLUMNS: Final = (
    "seq",
    "at",
    "kind",
    "task_id",
    "attempt_id",
    "agent_id",
    "project_id",
    "amount",
    "data",
)
INSERT_EVENTS: Final = insert(tables.events, EVENT_COLUMNS)

_FIND_LANE: Final = Statement(
    "SELECT id FROM lanes WHERE project_id = ?1 AND queue_id = ?2 AND kind = ?3 AND requires = ?4 AND assignee = ?5"
)
_NEW_LANE: Final = Statement(
    "INSERT INTO lanes (id, project_id, queue_id, kind, requires, assignee) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
    "ON CONFLICT (project_id, queue_id, kind, requires, assignee) DO NOTHING"
)
_KNOWN_AGENTS: Final = Statement("SELECT id FROM agents WHERE id IN_TEXTS(?1)")

_TOKENS: Final = struct.Struct("256Q")

LaneKeyTuple = tuple[int, int, str, str, str]


@dataclass(slots=True)
class Memory:
    """What a process remembers between transactions; all of it can be read again."""

    ids: IdSequence
    clock: Callable[[], int]
    lanes: dict[LaneKeyTuple, int] = field(default_factory=dict[LaneKeyTuple, int])
    agents: set[str] = field(default_factory=set[str])
    last_now: int = 0
    ahead: int = 0
    """How far our time runs before a clock that was set back."""
    last_read: int = 0
    tokens: list[int] = field(default_factory=list[int])

    def tick(self) -> int:
        """The time of a transaction: never earlier than the one before, and never standing still.

        When the clock was set back, also while no server ran, time goes on from the last one known, a little
        slower until the clock has caught up: a lease taken before must still run out.
        """
        read = self.clock()
        if self.ahead and read > self.last_read:
            self.ahead = max(self.ahead - (read - self.last_read) // SLEW, 0)
        self.last_read = read
        if read + self.ahead < self.last_now:
            self.ahead = self.last_now - read
        self.last_now = read + self.ahead
        return self.last_now

    def forget_deleted(self, rows: Sequence[Row]) -> None:
        """Rows of the log that say an agent was removed: its next call registers it anew."""
        for row in rows:
            if row[2] == AgentDeleted.kind:
                self.agents.discard(row[5])

    def forget(self) -> None:
        """After a rollback what was learnt inside the transaction may be untrue."""
        self.lanes.clear()
        self.agents.clear()


class Scope(TransactionScope):
    """The database-independent half of a unit of work."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.now = memory.tick()
        self.journal = Journal()

    def new_id(self) -> int:
        return self.memory.ids.next(self.now)

    def new_token(self) -> int:
        tokens = self.memory.tokens
        if not tokens:
            # One system call for 256 tokens: asking for each would cost more than the rest of a claim's Python.
            tokens.extend(value >> 1 for value in _TOKENS.unpack(secrets.token_bytes(_TOKENS.size)))
        return tokens.pop()

    def chance(self) -> float:
        return random.random()

    async def flush(self) -> None:
        journal = self.journal
        if journal.lanes:
            rows = lane_rows(journal.lanes)
            journal.lanes = {}
            await self.run_many(LANE_COUNTS, rows)
        if journal.money:
            money = [(project, *moved) for project, moved in sorted(journal.money.items())]
            journal.money = {}
            await self.run_many(MONEY, money)

    async def lane(self, project: int, queue: int, kind: str, requires: str, assignee: str) -> int:
        key = (project, queue, kind, requires, assignee)
        known = self.memory.lanes.get(key)
        if known is not None:
            return known
        found = await self.rows(_FIND_LANE, *key)
        if not found:
            await self.run(_NEW_LANE, self.new_id(), *key)
            found = await self.rows(_FIND_LANE, *key)
        lane: int = found[0][0]
        self.memory.lanes[key] = lane
        return lane

    async def agents_known(self, agents: Sequence[str]) -> set[str]:
        unsure = [agent for agent in agents if agent not in self.memory.agents]
        if unsure:
            self.memory.agents.update(row[0] for row in await self.rows(_KNOWN_AGENTS, unsure))
        return {agent for agent in agents if agent in self.memory.agents}

    def forget_agent(self, agent: str) -> None:
        self.memory.agents.discard(agent)

    def event_rows(self, first_seq: int) -> list[Row]:
        """Rows of `events` for the journal's facts, numbered from `first_seq`."""
        now = self.now
        rows: list[Any] = []
        seq = first_seq
        for payload, task, attempt, agent, project, amount in self.journal.facts:
            rows.append(
                (seq, now, payload.kind, task, attempt, agent, project, amount, encode_payload(payload))
            )
            seq += 1
        return rows


def lane_rows(moves: Mapping[tuple[int, int], int]) -> list[list[int]]:
    """Rows for `LANE_COUNTS` out of changes by (lane, state), by rising lane."""
    rows: dict[int, list[int]] = {}
    for (lane, state), delta in moves.items():
        rows.setdefault(lane, [lane, *[0] * len(_COUNTED)])[1 + _COLUMN[state]] += delta
    return [rows[lane] for lane in sorted(rows)]
