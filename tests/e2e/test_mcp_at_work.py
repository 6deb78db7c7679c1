"""Agents inside a sandbox without a network use muster's tools: their attempt is known, and its token is not theirs."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.e2e.server import KillableServer
from tests.e2e.test_agents import Bench, git
from tests.waiting import eventually

PROGRAM = """
import asyncio, json, os, sys
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

async def main():
    headers = {"Authorization": "Bearer " + os.environ["MUSTER_MCP_TOKEN"]}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        async with Client(streamable_http_client(os.environ["MUSTER_MCP_URL"], http_client=http)) as tools:
            names = sorted(tool.name for tool in (await tools.list_tools()).tools)
            print("tools: " + " ".join(names), flush=True)
            for name, arguments in json.loads(sys.argv[1]):
                answer = await tools.call_tool(name, arguments)
                print(f"{name}: {answer.content[0].text}", flush=True)

asyncio.run(main())
"""


SECONDS = 60
"""Two programs load the protocol's library before anything is asked; on a busy machine that takes its time."""


async def asked_of(bench: Bench) -> Any:
    async def something() -> Any:
        return (await bench.client.get("/approvals"))["items"]

    return (await eventually(something, timeout=SECONDS))[0]


@pytest.fixture
async def bench(server: KillableServer) -> AsyncIterator[Bench]:
    server.arguments = ()
    await server.start()
    made = Bench(server)
    (made.repository / "use_tools.py").write_text(PROGRAM)
    git(made.repository, "add", "-A")
    git(made.repository, "commit", "-qm", "a program that uses the tools")
    yield made
    await made.client.close()


async def submit(bench: Bench, *calls: Any, **fields: Any) -> str:
    command = f"{shlex.quote(sys.executable)} use_tools.py {shlex.quote(json.dumps(calls))}"
    payload = {"mcp": [{"name": "muster"}]} | fields.pop("payload", {})
    return await bench.submit({"run": command}, {"say": "Done."}, payload=payload, **fields)


async def output(bench: Bench, ident: str) -> str:
    results = await bench.entries(ident, "tool_result")
    return "\n".join(str(entry) for entry in results)


async def test_an_agent_asks_files_and_reports_for_its_own_task(bench: Bench) -> None:
    """Issue 3, section 6: for an agent at work the attempt is known; waiting for people is not held against it."""
    ident = await submit(
        bench,
        ("read_task", {}),
        ("heartbeat", {"progress": 0.5}),
        ("report_finding", {"title": "The tests are slow"}),
        ("file_subtask", {"title": "Speed them up"}),
        ("ask_human", {"question": "Which colour?", "wait_seconds": 60}),
        timeout_seconds=40,
    )
    asked = await asked_of(bench)
    assert asked["task_id"] == ident
    await bench.answer(asked["id"], text="green", by="ann")
    task = await bench.ended(ident, timeout=SECONDS)
    said = await output(bench, ident)
    assert task["state"] == "succeeded", (task, said)
    assert "tools: ask_human complete fail file_subtask" in said
    assert '"answer":"green"' in said.replace("\\", "")
    assert (await bench.client.get("/tasks", parent=ident))["items"][0]["title"] == "Speed them up"
    found = (await bench.client.get("/activities", task=ident))["items"]
    assert "The tests are slow" in [entry["title"] for entry in found]


async def test_an_agent_that_gives_up_by_tool_has_failed_with_its_words(bench: Bench) -> None:
    ident = await submit(
        bench, ("fail", {"message": "There is no build here.", "code": "released"}), retry={"max_attempts": 1}
    )
    task = await bench.ended(ident, timeout=SECONDS)
    assert (task["state"], task["attempt"]["error"]) == ("failed", "There is no build here.")
    assert task["attempt"]["code"] == "agent_error"  # a word that does not count would have it tried for ever


async def test_a_result_handed_over_by_tool_is_the_tasks_result(bench: Bench) -> None:
    """SW-4e: it is held against the output schema like any other."""
    schema = {"type": "object", "required": ["answer"], "properties": {"answer": {"type": "integer"}}}
    ident = await submit(
        bench, ("complete", {"output": "Counted.", "result": {"answer": 42}}), output_schema=schema
    )
    task = await bench.ended(ident, timeout=SECONDS)
    assert (task["state"], task["attempt"]["result"]) == ("succeeded", {"answer": 42})


async def test_an_agent_without_the_tools_has_no_door_to_them(bench: Bench) -> None:
    ident = await bench.submit({"run": "env | grep MUSTER_MCP || echo none"}, {"say": "Done."})
    await bench.ended(ident, timeout=SECONDS)
    assert "none" in await output(bench, ident)


async def test_a_token_of_another_attempt_opens_nothing(bench: Bench) -> None:
    """Who has no seat is refused, inside the sandbox too."""
    ask = (
        f'{sys.executable} -c "import os, urllib.request, urllib.error\n'
        "request = urllib.request.Request(os.environ['MUSTER_MCP_URL'], data=b'{}', "
        "headers={'Authorization': 'Bearer wrong'})\n"
        "try: urllib.request.urlopen(request)\n"
        "except urllib.error.HTTPError as error: print('status', error.code)\""
    )
    ident = await bench.submit({"run": ask}, {"say": "Done."}, payload={"mcp": [{"name": "muster"}]})
    await bench.ended(ident, timeout=SECONDS)
    assert "status 401" in await output(bench, ident)


async def test_waiting_by_tool_is_withdrawn_when_the_task_is_cancelled(bench: Bench) -> None:
    ident = await submit(bench, ("ask_human", {"question": "Still wanted?", "wait_seconds": 60}))
    asked = await asked_of(bench)
    await bench.client.post(f"/tasks/{ident}/cancel", {})
    await bench.ended(ident, timeout=SECONDS)

    async def withdrawn() -> bool:
        return (await bench.client.get(f"/approvals/{asked['id']}"))["state"] == "withdrawn"

    await eventually(withdrawn, timeout=SECONDS)
