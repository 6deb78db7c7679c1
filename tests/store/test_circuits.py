"""Tasks wait for a provider that fails and say so; one tries it, then all go on (SW-4d). On both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from muster.commands.circuits import close_circuit
from muster.commands.claims import Claimed, ClaimTasks, claim_tasks
from muster.commands.leases import StaleRules, patrol
from muster.domain.admission import ClaimFilter
from muster.domain.circuit import FIRST_SECONDS, OPENS_AFTER
from muster.domain.errors import NotFound
from muster.projections.circuits import failing_providers
from muster.projections.waiting import waiting_groups
from muster.store.database import Durability, Store
from muster.store.open import open_store
from tests.store.runs import a_call, call, describe
from tests.store.trust import verified
from tests.store.working import Place

CAPABLE = frozenset({"agent:claude", "agent:codex"})


class Clock:
    """A time of the test's own; what workers and leases say runs on it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += int(seconds * 1e6)


class Site:
    def __init__(self, store: Store, place: Place, clock: Clock) -> None:
        self.store, self.place, self.clock = store, place, clock
        self.keys = 0

    async def submit(self, agent: str = "claude") -> int:
        return await self.place.submit(requires=(f"agent:{agent}",))

    async def claim(self, agent: str = "claude") -> Claimed | None:
        claimed = await self.place.claim("worker", capabilities=CAPABLE)
        if claimed is not None:
            await describe(self.store, claimed, agent=agent)
        return claimed

    async def calls(self, held: Claimed, *statuses: int | None, **more: Any) -> None:
        made: list[Any] = []
        for status in statuses:
            self.keys += 1
            made.append(a_call(f"call-{self.keys}", at=self.clock(), status=status, **more))
        await call(self.store, held, *made)

    async def patrol(self) -> int | None:
        return (await self.store.execute(patrol(StaleRules()))).next_at

    async def reasons(self) -> dict[str, int]:
        return {group.code: group.count for group in await waiting_groups(self.store, self.store.now())}


@pytest.fixture
async def site(database: str) -> AsyncIterator[Site]:
    clock = Clock()
    store = await open_store(database, durability=Durability.DEFAULT, clock=clock)
    yield Site(store, await Place.at(store), clock)
    await store.close()


async def failing(site: Site) -> Claimed:
    """A provider that has just failed often enough, with a task of its agent running and another waiting."""
    for _ in range(2):
        await site.submit()
    held = await site.claim()
    assert held is not None
    await site.calls(held, *[529] * OPENS_AFTER, error="Overloaded")
    return held


async def test_after_failures_in_a_row_tasks_of_its_agents_wait_and_say_so(site: Site, database: str) -> None:
    held = await failing(site)
    assert await site.claim() is None
    answer = await site.store.execute(claim_tasks(ClaimTasks(ClaimFilter("worker", capabilities=CAPABLE))))
    assert answer.reason is not None
    assert answer.reason.code == "circuit_open"
    assert "anthropic is failing (529 Overloaded)" in answer.reason.message
    assert await site.reasons() == {"circuit_open": 1}
    (row,) = await failing_providers(site.store)
    assert (row.name, row.state, row.agents, row.failures) == ("anthropic", "open", ["claude"], OPENS_AFTER)
    await site.place.end(held, code="provider_unavailable", message="overloaded")
    assert (await verified(database)).ok


async def test_tasks_of_other_agents_and_scripts_go_on(site: Site) -> None:
    await failing(site)
    await site.submit("codex")
    await site.place.submit(kind="bash")
    assert await site.claim() is not None
    assert await site.claim() is not None


async def test_a_task_whose_fallback_has_another_provider_goes_on_and_is_told_which_agent_fails(
    site: Site,
) -> None:
    """SW-4d: whatever the order of its fallbacks; only when all providers fail it waits."""
    await failing(site)
    await site.place.submit(requires=("agent:claude", "agent:codex"))
    held = await site.claim("codex")
    assert held is not None
    assert held.failing_agents == ["claude"]
    await site.place.submit(requires=("agent:claude", "agent:codex"))
    await site.calls(held, *[500] * OPENS_AFTER, error="Down", provider="openai")
    assert await site.claim() is None
    assert await site.reasons() == {"circuit_open": 2}


async def test_what_runs_on_a_fallback_does_not_count_as_the_try_of_the_provider_that_failed(
    site: Site,
) -> None:
    """SW-4d"""
    tried = await failing(site)
    await site.place.submit(requires=("agent:claude", "agent:codex"))
    beside = await site.claim("codex")
    assert beside is not None
    await site.place.end(tried, code="provider_unavailable", message="overloaded")
    site.clock.forward(FIRST_SECONDS + 1)
    await site.patrol()
    trying = await site.claim()
    assert trying is not None
    assert (trying.failing_agents, await site.claim()) == ([], None)


async def test_when_the_time_is_up_one_task_tries_and_its_success_lets_all_go_on(site: Site) -> None:
    held = await failing(site)
    await site.place.end(held, code="provider_unavailable", message="overloaded")
    due = await site.patrol()
    assert due is not None
    site.clock.forward(FIRST_SECONDS + 1)
    for _ in range(2):
        await site.submit()
    await site.patrol()
    trying = await site.claim()
    assert trying is not None
    assert await site.claim() is None
    await site.calls(trying, 200)
    assert await failing_providers(site.store) == []
    assert await site.claim() is not None
    assert await site.claim() is not None


async def test_a_try_that_fails_makes_the_rest_wait_longer(site: Site) -> None:
    held = await failing(site)
    await site.place.end(held, code="provider_unavailable", message="overloaded")
    site.clock.forward(FIRST_SECONDS + 1)
    await site.patrol()
    trying = await site.claim()
    assert trying is not None
    await site.calls(trying, None, error="anthropic did not answer: ClientConnectorError")
    await site.place.end(trying, code="provider_unavailable", message="gone")
    site.clock.forward(FIRST_SECONDS + 1)
    await site.patrol()
    assert await site.claim() is None
    site.clock.forward(FIRST_SECONDS + 1)
    await site.patrol()
    assert await site.claim() is not None


async def test_an_answer_in_between_and_calls_that_we_cut_open_nothing(site: Site) -> None:
    await site.submit()
    await site.submit()
    held = await site.claim()
    assert held is not None
    await site.calls(held, 500, 500, 500, 500, 429, 500, 500, 500, 500)
    await site.calls(held, *[None] * 9, error="cut off")
    assert await site.claim() is not None


async def test_a_person_may_have_it_tried_at_once(site: Site) -> None:
    """No lock needs hand-written SQL."""
    await failing(site)
    await site.store.execute(close_circuit("anthropic"))
    assert await site.claim() is not None
    with pytest.raises(NotFound, match="failing provider anthropic"):
        await site.store.execute(close_circuit("anthropic"))
