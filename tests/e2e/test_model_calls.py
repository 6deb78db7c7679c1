"""Tasks that need no agent's program: calls of models, HTTP operations and plain command lines (SW-4f, SA-4a)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from muster.client.client import Client
from muster.client.http import HttpTransport
from tests.agents.model_double import ModelDouble
from tests.e2e.server import KillableServer
from tests.waiting import eventually

KEY = "sk-very-secret-key"
TEXT = "The answer is 42."


class Desk:
    """A server with its worker, and a client."""

    def __init__(self, server: KillableServer) -> None:
        self.client = Client(HttpTransport(server.url, retry_seconds=30))

    async def run(self, kind: str, payload: dict[str, Any], **fields: Any) -> Any:
        """Submit a task and wait for its end."""
        body = {"title": "A task", "kind": kind, "payload": payload, "retry": {"max_attempts": 1}} | fields
        ident = (await self.client.post("/tasks", body))["id"]

        async def is_over() -> bool:
            return (await self.client.get(f"/tasks/{ident}"))["state"] in ("succeeded", "failed")

        await eventually(is_over, timeout=30)
        return await self.client.get(f"/tasks/{ident}")

    async def attempt(self, task: Any) -> Any:
        return (await self.client.get(f"/tasks/{task['id']}/attempts"))["items"][0]

    async def entries(self, task: Any, kind: str) -> list[Any]:
        page = await self.client.get(f"/tasks/{task['id']}/conversation", limit=1000)
        found = [item.get("entry", item) for item in page["items"]]
        return [entry for entry in found if entry["kind"] == kind]


@pytest.fixture
async def model() -> AsyncIterator[ModelDouble]:
    async with ModelDouble().served() as served:
        yield served


@pytest.fixture
async def desk(server: KillableServer, model: ModelDouble) -> AsyncIterator[Desk]:
    server.arguments = ()
    server.environ |= {
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": KEY,
        "OPENAI_BASE_URL": f"{model.url}/v1",
        "OPENAI_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": model.url,
        "GEMINI_API_KEY": KEY,
    }
    await server.start()
    made = Desk(server)
    yield made
    await made.client.close()


async def test_a_task_of_kind_llm_calls_the_model_through_the_gateway(
    server: KillableServer, desk: Desk, model: ModelDouble
) -> None:
    """SA-4a: text is told while it comes; tokens equal the provider's; the key is in no file and no prompt."""
    task = await desk.run(
        "llm",
        {
            "model": "claude-sonnet-4-5",
            "instructions": "Be brief.",
            "agent_options": {"parameters": {"temperature": 0}},
        },
        description="What is the answer?",
    )
    assert (task["state"], task["output"]) == ("succeeded", TEXT)
    asked = model.asked[0]
    assert asked["messages"] == [{"role": "user", "content": "What is the answer?"}]
    assert (asked["system"], asked["temperature"], asked["stream"]) == ("Be brief.", 0, True)
    assert "tools" not in asked
    assert model.headers[0]["x-api-key"] == KEY
    attempt = await desk.attempt(task)
    assert (attempt["input_tokens"], attempt["output_tokens"], attempt["cache_read_tokens"]) == (100, 7, 30)
    calls = (await desk.client.get(f"/tasks/{task['id']}/calls"))["items"]
    assert [(call["provider"], call["pricing"]) for call in calls] == [("anthropic", "priced")]
    assert attempt["cost_usd"] == pytest.approx(sum(call["cost_usd"] for call in calls))
    said = await desk.entries(task, "message")
    assert "".join(entry["text"] for entry in said if entry.get("role", "agent") == "agent") == TEXT
    assert [entry["text"] for entry in await desk.entries(task, "thinking") if entry["text"]] == ["Hm."]
    told = (await desk.entries(task, "usage"))[0]["usage"]
    assert (told["input"], told["output"], told["cache_read"]) == (100, 7, 30)
    server.stop()
    for path in (server.folder / "data").rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("name", "path", "header"),
    [
        ("local-model", "/v1/chat/completions", "Authorization"),
        ("gemini-2.5-pro", "/v1beta/models/gemini-2.5-pro:streamGenerateContent", "x-goog-api-key"),
    ],
)
async def test_the_other_dialects_are_chosen_by_the_models_name(
    desk: Desk, model: ModelDouble, name: str, path: str, header: str
) -> None:
    """SA-4a"""
    task = await desk.run("llm", {"model": name, "prompt": "What is the answer?"})
    assert (task["state"], task["output"]) == ("succeeded", TEXT)
    assert model.asked[0]["path"] == path
    assert model.headers[0][header].endswith(KEY)
    attempt = await desk.attempt(task)
    assert (attempt["input_tokens"], attempt["output_tokens"], attempt["cache_read_tokens"]) == (100, 7, 30)


