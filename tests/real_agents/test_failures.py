"""What providers answer when they will not: every program, every refusal, and what muster makes of it."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.real_agents.bench import PROGRAMS, Fleet, git, marker, submit_cases
from tests.real_agents.ledger import assert_books_agree

SECONDS = 60
"""Programs that never give up are stopped then."""
PATIENT = {"gemini-acp": ("limited", "stall"), "opencode-acp": ("quota", "stall")}
"""They try on and on, and say nothing of it; each refusal is met by one of them at least."""
CODES = {
    "refused-key": "auth_failed",
    "limited": "rate_limited",
    "quota": "quota_exhausted",
    "stall": "timeout",
}
WAITED_FOR = frozenset({"rate_limited", "quota_exhausted"})
CASES = [
    *((agent, scenario) for agent, scenarios in PATIENT.items() for scenario in (*scenarios, "refused-key")),
    *((agent, scenario) for agent in PROGRAMS if agent not in PATIENT for scenario in CODES),
]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def failing(running: Fleet) -> dict[tuple[str, str], str]:
    """A task for each program and refusal, all at work at once."""
    return submit_cases(running, CASES, timeout_seconds=SECONDS)


def _seconds(since: str, until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()


@pytest.mark.parametrize(("agent", "scenario"), CASES)
async def test_an_error_that_stays_gets_its_code_and_is_waited_for_or_given_up(
    fleet: Fleet, failing: dict[tuple[str, str], str], agent: str, scenario: str
) -> None:
    """SW-4d, SW-4e: what waiting may mend does not count as an attempt; what it cannot mend fails at once."""
    ident, code = failing[agent, scenario], CODES[scenario]

    attempt, task = await fleet.first_attempt(ident), await fleet.task(ident)
    assert attempt["code"] == code, attempt
    # One attempt is all there is: one that counted is the end.
    assert (task["state"] == "failed") == (code not in WAITED_FOR), task
    if scenario == "quota":
        # The provider says that it opens again in a minute.
        following = [later["claimed_at"] for later in (await fleet.attempts(ident))[1:]]
        assert _seconds(attempt["finished_at"], [*following, task["ready_at"]][0]) > 10, task
    if code in WAITED_FOR:
        await fleet.client.post(f"/tasks/{ident}/cancel")
    assert "/run/" not in attempt["error"] or "/run/***" in attempt["error"]
    logged = await assert_books_agree(fleet, ident, f"{agent}.{scenario}", first_attempt=True)
    assert logged


@pytest.mark.parametrize("agent", PROGRAMS)
async def test_errors_that_pass_are_overcome_within_the_attempt(fleet: Fleet, agent: str) -> None:
    """SW-4d: overload, a failure and a limit on the way; the refused calls are in the books, and cost nothing."""
    statuses = [529, 500] if agent == "codex" else [529, 500, 429]
    steps = [
        {
            "error": {"status": status, "retry_after": 1} if status == 429 else {"status": status},
            "calls": [{"shell": {"command": f"echo {status} >> met.txt"}}],
        }
        for status in statuses
    ]
    run, repository = f"{agent}.passing", fleet.repository(f"{agent}-passing")
    prompt = marker(*steps, {"final": "It passed."}, run=run)
    ident = await fleet.submit(PROGRAMS[agent], repository, prompt)
    task = await fleet.ended(ident)
    assert (task["state"], task["attempts"], task["output"]) == ("succeeded", 1, "It passed."), task
    assert git(repository, "show", f"muster/{ident}:met.txt").split() == [str(status) for status in statuses]
    logged = await assert_books_agree(fleet, ident, run)
    assert [call.outcome for call in logged].count("error") == len(statuses)
