"""The machine's clock is set: leases neither end early nor never, ids and the log keep rising."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise

import pytest

from muster.commands.leases import StaleRules, patrol
from muster.store.database import Durability, Store
from muster.store.open import open_store
from muster.store.statements import Statement
from muster.store.steady_clock import SteadyClock
from tests.store.working import Place

SECOND = 1_000_000
DAY = 86_400 * SECOND
RULES = StaleRules(1.0, 2.0)
STATE = Statement("SELECT state FROM attempts WHERE id = ?1")
LOG = Statement("SELECT at FROM events ORDER BY seq")


@dataclass
class Machine:
    """A machine with a clock that can be set, and time that passes whatever it says."""

    wall: int = 1_770_000_000 * SECOND
    passed: int = 0

    def wait(self, seconds: float) -> None:
        self.wall += int(seconds * SECOND)
        self.passed += int(seconds * SECOND)

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall, lambda: self.passed)


@pytest.fixture
def machine() -> Machine:
    return Machine()


async def opened(database: str, machine: Machine) -> Store:
    return await open_store(database, durability=Durability.DEFAULT, clock=machine.clock())


@pytest.fixture
async def store(database: str, machine: Machine) -> AsyncIterator[Store]:
    made = await opened(database, machine)
    yield made
    await made.close()


async def state(store: Store, attempt: int) -> str:
    """An attempt's state after a patrol."""
    await store.execute(patrol(RULES))
    return str((await store.rows(STATE, attempt))[0][0])


async def in_order(store: Store) -> bool:
    times = [row[0] for row in await store.rows(LOG)]
    return all(earlier <= later for earlier, later in pairwise(times))


@pytest.mark.parametrize("jump", [DAY, -DAY, 3 * SECOND, -3 * SECOND])
async def test_a_lease_lasts_as_long_as_time_passes_whatever_the_clock_says(
    store: Store, machine: Machine, jump: int
) -> None:
    """SW-4c: ten seconds a timeout, failed at two of them."""
    place = await Place.at(store)
    first = await place.submit(timeout_us=10 * SECOND)
    held = await place.claim()
    assert held is not None
    machine.wait(5)
    machine.wall += jump
    assert await state(store, held.attempt_id) == "running"
    machine.wait(13)
    assert await state(store, held.attempt_id) == "running"
    machine.wait(4)
    assert await state(store, held.attempt_id) == "failed"
    assert await place.submit() > first
    assert await in_order(store)


async def test_a_server_started_with_a_clock_set_back_goes_on_from_the_last_event(
    database: str, machine: Machine
) -> None:
    """SW-4c: time does not stand still until the clock has caught up."""
    store = await opened(database, machine)
    place = await Place.at(store)
    first = await place.submit(timeout_us=10 * SECOND)
    held = await place.claim()
    assert held is not None
    await store.close()
    machine.wall -= DAY
    store = await opened(database, machine)
    place = await Place.at(store)
    assert await place.submit() > first
    machine.wait(15)
    assert await state(store, held.attempt_id) == "running"
    machine.wait(8)
    assert await state(store, held.attempt_id) == "failed"
    assert await in_order(store)
    await store.close()


def test_the_time_comes_back_to_the_clock_without_a_jump() -> None:
    """SW-4c: at most a twentieth faster or slower."""
    machine = Machine()
    clock = machine.clock()
    for jump in (40 * SECOND, -40 * SECOND):
        machine.wall += jump
        before = clock()
        for _ in range(900):
            machine.wait(1)
            now = clock()
            assert 0.94 * SECOND <= now - before <= 1.06 * SECOND
            before = now
        assert abs(now - machine.wall) <= SECOND
