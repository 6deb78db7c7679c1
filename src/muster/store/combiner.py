"""The combiner: commands of one event-loop turn share a transaction and its commit.

It is the same for both databases; what differs is how a batch is run. SQLite runs it on the loop
thread without a pause; PostgreSQL awaits its round trips.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.domain.errors import MusterError
from muster.store.unit_of_work import Fused, FusedOperation, Journal, Operation, UnitOfWork

MAX_BATCH: Final = 256
PLAIN_ORDER: Final = 50

AnyOperation = Operation[Any] | FusedOperation[Any, Any]


@dataclass(slots=True, eq=False)
class Pending:
    """A command that waits for its answer."""

    operation: AnyOperation
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    @property
    def durable(self) -> bool:
        operation = self.operation
        return operation.durable if isinstance(operation, Operation) else operation.command.durable

    def settle(self) -> None:
        """Hand the answer to the caller, if it still waits."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Intake:
    """Collects commands and starts a batch once the loop's present turn is over."""

    def __init__(self, start: Callable[[], object]) -> None:
        self._waiting: deque[Pending] = deque()
        self._start = start
        self._scheduled = False

    def __len__(self) -> int:
        return len(self._waiting)

    def submit(self, operation: AnyOperation) -> asyncio.Future[Any]:
        """Queue a command; the future is its answer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(Pending(operation, future))
        self.schedule()
        return future

    def schedule(self) -> None:
        """Have a batch started in the next turn, unless one is about to."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._fire)

    def _fire(self) -> None:
        self._scheduled = False
        self._start()

    def take(self) -> list[Pending]:
        """The next batch, oldest first; callers that have gone away are dropped."""
        batch: list[Pending] = []
        while self._waiting and len(batch) < MAX_BATCH:
            pending = self._waiting.popleft()
            if not pending.future.done():
                batch.append(pending)
        return batch


class TransactionScope(UnitOfWork):
    """A unit of work whose commands can be undone one by one."""

    @abstractmethod
    async def savepoint(self) -> None:
        """Mark the present state of the transaction."""
        ...

    @abstractmethod
    async def rollback_to_savepoint(self) -> None:
        """Back to the mark."""
        ...

    @abstractmethod
    async def release_savepoint(self) -> None:
        """Forget the mark."""
        ...


async def run_batch(scope: TransactionScope, batch: Sequence[Pending]) -> None:
    """Run all commands of a batch inside the open transaction; refusals stay with the one refused.

    Anything but a MusterError escapes: the caller rolls back and replays one command a transaction.
    """
    groups: dict[Fused[Any, Any], list[Pending]] = {}
    plain: list[Pending] = []
    for pending in batch:
        if isinstance(pending.operation, FusedOperation):
            groups.setdefault(pending.operation.command, []).append(pending)
        else:
            plain.append(pending)
    steps: list[tuple[int, Callable[[], Awaitable[None]]]] = [
        (command.order, _fused_step(scope, command, members)) for command, members in groups.items()
    ]
    if plain:
        steps.append((PLAIN_ORDER, _plain_step(scope, plain, alone=len(batch) == 1)))
    for _, step in sorted(steps, key=lambda item: item[0]):
        await step()
        await scope.flush()


def _fused_step(
    scope: TransactionScope, command: Fused[Any, Any], members: list[Pending]
) -> Callable[[], Awaitable[None]]:
    async def step() -> None:
        requests = [
            pending.operation.request for pending in members if isinstance(pending.operation, FusedOperation)
        ]
        answers = await command.handle(scope, requests)
        for pending, answer in zip(members, answers, strict=True):
            if isinstance(answer, MusterError):
                pending.error = answer
            else:
                pending.result = answer

    return step


def _plain_step(
    scope: TransactionScope, plain: list[Pending], *, alone: bool
) -> Callable[[], Awaitable[None]]:
    async def step() -> None:
        for pending in plain:
            await _run_plain(scope, pending, alone=alone)

    return step


async def _run_plain(scope: TransactionScope, pending: Pending, *, alone: bool) -> None:
    operation = pending.operation
    if not isinstance(operation, Operation):
        return
    outer, scope.journal = scope.journal, Journal()
    if not alone:
        await scope.savepoint()
    try:
        pending.result = await operation.run(scope)
        await scope.flush()
    except MusterError as refusal:
        pending.error = refusal
        if alone:
            raise
        await scope.rollback_to_savepoint()
        scope.journal = outer
        return
    if not alone:
        await scope.release_savepoint()
    outer.absorb(scope.journal)
    scope.journal = outer
