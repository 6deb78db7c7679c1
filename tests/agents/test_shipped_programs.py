"""The programs of the model and HTTP agents, as processes, against real servers on loopback."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from muster.agents.adapter import Adapter, AgentSpec, Conversation, Dialect, Ended, ModelAccess, Step, Verdict
from muster.agents.http import Http
from muster.agents.model import Model
from muster.domain.transcript import Entry, Message, Problem, ToolCall, ToolResult, TurnEnded, UsageReport
from muster.domain.usage import TokenUsage
from tests.agents.model_double import ModelDouble
from tests.agents.recordings import spec

TEXT = "The answer is 42."
Act = Callable[[Conversation, list[Entry]], Step | None]


@pytest.fixture
async def model() -> AsyncIterator[ModelDouble]:
    async with ModelDouble().served() as served:
        yield served


class Runner:
    """Runs a shipped program as a worker does, without its sandbox."""

    def __init__(self, home: Path, url: str = "") -> None:
        self.home = home
        self.access = ModelAccess(
            urls={Dialect.ANTHROPIC: url, Dialect.OPENAI: f"{url}/v1", Dialect.GEMINI: url}, token="run-token"
        )

    def spec(self, **changes: Any) -> AgentSpec:
        given = {"home": self.home, "working_dir": self.home, "python": sys.executable, "access": self.access}
        return spec(**(given | changes))

    async def run(
        self, adapter: Adapter, wanted: AgentSpec, follow: list[str] | None = None, act: Act | None = None
    ) -> tuple[list[Entry], Verdict]:
        """To its end. `follow` is said turn by turn; `act` may act on each piece of output."""
        command, conversation, following = (
            adapter.command(wanted),
            adapter.converse(wanted),
            list(follow or []),
        )
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(command.env),
            cwd=self.home,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(conversation.start())
        entries: list[Entry] = []
        while data := await process.stdout.read(65536):
            step = conversation.feed(data)
            entries += step.entries
            if act is not None and (answer := act(conversation, entries)) is not None:
                process.stdin.write(answer.send)
            if step.turn_over and following:
                process.stdin.write(conversation.say(following.pop(0)).send)
            elif step.turn_over:
                process.stdin.close()
        stderr = (await process.stderr.read()).decode()
        code = await process.wait()
        step, verdict = conversation.finish(Ended(code=code, stderr=stderr))
        return entries + step.entries, verdict


@pytest.mark.parametrize("name", ["claude-sonnet-4-5", "gpt-5.5", "gemini-2.5-pro"])
async def test_each_dialect_gives_the_same_text_and_usage(
    model: ModelDouble, tmp_path: Path, name: str
) -> None:
    """SA-4a"""
    runner = Runner(tmp_path, model.url)
    entries, verdict = await runner.run(Model(), runner.spec(model=name, system_prompt="Be brief."))
    assert (verdict.ok, verdict.text) == (True, TEXT)
    assert verdict.usage is not None
    assert (verdict.usage.input, verdict.usage.output, verdict.usage.cache_read) == (100, 7, 30)
    assert "".join(entry.text for entry in entries if isinstance(entry, Message)) == TEXT
    asked = json.dumps(model.asked[0])
    assert "Be brief." in asked
    assert "tools" not in model.asked[0]


FAILURES = [
    (401, {"type": "authentication_error", "message": "invalid x-api-key"}, "auth_failed"),
    (429, {"type": "rate_limit_error", "message": "slow down"}, "rate_limited"),
    (529, {"type": "overloaded_error", "message": "Overloaded"}, "provider_unavailable"),
    (500, {"type": "api_error", "message": "boom"}, "provider_unavailable"),
    (400, {"type": "invalid_request_error", "message": "prompt is too long: 9 > 5"}, "context_overflow"),
    (400, {"type": "budget_exceeded", "message": "the attempt has spent enough"}, "budget_exceeded"),
    (404, {"type": "not_found_error", "message": "model: nope"}, "agent_error"),
]


@pytest.mark.parametrize(("status", "error", "code"), FAILURES)
async def test_a_refused_call_has_its_code(
    model: ModelDouble, tmp_path: Path, status: int, error: dict[str, str], code: str
) -> None:
    """SW-4d"""
    model.fail.append((status, {"error": error}, {}))
    runner = Runner(tmp_path, model.url)
    entries, verdict = await runner.run(Model(), runner.spec(model="claude-sonnet-4-5"))
    assert (verdict.ok, verdict.code) == (False, code)
    assert error["message"] in verdict.message
    assert [entry.status for entry in entries if isinstance(entry, Problem)] == [status]


async def test_the_time_to_try_again_is_told(model: ModelDouble, tmp_path: Path) -> None:
    """SW-4d"""
    model.fail.append((429, {"error": {"message": "usage limit"}}, {"retry-after": "3600"}))
    runner = Runner(tmp_path, model.url)
    _, verdict = await runner.run(Model(), runner.spec(model="m"))
    assert verdict.code == "quota_exhausted"
    assert verdict.resets_at is not None


STOPS = [("max_tokens", "agent_error"), ("refusal", "refused")]


@pytest.mark.parametrize(("stop", "code"), STOPS)
async def test_an_answer_that_is_cut_or_refused_is_no_success(
    model: ModelDouble, tmp_path: Path, stop: str, code: str
) -> None:
    model.stop = stop
    runner = Runner(tmp_path, model.url)
    _, verdict = await runner.run(Model(), runner.spec(model="claude-sonnet-4-5"))
    assert (verdict.ok, verdict.code) == (False, code)


async def test_an_empty_answer_is_no_success(model: ModelDouble, tmp_path: Path) -> None:
    model.words = []
    runner = Runner(tmp_path, model.url)
    _, verdict = await runner.run(Model(), runner.spec(model="m"))
    assert (verdict.ok, verdict.message) == (False, "the model said nothing")


async def test_a_conversation_goes_on_in_its_turns_and_in_a_later_run_and_can_be_copied(
    model: ModelDouble, tmp_path: Path
) -> None:
    """SQ-11"""
    runner = Runner(tmp_path, model.url)
    _, first = await runner.run(Model(), runner.spec(model="m", prompt="one"), follow=["two"])
    assert [message["content"] for message in model.asked[1]["messages"]] == ["one", TEXT, "two"]
    assert first.usage == TokenUsage(input=200, output=14, cache_read=60)
    _, second = await runner.run(Model(), runner.spec(model="m", prompt="three", session=first.session))
    assert [message["content"] for message in model.asked[2]["messages"]] == [
        "one",
        TEXT,
        "two",
        TEXT,
        "three",
    ]
    assert second.session == first.session
    _, copy = await runner.run(Model(), runner.spec(model="m", prompt="4", session=first.session, fork=True))
    assert copy.session != first.session
    assert len(model.asked[3]["messages"]) == 7


@asynccontextmanager
async def serving(
    *routes: tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]],
) -> AsyncIterator[str]:
    app = web.Application()
    for method, path, handler in routes:
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_an_interrupt_ends_a_call_that_is_silent(tmp_path: Path) -> None:
    """OD-2"""
    silent = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        word = {"choices": [{"delta": {"content": "Well, "}}]}
        await answer.write(b"data: " + json.dumps(word).encode() + b"\n\n")
        await silent.wait()
        return answer

    def interrupt(conversation: Conversation, entries: list[Entry]) -> Step | None:
        spoken = [entry for entry in entries if isinstance(entry, Message)]
        return conversation.interrupt() if len(spoken) == 1 and spoken[0].text == "Well, " else None

    async with serving(("POST", "/v1/chat/completions", hang)) as url:
        runner = Runner(tmp_path, url)
        async with asyncio.timeout(20):
            entries, verdict = await runner.run(Model(), runner.spec(model="m"), act=interrupt)
        silent.set()
    assert [entry.reason for entry in entries if isinstance(entry, TurnEnded)] == ["cancelled"]
    assert not verdict.ok


async def test_a_stream_that_breaks_off_is_the_providers_failure(tmp_path: Path) -> None:
    """SW-4d"""

    async def drop(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b'data: {"choices": [{"delta": {"content": "half"}}]}\n\n')
        assert request.transport is not None
        request.transport.close()
        return answer

    async with serving(("POST", "/v1/chat/completions", drop)) as url:
        runner = Runner(tmp_path, url)
        _, verdict = await runner.run(Model(), runner.spec(model="m"))
    assert (verdict.ok, verdict.code) == (False, "provider_unavailable")


async def test_a_server_that_does_not_stream_is_understood(tmp_path: Path) -> None:
    async def whole(request: web.Request) -> web.StreamResponse:
        choice = {"message": {"content": TEXT}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})

    async with serving(("POST", "/v1/chat/completions", whole)) as url:
        runner = Runner(tmp_path, url)
        entries, verdict = await runner.run(Model(), runner.spec(model="m"))
    assert (verdict.ok, verdict.text) == (True, TEXT)
    assert any(isinstance(entry, UsageReport) for entry in entries)


async def test_a_model_nobody_leads_to_says_so(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    _, verdict = await runner.run(Model(), runner.spec(model="m", access=None))
    assert (verdict.ok, verdict.code) == (False, "auth_failed")


async def request(url: str, home: Path, **options: Any) -> tuple[list[Entry], Verdict]:
    runner = Runner(home)
    given = runner.spec(options={"url": url} | options, prompt="go", access=None, env={"KEY": "s-1618"})
    return await runner.run(Http(), given)


async def test_an_operation_without_polling_gives_the_body(tmp_path: Path) -> None:
    async def echo(asked: web.Request) -> web.StreamResponse:
        return web.json_response({"method": asked.method, "text": await asked.text()})

    async with serving(("*", "/x", echo)) as url:
        entries, verdict = await request(f"{url}/x", tmp_path, method="put", body="say {prompt}")
        assert json.loads(verdict.text) == {"method": "PUT", "text": "say go"}
        _, verdict = await request(f"{url}/x", tmp_path, result="/method")
        assert verdict.text == "GET"
        _, missing = await request(f"{url}/x", tmp_path, result="/nope/0")
    assert (missing.ok, missing.code) == (False, "agent_error")
    call = next(entry for entry in entries if isinstance(entry, ToolCall))
    assert (call.title, call.input["body"]) == (f"PUT {url}/x", "say go")


STATUSES = [(401, "auth_failed"), (404, "agent_error"), (429, "rate_limited"), (500, "agent_error")]


@pytest.mark.parametrize(("status", "code"), STATUSES)
async def test_an_unexpected_status_is_a_failure_unless_it_is_expected(
    tmp_path: Path, status: int, code: str
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="because")

    async with serving(("GET", "/x", answer)) as url:
        entries, verdict = await request(f"{url}/x", tmp_path)
        _, expected = await request(f"{url}/x", tmp_path, expect=[status])
    assert (verdict.ok, verdict.code) == (False, code)
    assert f"answered {status}: because" in verdict.message
    assert [entry.status for entry in entries if isinstance(entry, ToolResult)] == ["failed"]
    assert (expected.ok, expected.text) == (True, "because")


async def test_polling_follows_the_location_until_the_status_is_no_longer_202(tmp_path: Path) -> None:
    statuses = iter([202, 202, 200])

    async def start(_: web.Request) -> web.StreamResponse:
        return web.Response(status=202, headers={"Location": "/jobs/1"})

    async def look(_: web.Request) -> web.StreamResponse:
        return web.Response(status=next(statuses), text="ready")

    async with serving(("POST", "/jobs", start), ("GET", "/jobs/1", look)) as url:
        _, verdict = await request(f"{url}/jobs", tmp_path, body={}, poll={"every_seconds": 0.05})
    assert (verdict.ok, verdict.text) == (True, "ready")


async def test_an_operation_whose_state_is_a_failed_one_fails(tmp_path: Path) -> None:
    async def look(_: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "broken", "why": "no luck"})

    async with serving(("GET", "/x", look)) as url:
        poll = {"field": "/status", "done": ["ok"], "failed": ["broken"]}
        _, verdict = await request(f"{url}/x", tmp_path, poll=poll)
    assert (verdict.ok, verdict.code) == (False, "agent_error")
    assert "no luck" in verdict.message


async def test_headers_do_not_follow_to_another_place(tmp_path: Path) -> None:
    """SA-1: neither by a redirect nor by a Location that is polled."""
    seen: list[str | None] = []

    async def catch(asked: web.Request) -> web.StreamResponse:
        seen.append(asked.headers.get("X-Key"))
        return web.Response(text="caught")

    async with serving(("GET", "/catch", catch)) as elsewhere:

        async def redirect(_: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": f"{elsewhere}/catch"})

        async def start(_: web.Request) -> web.StreamResponse:
            return web.Response(status=202, headers={"Location": f"{elsewhere}/catch"})

        async with serving(("GET", "/away", redirect), ("GET", "/start", start)) as url:
            headers = {"X-Key": "{env:KEY}"}
            _, away = await request(f"{url}/away", tmp_path, headers=headers)
            _, polled = await request(f"{url}/start", tmp_path, headers=headers, poll={"every_seconds": 0.05})
    assert (away.ok, "302" in away.message) == (False, True)
    assert (polled.ok, polled.text) == (True, "caught")
    assert seen == [None]


async def test_allowed_hosts_are_reached_through_the_proxy_of_the_sandbox(tmp_path: Path) -> None:
    async def answer(asked: web.Request) -> web.StreamResponse:
        return web.Response(text=f"{asked.headers['Host']}{asked.path}")

    async with serving(("GET", "/x", answer)) as proxy:
        runner = Runner(tmp_path)
        given = runner.spec(options={"url": "http://name.invalid/x"}, access=None, env={"http_proxy": proxy})
        _, verdict = await runner.run(Http(), given)
    assert (verdict.ok, verdict.text) == (True, "name.invalid/x")


async def test_a_place_nobody_answers_at_says_what_a_task_needs(tmp_path: Path) -> None:
    _, verdict = await request("http://127.0.0.1:9/", tmp_path)
    assert (verdict.ok, verdict.code) == (False, "agent_error")
    assert "allow_hosts or network: true" in verdict.message
