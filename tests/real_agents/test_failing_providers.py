"""Providers that are down: what every program makes of it, and that no attempt is lost (SW-4d).

After some failures in a row the gateway lets no call out for a while, which looks to the programs as it did before.
"""

from __future__ import annotations

import pytest

from tests.real_agents.bench import Fleet, submit_cases
from tests.real_agents.ledger import assert_books_agree

CASES = [
    ("gemini-acp", "down"),
    ("opencode-acp", "overloaded"),
    ("claude", "down"),
    ("claude", "overloaded"),
    ("codex", "down"),
    ("codex", "overloaded"),
    ("claude-acp", "overloaded"),
]
SECONDS = 60
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def failing(running: Fleet) -> dict[tuple[str, str], str]:
    """All at work before the first of them has failed."""
    return submit_cases(running, CASES, timeout_seconds=SECONDS)


@pytest.mark.parametrize(("agent", "scenario"), CASES)
async def test_a_provider_that_is_down_is_waited_for_and_no_attempt_is_lost(
    fleet: Fleet, failing: dict[tuple[str, str], str], agent: str, scenario: str
) -> None:
    """SW-4d, SW-4e"""
    ident = failing[agent, scenario]
    attempt, task = await fleet.first_attempt(ident), await fleet.task(ident)
    assert attempt["code"] == "provider_unavailable", attempt
    assert task["state"] not in {"failed", "cancelled"}, task
    await fleet.client.post(f"/tasks/{ident}/cancel")
    await assert_books_agree(fleet, ident, f"{agent}.{scenario}", first_attempt=True)
