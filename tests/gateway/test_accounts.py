"""Where a provider has several accounts the next takes over when a quota is used up (SW-4d)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector, web

from muster.agents.adapter import Dialect
from muster.agents.metered import CallRecord
from muster.gateway.keyring import REST_SECONDS, Key, Keyring, opens_in, used_up
from muster.gateway.provider import Provider
from muster.gateway.server import Gateway

WORK, HOME = Key("WORK_KEY", "sk-work"), Key("HOME_KEY", "sk-home")
ASK = {"model": "gpt-5", "input": "hi"}
QUOTA = {
    "error": {
        "type": "insufficient_quota",
        "code": "insufficient_quota",
        "message": "You exceeded your quota",
    }
}
RATE = {"error": {"type": "requests", "code": "rate_limit_exceeded", "message": "Rate limit reached"}}
FINE = {"model": "gpt-5", "usage": {"input_tokens": 3, "output_tokens": 4}, "status": "completed"}


@dataclass
class Accounts:
    """A gateway with two accounts at one provider, which answers each as it is told to."""

    answers: dict[str, tuple[int, object, dict[str, str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    calls: list[CallRecord] = field(default_factory=list)
    url: str = ""
    client: ClientSession | None = None

    async def provider(self, request: web.Request) -> web.Response:
        key = request.headers["Authorization"].removeprefix("Bearer ")
        self.asked.append(key)
        status, body, headers = self.answers.get(key, (200, FINE, {}))
        return web.json_response(body, status=status, headers=headers)

    async def call(self) -> tuple[int, object]:
        assert self.client is not None
        async with self.client.post(self.url, json=ASK) as answer:
            return answer.status, json.loads(await answer.read())


@pytest.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[Accounts]:
    bench = Accounts()
    app = web.Application()
    app.router.add_post("/{path:.*}", bench.provider)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    gateway = Gateway([Provider(name="openai", dialect=Dialect.OPENAI, base_url=base, keys=(WORK, HOME))])
    await gateway.start(tmp_path / "gateway.sock")
    run = gateway.open_account(on_call=bench.calls.append)
    bench.url = f"http://gateway/run/{run.token}/openai/v1/responses"
    async with ClientSession(connector=UnixConnector(str(tmp_path / "gateway.sock"))) as bench.client:
        yield bench
    await gateway.close()
    await runner.cleanup()


async def test_the_next_account_answers_the_very_call_that_found_the_quota_used_up(
    accounts: Accounts,
) -> None:
    """SW-4d: the agent sees one answer; both calls are counted, and no key is in either."""
    accounts.answers[WORK.value] = (429, QUOTA, {})
    assert await accounts.call() == (200, FINE)
    assert accounts.asked == [WORK.value, HOME.value]
    refused, answered = accounts.calls
    assert (refused.status, refused.usage.total, refused.cost) == (429, 0, 0)
    assert refused.error == "the quota of WORK_KEY is used up: HOME_KEY takes over"
    assert b"insufficient_quota" in refused.answer
    assert (answered.status, answered.usage.total) == (200, 7)
    assert WORK.value not in repr(accounts.calls)
    await accounts.call()
    assert accounts.asked[2:] == [HOME.value]


async def test_a_passing_rate_limit_is_the_agents_to_wait_for(accounts: Accounts) -> None:
    accounts.answers[WORK.value] = (429, RATE, {"Retry-After": "2"})
    assert await accounts.call() == (429, RATE)
    assert accounts.asked == [WORK.value]


async def test_when_all_are_used_up_the_agent_gets_the_last_refusal_whole(accounts: Accounts) -> None:
    accounts.answers = {key.value: (429, QUOTA, {"Retry-After": "60"}) for key in (WORK, HOME)}
    assert await accounts.call() == (429, QUOTA)
    assert accounts.asked == [WORK.value, HOME.value]
    assert accounts.calls[-1].answer == json.dumps(QUOTA).encode()
    assert "quota" in accounts.calls[-1].error


def test_an_account_comes_back_when_its_quota_opens() -> None:
    """The time the provider told, else a quarter of an hour."""
    now = 1_000.0
    ring = Keyring([WORK, HOME], now=lambda: now)
    assert ring.current() == WORK
    assert ring.rest(WORK, 60.0) == HOME
    assert ring.rest(HOME, None) is None
    assert ring.current() == WORK, "the one that opens first is asked"
    now = 1_000.0 + REST_SECONDS
    assert ring.current() == WORK
    assert Keyring([]).current() is None


def test_what_says_that_a_quota_is_used_up_and_until_when() -> None:
    assert used_up(402, b"")
    assert used_up(429, json.dumps(QUOTA).encode())
    assert not used_up(429, json.dumps(RATE).encode())
    assert not used_up(500, b"\xff\xfe")
    assert opens_in({}, b"limit reached|1789500000", 1_789_499_990.0) == 10
    assert opens_in({"retry-after": "30"}, b"{}", 100.0) == 30.0
    assert opens_in({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"{}", 100.0) is None
    assert opens_in({"retry-after": "9" * 400}, b"{}", 100.0) is None
