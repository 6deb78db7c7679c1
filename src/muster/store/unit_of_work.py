"""The unit of work a command is given, and how commands are declared.

A command is written once for both databases, as an `async def` whose only awaits are the unit of
work's. On SQLite those never suspend, so the combiner runs a whole batch without leaving the loop
thread; on PostgreSQL they are round trips.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from sqlalchemy import ClauseElement

from muster.domain.errors import MusterError
from muster.domain.events import Payload
from muster.domain.task import TaskState
from muster.store.statements import ManyRows, Row, Statement

P = ParamSpec("P")
Q = TypeVar("Q")
R = TypeVar("R")


@dataclass(slots=True)
class Journal:
    """What a command leaves besides its rows: facts, counter changes, money moved, and whom to wake."""

    facts: list[tuple[Payload, int | None, int | None, str | None, int | None, int | None]] = field(
        default_factory=list[tuple[Payload, int | None, int | None, str | None, int | None, int | None]]
    )
    lanes: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    money: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    readied: dict[int, int] = field(default_factory=dict[int, int])
    ended: list[int] = field(default_factory=list[int])
    output: dict[int, int] = field(default_factory=dict[int, int])
    """Attempts that printed, or whose agents said or used something: whoever follows them looks again."""
    wake_at: int | None = None
    topics: set[str] = field(default_factory=set[str])
    seen: set[str] = field(default_factory=set[str])

    def fact(
        self,
        payload: Payload,
        *,
        task: int | None = None,
        attempt: int | None = None,
        agent: str | None = None,
        project: int | None = None,
        amount: int | None = None,
    ) -> None:
        """Append a fact to the log when the transaction commits."""
        self.facts.append((payload, task, attempt, agent, project, amount))

    def move(self, lane: int, before: TaskState | None, after: TaskState | None, tasks: int = 1) -> None:
        """Count tasks' change of state in their lane; one that became ready wakes claimers."""
        lanes = self.lanes
        if before is not None:
            lanes[lane, before] = lanes.get((lane, before), 0) - tasks
        if after is not None:
            lanes[lane, after] = lanes.get((lane, after), 0) + tasks
            if after is TaskState.READY:
                self.readied[lane] = self.readied.get(lane, 0) + tasks

    def charge(self, project: int, *, reserved: int = 0, spent: int = 0) -> None:
        """Move money of a project: micro-dollars added to what is reserved and what is spent."""
        entry = self.money.setdefault(project, [0, 0])
        entry[0] += reserved
        entry[1] += spent

    def wake_by(self, at: int) -> None:
        """Something falls due at `at` (back-off over, lease silent): the timers look again then."""
        if self.wake_at is None or at < self.wake_at:
            self.wake_at = at

    def absorb(self, other: Journal) -> None:
        """Take over what a command that succeeded has left."""
        self.facts.extend(other.facts)
        for key, delta in other.lanes.items():
            self.lanes[key] = self.lanes.get(key, 0) + delta
        for project, (reserved, spent) in other.money.items():
            self.charge(project, reserved=reserved, spent=spent)
        for lane, count in other.readied.items():
            self.readied[lane] = self.readied.get(lane, 0) + count
        self.ended.extend(other.ended)
        self.output.update(other.output)
        self.topics |= other.topics
        self.seen |= other.seen
        if other.wake_at is not None:
            self.wake_by(other.wake_at)


class UnitOfWork(Protocol):
    """What a command may do. `now` is the transaction's time in microseconds since the epoch."""

    now: int
    journal: Journal

    def new_id(self) -> int:
        """A fresh time-ordered id."""
        ...

    def new_token(self) -> int:
        """63 random bits: a fencing token, never handed out twice even after a power loss."""
        ...

    def chance(self) -> float:
        """A random share in [0, 1)."""
        ...

    async def rows(self, statement: Statement, *params: Any) -> list[Row]:
        """The rows of a hand-written statement. Lists are allowed where IN_INTS or IN_TEXTS stands."""
        ...

    async def run(self, statement: Statement, *params: Any) -> int:
        """Run a hand-written write; the number of rows it changed."""
        ...

    async def run_many(self, statement: ManyRows, rows: Sequence[Sequence[Any]]) -> None:
        """Run a set-based write over all rows."""
        ...

    async def select(self, query: ClauseElement) -> list[Row]:
        """The rows of a SQLAlchemy Core query (cold paths)."""
        ...

    async def write(self, query: ClauseElement) -> int:
        """Run a SQLAlchemy Core write (cold paths); the number of rows it changed."""
        ...

    async def flush(self) -> None:
        """Write the counters and money of the journal so far, so that later reads see them."""
        ...

    async def exclusive(self, name: str) -> None:
        """Wait until no other transaction holds `name`; free again at commit. SQLite has one writer and need not."""
        ...

    async def lane(self, project: int, queue: int, kind: str, requires: str, assignee: str) -> int:
        """The id of a lane, made when it is new."""
        ...

    async def agents_known(self, agents: Sequence[str]) -> set[str]:
        """Which of these agents are registered."""
        ...

    def forget_agent(self, agent: str) -> None:
        """An agent was removed: it is registered no longer."""
        ...


@dataclass(slots=True)
class Operation(Generic[R]):
    """A command with its arguments, ready for `store.execute`."""

    name: str
    durable: bool
    run: Callable[[UnitOfWork], Awaitable[R]]


@dataclass(frozen=True)
class Fused(Generic[Q, R]):
    """A hot command: one call decides many requests. A refusal is a value in the answer's place, so that it harms no other."""

    name: str
    order: int
    durable: bool
    handle: Callable[[UnitOfWork, Sequence[Q]], Awaitable[Sequence[R | MusterError]]]

    def __call__(self, request: Q) -> FusedOperation[Q, R]:
        return FusedOperation(self, request)


@dataclass(slots=True)
class FusedOperation(Generic[Q, R]):
    """One request of a hot command."""

    command: Fused[Q, R]
    request: Q


def command(
    *, durable: bool = True
) -> Callable[[Callable[Concatenate[UnitOfWork, P], Awaitable[R]]], Callable[P, Operation[R]]]:
    """Declare a command. `durable`: what it did survives a power loss before it is answered."""

    def declare(function: Callable[Concatenate[UnitOfWork, P], Awaitable[R]]) -> Callable[P, Operation[R]]:
        name = getattr(function, "__name__", "command")

        def bind(*args: P.args, **kwargs: P.kwargs) -> Operation[R]:
            return Operation(name, durable, lambda uow: function(uow, *args, **kwargs))

        bind.__name__ = name
        bind.__doc__ = function.__doc__
        return bind

    return declare


def fused(
    *, order: int, durable: bool
) -> Callable[[Callable[[UnitOfWork, Sequence[Q]], Awaitable[Sequence[R | MusterError]]]], Fused[Q, R]]:
    """Declare a hot command. In a batch, fused commands run by rising `order`; plain ones run at 50."""

    def declare(
        function: Callable[[UnitOfWork, Sequence[Q]], Awaitable[Sequence[R | MusterError]]],
    ) -> Fused[Q, R]:
        return Fused(getattr(function, "__name__", "fused"), order, durable, function)

    return declare
