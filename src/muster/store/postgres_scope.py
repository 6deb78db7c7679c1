"""A unit of work on PostgreSQL.

Round trips are what costs, so writes wait: set-based writes, counters, money and the log are held
back until a statement could see them, and then sent as one statement. A batch of claims is six
round trips instead of thirteen. The counters' rows are shared by everybody and stay locked until
the commit; writing them last also keeps that short, and makes all transactions lock in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zlib import crc32

from sqlalchemy import ClauseElement

from muster.store.postgres_connection import PostgresConnection, bind, compile_for_postgres
from muster.store.postgres_sql import Combination, StatementCache
from muster.store.scope import LANE_COUNTS, MONEY, Memory, Scope, lane_rows
from muster.store.statements import ManyRows, Row, Statement

_LOCK_SPACE: Final = 0x6D757374


@dataclass(slots=True)
class Owed:
    """Counters and money not written yet, by (lane, state) and by project."""

    lanes: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    money: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])

    def __bool__(self) -> bool:
        return bool(self.lanes or self.money)

    def copy(self) -> Owed:
        return Owed(self.lanes.copy(), self.money.copy())


class PostgresScope(Scope):
    """A transaction on one connection. It begins with the first statement."""

    def __init__(self, memory: Memory, connection: PostgresConnection, statements: StatementCache) -> None:
        super().__init__(memory)
        self._connection = connection
        self._statements = statements
        self._begun = False
        self._held: set[str] = set()
        self._waiting: list[tuple[ManyRows, Sequence[Sequence[Any]]]] = []
        self._owed = Owed()
        self._mark = Owed()
        self._held_before: set[str] = set()

    async def rows(self, statement: Statement, *params: Any) -> list[Row]:
        await self._settle_for(statement)
        return [tuple(row) for row in await self._connection.fetch(statement.postgres, *bind(params))]

    async def run(self, statement: Statement, *params: Any) -> int:
        await self._settle_for(statement)
        return _changed(await self._connection.execute(statement.postgres, *bind(params)))

    async def run_many(self, statement: ManyRows, rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        if any(waiting.touches & statement.touches for waiting, _ in self._waiting):
            await self._settle()
        self._waiting.append((statement, rows))

    async def select(self, query: ClauseElement) -> list[Row]:
        await self._settle()
        sql, params = compile_for_postgres(query)
        return [tuple(row) for row in await self._connection.fetch(sql, *params)]

    async def write(self, query: ClauseElement) -> int:
        await self._settle()
        sql, params = compile_for_postgres(query)
        return _changed(await self._connection.execute(sql, *params))

    async def flush(self) -> None:
        journal, owed = self.journal, self._owed
        for key, delta in journal.lanes.items():
            owed.lanes[key] = owed.lanes.get(key, 0) + delta
        for project, (reserved, spent) in journal.money.items():
            before = owed.money.get(project, (0, 0))
            owed.money[project] = (before[0] + reserved, before[1] + spent)
        journal.lanes = {}
        journal.money = {}

    async def exclusive(self, name: str) -> None:
        if name in self._held:
            return
        self._held.add(name)
        lock = f"SELECT pg_advisory_xact_lock({_LOCK_SPACE}, {crc32(name.encode()) - 2**31})"
        begin = "" if self._begun else "BEGIN; "
        self._begun = True
        await self._connection.execute(begin + lock)

    async def savepoint(self) -> None:
        await self._settle(counters=False)
        self._mark = self._owed.copy()
        self._held_before = self._held.copy()
        await self._connection.execute("SAVEPOINT one")

    async def rollback_to_savepoint(self) -> None:
        self._waiting.clear()
        self._owed = self._mark
        self._held = self._held_before
        await self._connection.execute("ROLLBACK TO SAVEPOINT one; RELEASE SAVEPOINT one")
        self.memory.forget()

    async def release_savepoint(self) -> None:
        await self._settle(counters=False)
        await self._connection.execute("RELEASE SAVEPOINT one")

    async def finish(self) -> list[Row]:
        """Write what still waits, and the facts behind the head of the log; their rows, numbered."""
        await self.flush()
        facts = self.event_rows(1)
        head = await self._send(facts)
        first = head - len(facts)
        return [(first + row[0], *row[1:]) for row in facts]

    async def commit(self) -> None:
        """End the transaction, if it began."""
        if self._begun and await self._connection.execute("COMMIT") != "COMMIT":
            raise RuntimeError("PostgreSQL rolled back where it was asked to commit")

    async def rollback(self) -> None:
        """Undo the transaction, if it began."""
        if self._begun:
            await self._connection.execute("ROLLBACK")

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            await self._connection.execute("BEGIN")

    async def _settle_for(self, statement: Statement) -> None:
        counters = statement.counters and bool(self._owed)
        if counters or any(waiting.touches & statement.touches for waiting, _ in self._waiting):
            await self._settle(counters=counters)
        await self._begin()

    async def _settle(self, *, counters: bool = True) -> None:
        if self._waiting or (counters and self._owed):
            await self._send((), counters=counters)
        await self._begin()

    async def _send(self, facts: Sequence[Row], *, counters: bool = True) -> int:
        """All that waits as one statement; the head of the log when there are facts, else 0."""
        combination = Combination()
        for write, rows in self._waiting:
            combination.write(write, rows)
        self._waiting.clear()
        if counters and self._owed:
            owed, self._owed = self._owed, Owed()
            moved = [row for row in lane_rows(owed.lanes) if any(row[1:])]
            money = [(project, *both) for project, both in sorted(owed.money.items()) if any(both)]
            combination.counters(LANE_COUNTS, moved)
            combination.counters(MONEY, money)
        if facts:
            combination.log(facts)
        if combination.empty:
            return 0
        await self._begin()
        head = await self._connection.fetchval(self._statements.text(combination), *combination.params)
        return head or 0


def _changed(tag: str) -> int:
    count = tag.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0
