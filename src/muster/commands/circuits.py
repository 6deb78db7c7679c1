"""Breakers of model providers: what the calls that agents report say about who answers and who does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from muster.domain.circuit import Circuit, CircuitState, is_answer, is_failure
from muster.domain.errors import NotFound
from muster.domain.events_runs import ProviderFailing, ProviderRecovered
from muster.store import tables
from muster.store.statements import Statement, insert
from muster.store.unit_of_work import UnitOfWork, command

SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Answered:
    """How a call to a provider ended; `at` is when it was made (microseconds)."""

    at: int
    provider: str
    agent: str
    status: int | None
    error: str


_SOME: Final = Statement(
    "SELECT name, state, failures, trips, until, agents FROM circuits WHERE name IN_TEXTS(?1)"
)
_AGENTS: Final = Statement("SELECT attempt_id, agent FROM runs WHERE attempt_id IN_INTS(?1)")
_WRITE: Final = insert(
    tables.circuits,
    ["name", "state", "failures", "trips", "until", "agents", "message", "updated_at"],
    suffix="ON CONFLICT (name) DO UPDATE SET state = excluded.state, failures = excluded.failures, "
    "trips = excluded.trips, until = excluded.until, agents = excluded.agents, message = excluded.message, "
    "updated_at = excluded.updated_at",
)
_CLOSE: Final = Statement("DELETE FROM circuits WHERE name = ?1")
_HALF: Final = Statement(
    "UPDATE circuits SET state = 'half_open', until = NULL, updated_at = ?1 WHERE state = 'open' AND until <= ?1"
)
_NEXT: Final = Statement("SELECT min(until) FROM circuits WHERE state = 'open'")


async def agents_of(uow: UnitOfWork, attempts: Sequence[int]) -> Mapping[int, str]:
    """Which agent works on each of these attempts."""
    return {row[0]: row[1] for row in await uow.rows(_AGENTS, list(attempts))}


async def note_answers(uow: UnitOfWork, answers: Sequence[Answered]) -> None:
    """Open, keep open or close the breakers of the providers that were called, in the order of the calls."""
    names = sorted({answer.provider for answer in answers})
    known = {row[0]: row[1:] for row in await uow.rows(_SOME, names)} if names else {}
    for name in names:
        of_it = [answer for answer in answers if answer.provider == name]
        if name in known or any(is_failure(answer.status, answer.error) for answer in of_it):
            await _note(uow, name, of_it, known.get(name))


async def _note(
    uow: UnitOfWork, name: str, answers: Sequence[Answered], row: Sequence[object] | None
) -> None:
    circuit, agents = _read(row)
    before, message = circuit.state, ""
    for answer in answers:
        if is_failure(answer.status, answer.error):
            circuit = circuit.failed(uow.now, SECOND_US)
            message = f"{answer.status or 'no answer'} {answer.error}".strip()[:300]
            agents.add(answer.agent)
        elif is_answer(answer.status, answer.error):
            circuit = Circuit()
    if circuit == Circuit():
        await uow.run(_CLOSE, name)
        if before is not CircuitState.CLOSED:
            _tell_recovered(uow, name)
        return
    if not message:
        return
    fields = (circuit.state.value, circuit.failures, circuit.trips, circuit.until)
    await uow.run_many(_WRITE, [(name, *fields, ",".join(sorted(agents)), message, uow.now)])
    if circuit.state is CircuitState.OPEN and before is not CircuitState.OPEN and circuit.until is not None:
        uow.journal.fact(ProviderFailing(name, message, circuit.until))
        uow.journal.topics.add("admission")
        uow.journal.wake_by(circuit.until)


def _read(row: Sequence[object] | None) -> tuple[Circuit, set[str]]:
    if row is None:
        return Circuit(), set()
    state, failures, trips, until, agents = row
    circuit = Circuit(
        state=CircuitState(str(state)),
        failures=int(str(failures)),
        trips=int(str(trips)),
        until=None if until is None else int(str(until)),
    )
    return circuit, set(filter(None, str(agents).split(",")))


def _tell_recovered(uow: UnitOfWork, name: str) -> None:
    uow.journal.fact(ProviderRecovered(name))
    uow.journal.topics.add("admission")


async def let_try(uow: UnitOfWork) -> int | None:
    """Let one task try each provider whose time is up; when the next one is due (microseconds)."""
    if await uow.run(_HALF, uow.now):
        uow.journal.topics.add("admission")
    due: int | None = (await uow.rows(_NEXT))[0][0]
    return due


@command(durable=True)
async def close_circuit(uow: UnitOfWork, name: str) -> None:
    """Go on with a provider's tasks at once. NotFound when its breaker is closed."""
    if not await uow.run(_CLOSE, name):
        raise NotFound(noun="failing provider", id=name[:200])
    _tell_recovered(uow, name)
