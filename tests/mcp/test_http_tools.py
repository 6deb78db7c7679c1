"""muster's tools at `/mcp` with the official client, on both databases."""

from __future__ import annotations

import asyncio

import aiohttp
from mcp import Client as McpClient

from tests.mcp.conftest import Place, refusal, use
from tests.waiting import eventually

NAMES = {
    "claim",
    "complete",
    "fail",
    "heartbeat",
    "ask_human",
    "report_finding",
    "file_subtask",
    "read_task",
    "permission_prompt",
}


async def test_a_task_is_claimed_worked_on_and_completed(place: Place) -> None:
    """Issue 3, section 6: claim, heartbeat, complete for any MCP client."""
    task = await place.task()
    async with McpClient(place.tools_url) as tools:
        assert {tool.name for tool in (await tools.list_tools()).tools} == NAMES
        claimed = await use(tools, "claim", agent="ann")
        assert claimed["task"]["task_id"] == task
        assert claimed["task"]["description"] == "All of it."
        assert "token" not in claimed["task"]
        claim = claimed["claim"]
        beat = await use(tools, "heartbeat", claim=claim, progress=0.5, message="half of it")
        assert beat["lease_expires_at"].endswith("Z")
        done = await use(tools, "complete", claim=claim, output="Written.", cost_usd=0.25)
    assert done == {"task": task, "state": "succeeded"}
    shown = await place.client.get(f"/tasks/{task}")
    assert (shown["state"], shown["agent_id"], shown["attempt"]["output"]) == ("succeeded", "ann", "Written.")


async def test_a_claimer_of_one_kind_gets_nothing_of_another_and_is_told_why(place: Place) -> None:
    async with McpClient(place.tools_url) as tools:
        nothing = await use(tools, "claim", queue="inbox")
        assert nothing["claim"] is None
        assert nothing["reason"]


async def test_an_answer_reaches_the_agent_that_waits_for_it(place: Place) -> None:
    """SW-1a: a question is a row that a person answers."""
    await place.task()
    async with McpClient(place.tools_url) as tools, asyncio.TaskGroup() as group:
        claim = (await use(tools, "claim"))["claim"]
        ask = {"question": "Which colour?", "options": ["red", "green"], "claim": claim, "wait_seconds": 30}
        waiting = group.create_task(use(tools, "ask_human", **ask))
        asked = await place.pending()
        assert (asked["kind"], asked["title"]) == ("question", "Which colour?")
        assert [option["label"] for option in asked["document"]["options"]] == ["red", "green"]
        await place.client.post(f"/approvals/{asked['id']}/answer", {"option": "green", "by": "ann"})
        told = await waiting
    assert (told["state"], told["answer"], told["option"]) == ("answered", "green", "green")
    assert (await place.client.get(f"/approvals/{asked['id']}"))["delivered_at"] is not None


async def test_a_question_asked_again_is_the_same_one_and_its_answer_is_kept(place: Place) -> None:
    """An answer is never lost: not when nobody waits, and not when it is asked for twice."""
    await place.task()
    async with McpClient(place.tools_url) as tools:
        claim = (await use(tools, "claim"))["claim"]
        ask = {"question": "May I drop the table?", "claim": claim, "wait_seconds": 0}
        first = await use(tools, "ask_human", **ask)
        assert first["state"] == "pending"
        assert "same key" in first["note"]
    asked = await place.pending()
    await place.client.post(f"/approvals/{asked['id']}/answer", {"text": "Only the test table."})
    async with McpClient(place.tools_url) as tools:
        by_key = await use(tools, "ask_human", **{**ask, "question": "May I?", "key": first["key"]})
        by_words = await use(tools, "ask_human", **ask)
    assert by_key == by_words
    assert by_words["answer"] == "Only the test table."
    assert by_words["approval"] == asked["id"]


async def test_a_question_that_nobody_answers_is_told_as_expired(place: Place) -> None:
    """Expired is said as expired, never as rejected."""
    await place.task()
    async with McpClient(place.tools_url) as tools, asyncio.TaskGroup() as group:
        claim = (await use(tools, "claim"))["claim"]
        ask = {"question": "Anybody?", "claim": claim, "expires_in_seconds": 0.05, "wait_seconds": 30}
        waiting = group.create_task(use(tools, "ask_human", **ask))
        await place.pending()
        await eventually(place.patrolled)
        told = await waiting
    assert told["state"] == "expired"
    assert "expired" in told["note"]
    assert "answer" not in told


async def test_leave_is_asked_for_in_the_words_of_claude_code(place: Place) -> None:
    """SW-1a: Claude Code's permission prompt becomes the same durable approval."""
    await place.task()
    async with McpClient(place.tools_url) as tools, asyncio.TaskGroup() as group:
        claim = (await use(tools, "claim"))["claim"]
        bash = {"tool_name": "Bash", "input": {"command": "rm -rf build"}, "claim": claim}
        waiting = group.create_task(use(tools, "permission_prompt", **bash, tool_use_id="toolu_1"))
        asked = await place.pending()
        assert (asked["kind"], asked["document"]["command"]) == ("permission", "rm -rf build")
        answer = {"verdict": "allow", "seen": asked["digest"]}
        await place.client.post(f"/approvals/{asked['id']}/answer", answer)
        assert await waiting == {"behavior": "allow", "updatedInput": {"command": "rm -rf build"}}
        again = group.create_task(use(tools, "permission_prompt", **bash, tool_use_id="toolu_2"))
        second = await place.pending()
        await place.client.post(f"/approvals/{second['id']}/answer", {"verdict": "deny", "text": "Keep it."})
        assert await again == {"behavior": "deny", "message": "Keep it."}
        assert await use(tools, "permission_prompt", **bash, tool_use_id="toolu_1") == waiting.result()


