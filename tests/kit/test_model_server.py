"""The scripted model server, as real clients meet it: over HTTP, in every dialect."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from muster.agents.adapter import Dialect
from muster.gateway.provider import TAKES
from muster.gateway.usage_reader import UsageReader
from muster.testing.call_log import CallLog, LoggedCall, LoggedUsage, read_log
from muster.testing.model_server import ModelServer
from muster.testing.scenarios import SCENARIOS, BadScenario, read_scenario, read_scenarios
from tests.waiting import eventually

MODEL = "a-model"
DIALECTS = ["anthropic", "openai-responses", "openai-chat", "gemini"]
READERS = {
    "anthropic": Dialect.ANTHROPIC,
    "openai-responses": Dialect.OPENAI,
    "openai-chat": Dialect.OPENAI,
    "gemini": Dialect.GEMINI,
}
FIELDS = {
    "read": ["file_path"],
    "shell": ["command"],
    "edit": ["file_path", "old_string", "new_string"],
}
NAMES = {"Read": FIELDS["read"], "Bash": FIELDS["shell"], "Edit": FIELDS["edit"]}


def _schema(fields: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in fields}, "required": fields}


def call_of(
    dialect: str, *prompts: str, results: int = 0, stream: bool = False, tools: bool = True
) -> tuple[str, Any]:
    """Path and body of a call whose conversation is the prompts and then so many tool results."""
    declared = NAMES if tools else {}
    match dialect:
        case "anthropic":
            messages: list[Any] = [{"role": "user", "content": prompt} for prompt in prompts]
            for number in range(results):
                use = {"type": "tool_use", "id": f"t{number}", "name": "Read", "input": {}}
                result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": "it says 'hello'"}
                messages += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
            given = [{"name": name, "input_schema": _schema(fields)} for name, fields in declared.items()]
            return "/v1/messages", {"model": MODEL, "messages": messages, "tools": given, "stream": stream}
        case "openai-responses":
            items: list[Any] = [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": prompt}]}
                for prompt in prompts
            ]
            items += [{"type": "function_call_output", "call_id": "c", "output": "'hello'"}] * results
            given = [
                {"type": "function", "name": name, "parameters": _schema(fields)}
                for name, fields in declared.items()
            ]
            return "/v1/responses", {"model": MODEL, "input": items, "tools": given, "stream": stream}
        case "openai-chat":
            messages = [{"role": "user", "content": prompt} for prompt in prompts]
            messages += [{"role": "tool", "tool_call_id": "c", "content": "'hello'"}] * results
            given = [
                {"type": "function", "function": {"name": name, "parameters": _schema(fields)}}
                for name, fields in declared.items()
            ]
            return "/v1/chat/completions", {
                "model": MODEL,
                "messages": messages,
                "tools": given,
                "stream": stream,
            }
        case _:
            contents: list[Any] = [{"role": "user", "parts": [{"text": prompt}]} for prompt in prompts]
            result = {"functionResponse": {"name": "Read", "response": {"output": "'hello'"}}}
            contents += [{"role": "user", "parts": [result]}] * results
            given = [
                {"name": name, "parametersJsonSchema": _schema(fields)} for name, fields in declared.items()
            ]
            verb = "streamGenerateContent" if stream else "generateContent"
            body = {"contents": contents, "tools": [{"functionDeclarations": given}]}
            return f"/v1beta/models/{MODEL}:{verb}", body


@dataclass
class Kit:
    server: ModelServer
    url: str
    client: ClientSession

    async def post(self, path: str, body: Any) -> tuple[int, bytes]:
        async with self.client.post(self.url + path, json=body) as answer:
            return answer.status, await answer.read()

    async def ask(self, dialect: str, *prompts: str, **how: Any) -> tuple[int, bytes]:
        return await self.post(*call_of(dialect, *prompts, **how))

    @property
    def last(self) -> LoggedCall:
        return self.server.log.calls[-1]


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Kit]:
    server = ModelServer(log=CallLog(tmp_path / "calls.jsonl"))
    url = await server.start()
    async with ClientSession() as client:
        yield Kit(server, url, client)
    await server.close()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_tokens_in_the_log_are_those_that_a_client_reads(kit: Kit, dialect: str, stream: bool) -> None:
    """SA-4a: the gateway's reader and the log agree to the token, on the first turn and on later ones."""
    for results in range(2):
        status, body = await kit.ask(dialect, "[[scenario:think]] go", results=results, stream=stream)
        assert status == 200
        reader = UsageReader(TAKES[READERS[dialect]], stream=stream)
        reader.feed(body)
        reading = reader.finish()
        assert reading.usage is not None
        logged = kit.last
        assert (reading.model, logged.model, logged.dialect) == (MODEL, MODEL, dialect)
        assert logged.usage == LoggedUsage.of(reading.usage)
        assert logged.usage.reasoning > 0
        assert (logged.usage.cache_read > 0) == (results > 0)
        assert (logged.outcome, logged.status, logged.stream) == ("answered", 200, stream)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_each_turn_is_told_by_the_results_so_far(kit: Kit, dialect: str) -> None:
    called = []
    for results in range(4):
        await kit.ask(dialect, "[[scenario:edit]]", results=results)
        called.append((kit.last.step, kit.last.calls))
    assert called == [(0, ["Read"]), (1, ["Edit"]), (2, ["Bash"]), (3, [])]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_later_prompt_with_a_marker_begins_its_own_scenario(kit: Kit, dialect: str) -> None:
    status, body = await kit.ask(dialect, "[[scenario:edit]]", "now [[scenario:say]]", results=0)
    assert (status, kit.last.scenario, kit.last.step) == (200, "say", 0)
    assert b"Hello from the scripted model." in body


