"""What providers answer when they will not or cannot: every program, every error, and what muster makes of it."""

from __future__ import annotations

import asyncio

import pytest

from tests.real_agents.bench import PROGRAMS, Fleet
from tests.real_agents.ledger import assert_books_agree
from tests.waiting import eventually

SECONDS = 45
"""Programs that never give up are stopped then."""
CODES = {
    "refused-key": "auth_failed",
    "limited": "rate_limited",
    "quota": "quota_exhausted",
    "down": "provider_unavailable",
    "overloaded": "provider_unavailable",
    "stall": "timeout",
}
WAITED_FOR = frozenset({"rate_limited", "quota_exhausted", "provider_unavailable"})
CASES = [(agent, scenario) for agent in PROGRAMS for scenario in CODES]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def failing(running: Fleet) -> dict[tuple[str, str], str]:
    """A task for each program and error, all at work at once."""

    async def submit() -> dict[tuple[str, str], str]:
        fleet = Fleet(running.server, running.models)
        idents = dict[tuple[str, str], str]()
        for agent, scenario in CASES:
            idents[agent, scenario] = await fleet.submit(
                PROGRAMS[agent],
                fleet.repository(f"{agent}-{scenario}"),
                f"[[run:{agent}.{scenario}]] [[scenario:{scenario}]]",
                timeout_seconds=SECONDS,
                retry={"max_attempts": 1},
            )
        await fleet.close()
        return idents

    return asyncio.run(submit())


@pytest.mark.parametrize(("agent", "scenario"), CASES)
async def test_an_error_that_stays_gets_its_code_and_is_waited_for_or_given_up(
    fleet: Fleet, failing: dict[tuple[str, str], str], agent: str, scenario: str
) -> None:
    """SW-4d, SW-4e: what waiting may mend does not count as an attempt; what it cannot mend fails at once."""
    ident, code = failing[agent, scenario], CODES[scenario]

    async def ended() -> bool:
        return (await fleet.attempts(ident))[:1] != [] and (await fleet.attempts(ident))[0][
            "state"
        ] == "failed"

    await eventually(ended, timeout=200, step=0.1)
    attempt, task = (await fleet.attempts(ident))[0], await fleet.task(ident)
    assert attempt["code"] == code, attempt
    # One attempt is all there is: one that counted is the end.
    assert (task["state"] == "failed") == (code not in WAITED_FOR), task
    if scenario == "quota":
        assert "quota" in attempt["error"]
    await fleet.client.post(f"/tasks/{ident}/cancel")
    assert "/run/" not in attempt["error"] or "/run/***" in attempt["error"]
    logged = await assert_books_agree(fleet, ident, f"{agent}.{scenario}")
    assert logged