async def test_findings_and_subtasks_are_filed_below_the_task_in_hand(place: Place) -> None:
    task = await place.task()
    async with McpClient(place.tools_url) as tools:
        claim = (await use(tools, "claim", agent="ann"))["claim"]
        await use(
            tools,
            "report_finding",
            title="The parser drops the last line",
            severity="high",
            file="src/parse.py",
            line=17,
            text="Seen with an empty file.",
            claim=claim,
        )
        filed = [
            await use(tools, "file_subtask", title="Mend the parser", key="parser", claim=claim)
            for _ in range(2)
        ]
        read = await use(tools, "read_task", task=filed[0]["task"])
        own = await use(tools, "read_task", claim=claim)
    assert filed[0] == filed[1]
    assert (read["title"], read["parent_id"]) == ("Mend the parser", task)
    assert own["id"] == task
    found = (await place.client.get("/activities", task=task))["items"]
    finding = next(entry for entry in found if entry["type"] == "finding")
    assert finding["title"] == "The parser drops the last line"
    assert finding["description"] == "severity: high\nat: src/parse.py:17\n\nSeen with an empty file."
    assert finding["agent_id"] == "ann"


async def test_a_cancelled_task_is_told_of_by_the_next_heartbeat(place: Place) -> None:
    task = await place.task()
    async with McpClient(place.tools_url) as tools:
        claim = (await use(tools, "claim"))["claim"]
        await place.client.post(f"/tasks/{task}/cancel", {})
        beat = await use(tools, "heartbeat", claim=claim)
        assert beat["stop"] is True
        assert "not yours" in await refusal(tools, "complete", claim=claim, output="done")


async def test_people_are_heard_on_the_heartbeat_until_it_is_acknowledged(place: Place) -> None:
    task = await place.task()
    async with McpClient(place.tools_url) as tools:
        claim = (await use(tools, "claim"))["claim"]
        await place.client.post(f"/tasks/{task}/messages", {"text": "Use tabs."})
        first = await use(tools, "heartbeat", claim=claim)
        again = await use(tools, "heartbeat", claim=claim)
        assert first["words"] == again["words"]
        (word,) = first["words"]
        assert (word["kind"], word["text"]) == ("say", "Use tabs.")
        assert "words" not in await use(tools, "heartbeat", claim=claim, delivered=[word["id"]])


async def test_what_is_wrong_is_said_to_the_model(place: Place) -> None:
    async with McpClient(place.tools_url) as tools:
        assert "claim" in await refusal(tools, "complete", output="done")
        assert "`question`" in await refusal(tools, "ask_human", key="k")
        assert "colour" in await refusal(tools, "claim", colour="red")
        assert "no tool" in await refusal(tools, "paint")
        assert "`claim`" in await refusal(tools, "heartbeat", claim="att_1")
        lost = f"att_{'0' * 13}:5f:tsk_{'0' * 13}"
        assert "not yours" in await refusal(tools, "heartbeat", claim=lost)


async def test_a_claim_may_come_in_a_header_and_then_is_not_asked_for(place: Place) -> None:
    await place.task()
    async with McpClient(place.tools_url) as tools:
        claim = (await use(tools, "claim"))["claim"]
    headers = {"x-muster-claim": claim, "x-muster-wait": "0"}
    async with place.tools_with(headers) as tools:
        assert (await use(tools, "ask_human", question="Now?"))["state"] == "pending"
        assert "already" in await refusal(tools, "claim")
        assert (await use(tools, "complete", output="done"))["state"] == "succeeded"


async def test_there_is_nothing_but_post(place: Place) -> None:
    """No sessions: whatever a server forgets when it is restarted is not there in the first place."""
    async with aiohttp.ClientSession() as session:
        for method in ("GET", "DELETE"):
            async with session.request(method, place.tools_url) as answer:
                assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_pages_of_other_sites_and_other_host_names_are_refused(place: Place) -> None:
    """The tools stand behind the same guards as the API (OD-51)."""
    async with aiohttp.ClientSession() as session:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        for header in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
            async with session.post(place.tools_url, json=body, headers=header) as answer:
                assert answer.status == 403


async def test_waiting_ends_when_the_server_stops_and_nothing_is_lost(place: Place) -> None:
    await place.task()
    async with McpClient(place.tools_url) as tools, asyncio.TaskGroup() as group:
        claim = (await use(tools, "claim"))["claim"]
        waiting = group.create_task(
            use(tools, "ask_human", question="Still there?", claim=claim, wait_seconds=60)
        )
        await place.pending()
        place.app.services.drain.start()
        assert (await waiting)["state"] == "pending"