async def test_steps_can_be_written_into_the_prompt(kit: Kit) -> None:
    steps = [{"calls": [{"shell": {"command": "echo '[[x]]'"}}]}, {"final": "end"}]
    prompt = f"please [[run:seven]] [[steps:{json.dumps(steps)}]] thank you"
    _, body = await kit.ask("anthropic", prompt)
    assert json.loads(body)["content"][0]["input"] == {"command": "echo '[[x]]'"}
    assert (kit.last.scenario, kit.last.run) == ("inline", "seven")


async def test_a_wrong_step_is_refused_with_words_that_help(kit: Kit) -> None:
    status, body = await kit.ask("anthropic", '[[steps:[{"cals": []}]]]')
    assert status == 400
    assert "'cals' is not known; a step has calls" in json.loads(body)["error"]["message"]


async def test_a_prefix_of_the_url_chooses_where_no_marker_does(kit: Kit) -> None:
    path, body = call_of("openai-chat", "hello", tools=False)
    _, answer = await kit.post("/s/say/r/one" + path, body)
    assert json.loads(answer)["choices"][0]["message"]["content"] == "Hello from the scripted model."
    assert (kit.last.scenario, kit.last.run) == ("say", "one")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_error_comes_as_often_as_it_is_to_and_for_each_run_apart(kit: Kit, dialect: str) -> None:
    seen = [
        (await kit.ask(dialect, f"[[run:{run}]] [[scenario:fail-529]]"))[0]
        for run in ("a", "a", "b", "a", "b", "b")
    ]
    busy = 529 if dialect == "anthropic" else 503
    assert seen == [busy, busy, busy, 200, busy, 200]
    assert [call.outcome for call in kit.server.log.calls].count("error") == 4


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_refused_key_and_a_limit_look_as_the_provider_writes_them(kit: Kit, dialect: str) -> None:
    status, body = await kit.ask(dialect, "[[scenario:refused-key]]")
    assert (status, "error" in json.loads(body)) == (401, True)
    async with kit.client.post(
        kit.url + call_of(dialect, "")[0], json=call_of(dialect, "[[scenario:fail-429]]")[1]
    ) as answer:
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")


