"""The store as the rest of muster sees it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from sqlalchemy import ClauseElement

from muster.store.feed import Feed
from muster.store.notify import Signals
from muster.store.statements import Row, Statement
from muster.store.unit_of_work import FusedOperation, Operation

R = TypeVar("R")


class Durability(StrEnum):
    """When a change is answered: `strict`, everything after fsync; `default`, claims and heartbeats
    after commit and the rest after fsync; `relaxed`, everything after commit."""

    STRICT = "strict"
    DEFAULT = "default"
    RELAXED = "relaxed"


class Reader(Protocol):
    """Read-only access. Reads never wait for the writer."""

    async def rows(self, statement: Statement, *params: Any) -> list[Row]:
        """The rows of a hand-written statement."""
        ...

    async def select(self, query: ClauseElement) -> list[Row]:
        """The rows of a SQLAlchemy Core query."""
        ...


class Store(Reader, Protocol):
    """A database with its combiner, its live tail and its signals."""

    name: str
    feed: Feed
    signals: Signals

    @property
    def batches(self) -> int:
        """Transactions so far."""
        ...

    @property
    def batched(self) -> int:
        """Commands so far."""
        ...

    async def execute(self, operation: Operation[R] | FusedOperation[Any, R]) -> R:
        """Run a command in the next batch; its refusal is raised here."""
        ...

    def now(self) -> int:
        """The store's time in microseconds since the epoch."""
        ...

    def take_seen(self) -> Mapping[str, int]:
        """Agents heard of since the last call, with the time; the caller writes them down."""
        ...

    def next_wake(self) -> int | None:
        """The earliest time a commit asked the timers to look again; forgotten once asked."""
        ...

    async def long_rows(self, statement: Statement, *params: Any) -> list[Row]:
        """Like `rows`, for statements that may take seconds; runs aside of the interactive ones."""
        ...

    async def close(self) -> None:
        """Finish the commands under way and let go of the database."""
        ...
