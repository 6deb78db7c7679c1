"""`muster mcp` and `/mcp` as whole programs: the official client, a server that is killed and started again."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client as McpClient
from mcp.client.stdio import StdioServerParameters

from muster.client.client import Client
from muster.client.errors import ApiError
from muster.client.http import HttpTransport
from tests.e2e.server import KillableServer
from tests.waiting import eventually

TOKEN = "a-token-that-is-long-enough-for-a-test"


async def use(tools: McpClient, name: str, **arguments: Any) -> dict[str, Any]:
    answer = await tools.call_tool(name, arguments)
    text = answer.content[0].text
    assert not answer.is_error, text
    return json.loads(text)


@asynccontextmanager
async def program(server: KillableServer, *arguments: str) -> AsyncIterator[McpClient]:
    """`muster mcp` as a client starts it."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "muster.cli.main", "mcp", "--server", server.url, *arguments],
        env=server.variables,
        cwd=server.folder,
    )
    async with McpClient(command) as tools:
        yield tools


@asynccontextmanager
async def api(server: KillableServer) -> AsyncIterator[Client]:
    client = Client(HttpTransport(server.url, retry_seconds=30), token=TOKEN)
    yield client
    await client.close()


@pytest.fixture
def guarded(server: KillableServer) -> KillableServer:
    server.environ["MUSTER_TOKEN"] = TOKEN
    return server


async def queued(client: Client) -> str:
    task = {"title": "Write the manual", "kind": "prompt", "queue": "inbox"}
    return str((await client.post("/tasks", task))["id"])


async def pending(client: Client) -> dict[str, Any]:
    async def one() -> Any:
        return (await client.get("/approvals"))["items"]

    (found,) = await eventually(one, timeout=40)
    return found


async def test_a_program_holds_its_claim_and_reports_it(guarded: KillableServer) -> None:
    """Issue 3, section 6: the tools over standard input and output, behind the same token as the API."""
    await guarded.start()
    async with api(guarded) as client, program(guarded, "--agent", "ann") as tools:
        task = await queued(client)
        claimed = await use(tools, "claim", wait_seconds=5)
        assert claimed["task"]["task_id"] == task
        assert (await use(tools, "read_task"))["agent_id"] == "ann"
        assert (await use(tools, "complete", output="Written."))["state"] == "succeeded"
        assert (await client.get(f"/tasks/{task}"))["attempt"]["output"] == "Written."


async def test_a_question_outlives_the_server_while_its_agent_waits(guarded: KillableServer) -> None:
    """The agent waits in one call; the server dies and comes back; a person answers; the same call gets the answer."""
    await guarded.start()
    async with program(guarded) as tools, asyncio.TaskGroup() as group:
        async with api(guarded) as client:
            await queued(client)
            await use(tools, "claim", wait_seconds=5)
            waiting = group.create_task(use(tools, "ask_human", question="Which colour?", wait_seconds=60))
            asked = await pending(client)
            guarded.kill()
        assert not waiting.done()
        await guarded.start()
        async with api(guarded) as client:
            await client.post(f"/approvals/{asked['id']}/answer", {"text": "green"})
            told = await waiting
            assert (told["state"], told["answer"], told["approval"]) == ("answered", "green", asked["id"])
            delivered = await client.get(f"/approvals/{asked['id']}")
            assert delivered["delivered_at"] is not None
            assert (await use(tools, "complete", output="Green it is."))["state"] == "succeeded"


async def test_an_answer_given_while_nobody_was_connected_is_found_by_the_same_key(
    guarded: KillableServer,
) -> None:
    """Server and agent die; the answer comes meanwhile; another program goes on with the claim and asks again."""
    await guarded.start()
    async with api(guarded) as client, program(guarded) as tools:
        await queued(client)
        claim = (await use(tools, "claim", wait_seconds=5))["claim"]
        told = await use(tools, "ask_human", question="Which colour?", key="colour", wait_seconds=0)
        assert told["state"] == "pending"
        asked = await pending(client)
    await restarted(guarded)
    async with api(guarded) as client:
        await client.post(f"/approvals/{asked['id']}/answer", {"text": "green"})
    await restarted(guarded)
    guarded.environ["MUSTER_CLAIM"] = claim
    async with program(guarded) as tools:
        told = await use(tools, "ask_human", question="Which colour?", key="colour", wait_seconds=0)
        assert (told["state"], told["answer"]) == ("answered", "green")


async def restarted(server: KillableServer) -> None:
    server.kill()
    await server.start()


async def test_leave_is_waited_for_over_a_killed_server(guarded: KillableServer) -> None:
    """Agents that cannot ask get the same durable approval by the permission prompt."""
    await guarded.start()
    async with program(guarded) as tools, asyncio.TaskGroup() as group:
        async with api(guarded) as client:
            await queued(client)
            await use(tools, "claim", wait_seconds=5)
            wanted = {"tool_name": "Bash", "input": {"command": "make deploy"}, "tool_use_id": "toolu_1"}
            waiting = group.create_task(use(tools, "permission_prompt", **wanted))
            asked = await pending(client)
        await restarted(guarded)
        async with api(guarded) as client:
            answer = {"verdict": "allow", "seen": asked["digest"]}
            await client.post(f"/approvals/{asked['id']}/answer", answer)
            assert await waiting == {"behavior": "allow", "updatedInput": {"command": "make deploy"}}


async def test_without_the_token_nothing_is_done(guarded: KillableServer) -> None:
    """The tools take the same token as the API."""
    await guarded.start()
    client = Client(HttpTransport(guarded.url))
    with pytest.raises(ApiError) as refused:
        await client.post("//mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert refused.value.status == 401
    await client.close()