async def test_a_used_up_quota_says_when_it_opens_again(kit: Kit) -> None:
    from muster.agents.failures import failure_of, reset_in

    status, body = await kit.ask("openai-responses", "[[scenario:quota]]")
    message = json.loads(body)["error"]["message"]
    assert (status, failure_of(message, status)) == (429, "quota_exhausted")
    assert (reset_in(message) or 0) - kit.last.at == pytest.approx(60, abs=2)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_dropped_stream_breaks_in_its_middle(kit: Kit, dialect: str) -> None:
    steps = [{"drop": True, "think": "why", "final": "one two three four five six seven"}]
    with pytest.raises(ClientError):
        await kit.ask(dialect, f"[[steps:{json.dumps(steps)}]]", stream=True)
    assert kit.last.outcome == "dropped"


async def test_a_client_that_gives_up_on_a_hanging_call_ends_it(kit: Kit) -> None:
    asking = asyncio.ensure_future(kit.ask("anthropic", "[[scenario:stall]]", stream=True))
    hanging = asyncio.ensure_future(kit.ask("anthropic", "[[scenario:hang]]"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.gather(asking, hanging), 0.3)
    await eventually(lambda: len(kit.server.log.calls) == 2)
    assert {call.outcome for call in kit.server.log.calls} == {"gone"}
    by_name = {call.scenario: call.usage for call in kit.server.log.calls}
    assert by_name["hang"] == LoggedUsage()
    assert by_name["stall"].input > 0


async def test_titles_and_reviews_are_answered_beside_the_scenario(kit: Kit) -> None:
    path, body = call_of("openai-chat", "Generate a title for this conversation: [[scenario:edit]]")
    _, answer = await kit.post(path, body)
    assert json.loads(answer)["choices"][0]["message"]["content"] == "Scripted title"
    schema = {
        "type": "object",
        "properties": {"verdict": {"enum": ["no", "allow"]}, "count": {"type": "integer"}},
    }
    path, body = call_of("openai-responses", "is it good?")
    body["text"] = {"format": {"type": "json_schema", "schema": schema}}
    _, answer = await kit.post(path, body)
    assert json.loads(json.loads(answer)["output"][0]["content"][0]["text"]) == {
        "verdict": "allow",
        "count": 1,
    }
    assert [call.side for call in kit.server.log.calls] == [True, True]


async def test_other_paths_are_answered_or_refused(kit: Kit) -> None:
    assert (await kit.post("/v1/messages/count_tokens", {"model": MODEL}))[0] == 200
    assert (await kit.post(f"/v1beta/models/{MODEL}:countTokens", {}))[0] == 200
    assert (await kit.post("/v1/pictures", {}))[0] == 404
    async with kit.client.get(kit.url + "/v1/models") as answer:
        assert "claude-sonnet-4-5" in {model["id"] for model in (await answer.json())["data"]}


async def test_many_agents_share_a_server(kit: Kit) -> None:
    asked = [kit.ask("anthropic", f"[[run:{at}]] [[scenario:edit]]", results=at % 4) for at in range(100)]
    assert [status for status, _ in await asyncio.gather(*asked)] == [200] * 100
    assert {call.run: call.step for call in kit.server.log.calls} == {str(at): at % 4 for at in range(100)}


def test_scenarios_of_ones_own_are_read_and_checked() -> None:
    mine = read_scenarios('{"mine": [{"final": "yes"}]}')
    assert mine["mine"].turns[0].final == "yes"
    assert set(SCENARIOS) < set(mine)
    for wrong in ([], [{}], [{"calls": [{"fly": {}}]}], [{"error": {"status": 200}}], "x"):
        with pytest.raises(BadScenario):
            read_scenario("wrong", wrong)
    with pytest.raises(BadScenario, match="not JSON"):
        read_scenarios("{")


async def test_it_runs_as_a_program_and_logs_to_a_file(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    words = [sys.executable, "-m", "muster.testing.model_server", "--port", "0", "--log", str(log)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().split()[-1]
        path, body = call_of("anthropic", "[[scenario:say]]")
        async with ClientSession() as client, client.post(url + path, json=body) as answer:
            assert answer.status == 200
            told = (await answer.json())["usage"]
        program.terminate()
        assert program.wait(10) == 0
    (logged,) = read_log(log)
    assert (logged.scenario, logged.usage.output) == ("say", told["output_tokens"])
