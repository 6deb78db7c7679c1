"""What providers and agents say of a failure becomes one of the engine's codes."""

from __future__ import annotations

import pytest

from muster.agents.failures import SIGNS, failure_of, reset_in, status_in
from muster.domain.failure import FAILURES

SAID = [
    ("API Error: 500 Internal server error. This is a server-side issue", None, "provider_unavailable"),
    ("Prompt is too long · the request is ~250000 tokens (limit 200000)", 400, "context_overflow"),
    ("Codex ran out of room in the model's context window.", None, "context_overflow"),
    ("unexpected status 401 Unauthorized: invalid x-api-key", None, "auth_failed"),
    ("Invalid API key · Please run /login", None, "auth_failed"),
    ("authentication_failed", 401, "auth_failed"),
    ("exceeded retry limit, last status: 429 Too Many Requests", None, "rate_limited"),
    ("rate_limit", 429, "rate_limited"),
    ("Claude AI usage limit reached|1795226000", None, "quota_exhausted"),
    ("You've hit your usage limit. Upgrade to Pro or try again at 3:05 PM.", None, "quota_exhausted"),
    ("You exceeded your current quota, please check your plan (insufficient_quota)", 429, "quota_exhausted"),
    ("Your credit balance is too low to access the API", 400, "quota_exhausted"),
    ("overloaded", 529, "provider_unavailable"),
    ("Request timed out. If the API is slow to answer", None, "provider_unavailable"),
    (
        "stream disconnected before completion: Transport error: network error",
        None,
        "provider_unavailable",
    ),
    ("Connection error. ECONNREFUSED 127.0.0.1:9", None, "provider_unavailable"),
    ("Reached maximum budget ($0.15)", None, "budget_exceeded"),
    ("the answer was blocked by the content filter", None, "refused"),
    ("Claude's response exceeded the 32000 output token maximum.", None, "agent_error"),
    ("something else", None, "agent_error"),
    ("something else", 503, "provider_unavailable"),
    ("the authentication service is unavailable", 503, "provider_unavailable"),
    ("something else", 418, "agent_error"),
]


@pytest.mark.parametrize(("message", "status", "code"), SAID)
def test_words_and_status_give_the_code(message: str, status: int | None, code: str) -> None:
    assert failure_of(message, status) == code


def test_every_code_of_the_table_is_one_of_the_engines() -> None:
    assert {sign.code for sign in SIGNS} <= set(FAILURES)


def test_without_any_sign_the_caller_says_what_it_is() -> None:
    assert failure_of("gone", otherwise="exit_nonzero") == "exit_nonzero"


@pytest.mark.parametrize(
    ("message", "when"),
    [
        ("Claude AI usage limit reached|1795226000", 1795226000.0),
        ('"resetsAt": 1795226000', 1795226000.0),
        ('"resets_at":1795226000000', 1795226000.0),
        ("limit resets at 2026-11-21T01:53:20Z", 1795226000.0),
        ("try again at 3:05 PM", None),
    ],
)
def test_an_absolute_time_of_reset_is_read(message: str, when: float | None) -> None:
    assert reset_in(message) == when


def test_a_status_is_read_from_words() -> None:
    assert status_in("unexpected status 401 Unauthorized") == 401
    assert status_in("API Error: 529 {}") == 529
    assert status_in("read 500 lines") is None
