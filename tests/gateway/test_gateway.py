"""Calls to models go through untouched, are metered, bounded and cut, and never show the key (SW-6c, SA-4a)."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from muster.agents.adapter import Dialect
from muster.domain.usage import TokenUsage
from muster.gateway.gatekeeper import Gatekeeper, ProviderDown
from muster.gateway.keyring import Key, Keyring
from muster.gateway.provider import Provider
from muster.gateway.server import Gateway
from tests.gateway.conftest import KEY, Bench
from tests.waiting import eventually

SONNET = "claude-sonnet-4-5"
ASK = {"model": SONNET, "stream": True, "messages": [{"role": "user", "content": "hi"}]}


def event(name: str, **data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


STREAM = [
    event(
        "message_start",
        message={
            "model": SONNET,
            "usage": {
                "input_tokens": 12,
                "cache_read_input_tokens": 67459,
                "cache_creation_input_tokens": 22552,
                "output_tokens": 1,
            },
        },
    ),
    event("content_block_delta", delta={"type": "text_delta", "text": "Hello"}),
    event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 118}),
    event("message_stop"),
]


class TestAnthropic:
    async def test_a_stream_passes_byte_for_byte_and_is_metered_to_the_token(self, bench: Bench) -> None:
        """SA-4a: the figures of a recorded edit run, whose cost the agent itself told: $0.1066137."""
        bench.provider.pieces = STREAM
        run = bench.run()
        status, body = await bench.post(run, "anthropic/v1/messages", ASK)
        assert (status, body) == (200, b"".join(STREAM))
        call = bench.calls[0]
        assert call.usage == TokenUsage(input=12, output=118, cache_read=67459, cache_write=22552)
        assert (call.cost, call.pricing, call.stop) == (106_614, "priced", "end_turn")
        assert (call.provider, call.model, call.dialect, call.status) == (
            "anthropic",
            SONNET,
            "anthropic",
            200,
        )
        assert (run.cost, run.calls, run.unpriced) == (106_614, 1, 0)
        received, sent = run.traffic
        assert (received, sent > 0) == (len(body), True)
        assert call.first_byte is not None
        assert call.price_version

    async def test_the_key_is_put_in_and_the_runs_token_never_leaves(self, bench: Bench) -> None:
        """SW-6c"""
        run = bench.run()
        await bench.post(run, "anthropic/v1/messages", ASK, **{"x-api-key": run.token})
        asked = bench.provider.asked[0]
        assert asked.headers["x-api-key"] == KEY
        assert asked.path == "/anthropic/v1/messages"
        assert run.token not in str(asked.headers) + str(asked.path)
        assert KEY not in repr(bench.calls) + repr(bench.gateway._providers)

    async def test_a_whole_answer_is_metered_too(self, bench: Bench) -> None:
        bench.provider.body = json.dumps(
            {"model": SONNET, "stop_reason": "refusal", "usage": {"input_tokens": 5, "output_tokens": 7}}
        ).encode()
        await bench.post(bench.run(), "anthropic/v1/messages", {"model": SONNET})
        assert (bench.calls[0].usage, bench.calls[0].stop) == (TokenUsage(input=5, output=7), "refusal")

    async def test_what_fails_is_a_call_with_its_error(self, bench: Bench) -> None:
        """SW-4d"""
        bench.provider.status = 529
        bench.provider.body = json.dumps(
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        ).encode()
        status, body = await bench.post(bench.run(), "anthropic/v1/messages", ASK)
        assert (status, body) == (529, bench.provider.body)
        assert (bench.calls[0].status, bench.calls[0].error) == (529, "overloaded_error Overloaded")
        assert bench.calls[0].cost == 0


class TestOtherDialects:
    async def test_chat_completions_are_asked_for_their_usage(self, bench: Bench) -> None:
        usage = {
            "prompt_tokens": 100,
            "prompt_tokens_details": {"cached_tokens": 60},
            "completion_tokens": 20,
            "completion_tokens_details": {"reasoning_tokens": 5},
        }
        bench.provider.pieces = [
            b'data: {"model":"gpt-5.5","choices":[{"delta":{"content":"hi"}}]}\n\n',
            b'data: {"choices":[{"finish_reason":"stop"}]}\n\n',
            f"data: {json.dumps({'choices': [], 'usage': usage})}\n\ndata: [DONE]\n\n".encode(),
        ]
        await bench.post(bench.run(), "openai/v1/chat/completions", {"model": "gpt-5.5", "stream": True})
        assert bench.provider.bodies[0]["stream_options"] == {"include_usage": True}
        assert bench.provider.asked[0].headers["Authorization"] == f"Bearer {KEY}"
        assert bench.calls[0].usage == TokenUsage(input=40, output=20, cache_read=60, reasoning=5)
        assert (bench.calls[0].dialect, bench.calls[0].model) == ("openai-chat", "gpt-5.5")

    async def test_responses_tell_theirs_at_the_end(self, bench: Bench) -> None:
        usage = {
            "input_tokens": 40519,
            "input_tokens_details": {"cached_tokens": 30410},
            "output_tokens": 107,
        }
        done = {
            "type": "response.completed",
            "response": {"model": "gpt-5.5", "status": "completed", "usage": usage},
        }
        bench.provider.pieces = [
            b'data: {"type":"response.created"}\n\n',
            f"data: {json.dumps(done)}\n\n".encode(),
        ]
        await bench.post(bench.run(), "openai/v1/responses", {"model": "gpt-5.5"})
        assert bench.calls[0].usage == TokenUsage(input=10109, output=107, cache_read=30410)
        assert bench.calls[0].dialect == "openai-responses"

    async def test_gemini_counts_thoughts_as_output(self, bench: Bench) -> None:
        bench.provider.body = json.dumps(
            [
                {"usageMetadata": {"promptTokenCount": 10}},
                {
                    "modelVersion": "gemini-2.5-pro",
                    "usageMetadata": {
                        "promptTokenCount": 50187,
                        "cachedContentTokenCount": 37577,
                        "candidatesTokenCount": 100,
                        "thoughtsTokenCount": 31,
                    },
                },
            ]
        ).encode()
        path = "gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent"
        await bench.post(bench.run(), path, {"contents": []})
        assert bench.provider.asked[0].headers["x-goog-api-key"] == KEY
        assert bench.calls[0].usage == TokenUsage(input=12610, output=131, cache_read=37577, reasoning=31)

    async def test_a_model_nobody_knows_is_unpriced_and_never_free(self, bench: Bench) -> None:
        bench.provider.body = json.dumps({"model": "my-own", "usage": {"input_tokens": 1}}).encode()
        run = bench.run()
        await bench.post(run, "openai/v1/responses", {"model": "my-own"})
        assert (bench.calls[0].pricing, bench.calls[0].cost, run.unpriced) == ("unpriced", None, 1)


class TestBounds:
    async def test_a_budget_that_is_spent_ends_the_calls(self, bench: Bench) -> None:
        """OD-23"""
        bench.provider.pieces = STREAM
        run = bench.run(budget=100_000)
        assert (await bench.post(run, "anthropic/v1/messages", ASK))[0] == 200
        status, body = await bench.post(run, "anthropic/v1/messages", ASK)
        assert status == 400
        assert json.loads(body)["error"]["type"] == "budget_exceeded"
        assert len(bench.provider.asked) == 1

    async def test_a_closed_or_unknown_run_gets_nowhere(self, bench: Bench) -> None:
        run = bench.run()
        bench.gateway.close_account(run)
        assert (await bench.post(run, "anthropic/v1/messages", ASK))[0] == 403
        assert (await bench.post("nobody", "anthropic/v1/messages", ASK))[0] == 403
        assert bench.provider.asked == []

    async def test_cutting_a_run_ends_its_open_calls(self, bench: Bench) -> None:
        """OD-2"""
        bench.provider.pieces, bench.provider.hold = STREAM[:2], asyncio.Event()
        run = bench.run()
        async with asyncio.TaskGroup() as group:
            call = group.create_task(self._broken(bench, run.token))
            await eventually(lambda: bool(run.open_calls) and bool(bench.provider.asked))
            bench.gateway.close_account(run)
        assert call.result()
        await eventually(lambda: len(bench.calls) == 1)
        assert bench.calls[0].error == "cut off"

    async def test_an_answer_that_breaks_off_breaks_off_for_the_agent_too(self, bench: Bench) -> None:
        """SW-4d: it is not taken for a whole one, nothing else is sent after it, and what was told of it is counted."""
        bench.provider.pieces, bench.provider.breaks = STREAM[:2], True
        run = bench.run()
        assert await self._broken(bench, run.token)
        await eventually(lambda: len(bench.calls) == 1)
        assert "broke off its answer" in bench.calls[0].error
        assert bench.calls[0].answer == b"".join(STREAM[:2])
        assert bench.calls[0].usage.input > 0

    async def test_a_settled_account_holds_what_its_cut_calls_cost(self, bench: Bench) -> None:
        """SA-4a: an agent that is stopped in the middle of an answer has used the input of it."""
        bench.provider.pieces, bench.provider.hold = STREAM[:2], asyncio.Event()
        run = bench.run()
        url = f"http://gateway/run/{run.token}/anthropic/v1/messages"
        async with bench.client.post(url, json=ASK) as answer:
            assert await answer.content.readany()
            await bench.gateway.settle_account(run)
            assert (run.calls, run.open_calls, run.usage.input) == (1, set(), 12)

    @staticmethod
    async def _broken(bench: Bench, token: str) -> bool:
        from aiohttp import ClientError

        try:
            await bench.post(token, "anthropic/v1/messages", ASK)
        except ClientError:
            return True
        return False

    async def test_a_provider_that_is_down_is_named(self, bench: Bench, unused_port: int) -> None:
        """SW-4d"""
        gone = Provider(
            name="anthropic",
            dialect=Dialect.ANTHROPIC,
            base_url=f"http://127.0.0.1:{unused_port}",
            keys=(Key("OWN_KEY", KEY),),
        )
        bench.gateway._providers[Dialect.ANTHROPIC] = gone
        status, body = await bench.post(bench.run(), "anthropic/v1/messages", ASK)
        assert status == 502
        assert "anthropic did not answer" in json.loads(body)["error"]["message"]
        assert bench.calls[0].status is None

    async def test_without_a_key_the_agents_own_sign_in_is_passed_on(self, bench: Bench) -> None:
        own = bench.gateway._providers[Dialect.ANTHROPIC]
        bench.gateway._providers[Dialect.ANTHROPIC] = Provider(
            name=own.name, dialect=own.dialect, base_url=own.base_url
        )
        bench.gateway._keyrings[Dialect.ANTHROPIC] = Keyring(())
        run = bench.run()
        signed = {"Authorization": "Bearer of-the-user"}
        assert (await bench.post(run, "anthropic/v1/messages", ASK, **signed))[0] == 200
        assert bench.provider.asked[0].headers["Authorization"] == "Bearer of-the-user"
        status, body = await bench.post(run, "anthropic/v1/messages", ASK, **{"x-api-key": run.token})
        assert status == 401
        assert "no key for anthropic" in json.loads(body)["error"]["message"]


async def test_the_pieces_an_answer_comes_in_do_not_matter(bench: Bench) -> None:
    whole, chance = b"".join(STREAM), random.Random(7)
    run = bench.run()
    for _ in range(20):
        cuts = sorted(chance.sample(range(1, len(whole)), 12))
        bench.provider.pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
        await bench.post(run, "anthropic/v1/messages", ASK)
    assert {call.usage for call in bench.calls} == {
        TokenUsage(input=12, output=118, cache_read=67459, cache_write=22552)
    }


async def test_the_trace_of_the_agent_goes_on(bench: Bench) -> None:
    """SW-7b"""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    await bench.post(bench.run(), "anthropic/v1/messages", ASK, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    assert bench.calls[0].trace_id == trace
    assert bench.provider.asked[0].headers["traceparent"].split("-")[1] == trace


def test_an_agent_is_given_urls_without_the_apis_own_path(bench: Bench) -> None:
    run = bench.run()
    urls = run.access("http://127.0.0.1:21000").urls
    assert urls[Dialect.ANTHROPIC] == f"http://127.0.0.1:21000/run/{run.token}/anthropic"
    assert urls[Dialect.OPENAI].endswith("/openai/v1")


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_gateway_says_what_it_can_serve() -> None:
    gateway = Gateway([Provider(name="x", dialect=Dialect.GEMINI, base_url="http://127.0.0.1:1")])
    assert gateway.serves(Dialect.GEMINI)
    assert not gateway.serves(Dialect.OPENAI)


class TestFailingProvider:
    async def test_calls_are_held_back_after_failures_in_a_row_and_say_when_to_come_again(
        self, bench: Bench
    ) -> None:
        """SW-4d: an agent's own retries do not hammer a provider that is down; other providers go on."""
        bench.provider.status = 529
        run = bench.run()
        for _ in range(5):
            assert (await bench.post(run, "anthropic/v1/messages", ASK))[0] == 529
        status, body = await bench.post(run, "anthropic/v1/messages", ASK)
        assert status == 503
        assert b"held back: anthropic is failing" in body
        assert len(bench.provider.asked) == 5
        assert bench.calls[-1].error.startswith("held back")
        bench.provider.status = 200
        assert (await bench.post(run, "openai/v1/responses", {"model": "m"}))[0] == 200


async def test_one_call_tries_a_failing_provider_when_its_time_is_up() -> None:
    """SW-4d"""
    now = [0]
    gate = Gatekeeper(now=lambda: now[0])
    for _ in range(5):
        gate.note(500, "")
    with pytest.raises(ProviderDown) as held:
        async with gate.place():
            pass
    assert held.value.seconds == 30
    now[0] = 30 * 10**9
    async with gate.place():
        with pytest.raises(ProviderDown):
            async with gate.place():
                pass
    async with gate.place():
        gate.note(200, "")
    async with gate.place(), gate.place():
        pass


async def test_so_many_calls_go_out_at_once_and_the_rest_wait_for_their_turn() -> None:
    gate = Gatekeeper(2)
    inside, most = 0, 0
    release = asyncio.Event()

    async def one() -> None:
        nonlocal inside, most
        async with gate.place():
            inside += 1
            most = max(most, inside)
            await release.wait()
            inside -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(one())
        await eventually(lambda: inside == 2)
        release.set()
    assert most == 2