async def test_a_used_up_quota_moves_the_task_to_its_fallback_at_once(desk: Desk, model: ModelDouble) -> None:
    """SW-4d: it does not wait for the reset, and no attempt is burned."""
    opens = round(time.time()) + 3_600
    used_up = {"error": {"type": "insufficient_quota", "message": f"usage limit (resets_at={opens})"}}
    model.fail.append((429, used_up, {}))
    task = await desk.run(
        "llm",
        {"model": "claude-sonnet-4-5", "prompt": "n?", "fallbacks": [{"model": "local-model"}]},
        retry={"max_attempts": 1, "base_seconds": 0},
    )
    assert (task["state"], task["output"]) == ("succeeded", TEXT)
    assert [asked["model"] for asked in model.asked] == ["claude-sonnet-4-5", "local-model"]
    attempts = (await desk.client.get(f"/tasks/{task['id']}/attempts"))["items"]
    assert [attempt["code"] for attempt in attempts] == ["quota_exhausted", None]
    assert attempts[-1]["run"]["model"] == "local-model"


async def test_a_model_call_without_a_model_says_what_is_missing(desk: Desk) -> None:
    """SW-4j"""
    task = await desk.run("llm", {"prompt": "hello"})
    attempt = await desk.attempt(task)
    assert (task["state"], attempt["code"]) == ("failed", "bad_payload")
    assert "payload.model: must name the model to call" in attempt["error"]


async def test_an_answer_by_schema_is_checked(desk: Desk, model: ModelDouble) -> None:
    """SW-4e"""
    model.words = ['{"n": ', "42}"]
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    task = await desk.run("llm", {"model": "local", "prompt": "n?"}, output_schema=schema)
    attempt = await desk.attempt(task)
    assert (task["state"], attempt["result"]) == ("succeeded", {"n": 42})


async def test_an_http_operation_is_polled_until_it_is_done(desk: Desk) -> None:
    """SW-4f: the answer is the result, and the conversation shows each request without its secrets."""
    states = iter(["queued", "running", "done"])
    seen: list[tuple[str, str, str]] = []

    async def start(request: web.Request) -> web.Response:
        seen.append((request.method, request.path, request.headers["Authorization"]))
        return web.json_response({"id": 7, "echo": await request.json()}, status=202)

    async def look(request: web.Request) -> web.Response:
        seen.append((request.method, request.path, request.headers["Authorization"]))
        return web.json_response({"status": next(states), "out": {"text": "all well"}})

    app = web.Application()
    app.router.add_post("/jobs", start)
    app.router.add_get("/jobs/7", look)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    options = {
        "url": f"{url}/jobs",
        "headers": {"Authorization": "Bearer {env:JOB_TOKEN}"},
        "body": {"text": "{prompt}"},
        "result": "/out/text",
        "poll": {"url": "/jobs/{/id}", "every_seconds": 0.1, "field": "/status", "done": ["done"]},
    }
    payload = {"agent": "http", "prompt": "go", "agent_options": options, "env": {"JOB_TOKEN": "t-1618"}}
    task = await desk.run("prompt", payload, network=True)
    await runner.cleanup()
    assert (task["state"], task["output"]) == ("succeeded", "all well")
    assert seen == [("POST", "/jobs", "Bearer t-1618"), *[("GET", "/jobs/7", "Bearer t-1618")] * 3]
    calls = await desk.entries(task, "tool_call")
    assert calls[0]["input"]["body"] == {"text": "go"}
    assert "t-1618" not in str(calls)


async def test_a_plain_command_line_is_an_agent(desk: Desk) -> None:
    """SW-4f: what it prints is its text, its exit status the verdict."""
    program = ["sh", "-c", 'echo "I was asked: $1"; echo; echo done', "sh", "{prompt}"]
    task = await desk.run(
        "prompt", {"agent": "plain", "prompt": "tidy up", "agent_options": {"program": program}}
    )
    assert (task["state"], task["output"]) == ("succeeded", "I was asked: tidy up\n\ndone")
    program = ["sh", "-c", "echo no luck >&2; exit 3"]
    task = await desk.run("prompt", {"agent": "plain", "prompt": "x", "agent_options": {"program": program}})
    attempt = await desk.attempt(task)
    assert (task["state"], attempt["code"]) == ("failed", "exit_nonzero")
    assert "no luck" in attempt["error"]


LOOP = """
import os, time, urllib.request
while True:
    try:
        urllib.request.urlopen(os.environ["OPENAI_BASE_URL"] + "/chat/completions", b"{}")
    except OSError:
        time.sleep(0.1)
"""


async def test_an_agent_that_is_silent_while_its_provider_refuses_waits_for_the_provider(
    desk: Desk, model: ModelDouble
) -> None:
    """SW-4d: OpenCode and Qwen Code tell nothing of their retries; the gateway knows."""
    model.fail += [(503, {"error": {"message": "overloaded"}}, {})] * 1000
    payload = {"agent": "plain", "prompt": "x", "agent_options": {"program": ["python3", "-c", LOOP]}}
    body = {"title": "A task", "kind": "prompt", "payload": payload, "timeout_seconds": 2}
    ident = (await desk.client.post("/tasks", body))["id"]

    async def has_failed() -> bool:
        attempts = (await desk.client.get(f"/tasks/{ident}/attempts"))["items"]
        return bool(attempts) and attempts[-1]["state"] == "failed"

    await eventually(has_failed, timeout=30)
    attempt = (await desk.client.get(f"/tasks/{ident}/attempts"))["items"][-1]
    assert attempt["code"] == "provider_unavailable"
    assert "openai answered 503" in attempt["error"]
