"""The Swarm contract, as far as tickets, projects and workers go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.asgi import Api, Reply

TICKET = {
    "id",
    "project_id",
    "title",
    "description",
    "state",
    "priority",
    "depends_on",
    "acceptance_criteria",
    "estimated_scope",
    "files_hint",
    "assignee_id",
    "branch",
    "pr_url",
    "attempts",
    "waiting_reason",
    "created_at",
    "updated_at",
}
ERROR = {"code", "message", "details", "request_id", "timestamp"}


async def ticket(api: Api, title: str = "work", **more: Any) -> dict[str, Any]:
    reply = await api.post("/api/tickets", {"title": title, **more})
    assert reply.status == 201, reply.json
    return reply.json


async def shown(api: Api, one: dict[str, Any]) -> dict[str, Any]:
    reply = await api.get(f"/api/tickets/{one['id']}")
    assert reply.status == 200, reply.json
    return reply.json


async def listed(api: Api, query: str = "") -> list[str]:
    reply = await api.get(f"/api/tickets?{query}")
    assert reply.status == 200, reply.json
    return [one["title"] for one in reply.json["tickets"]]


async def claim(api: Api, agent: str = "ann", **more: Any) -> dict[str, Any]:
    reply = await api.post("/claim", {"agent_id": agent, **more})
    assert reply.status == 200, reply.json
    return reply.json["ticket"]


async def complete(
    api: Api, one: dict[str, Any], status: str = "done", agent: str = "ann", **more: Any
) -> Reply:
    return await api.post("/complete", {"agent_id": agent, "ticket_id": one["id"], "status": status, **more})


async def beat(api: Api, one: dict[str, Any], agent: str = "ann", **more: Any) -> Reply:
    call = {"agent_id": agent, "ticket_id": one["id"], "lease_token": one["lease_token"]}
    return await api.post("/heartbeat", call | more)


def refused(reply: Reply, status: int) -> None:
    assert reply.status == status, reply.body
    assert set(reply.json) == ERROR


class TestWorkers:
    async def test_health_tells_what_the_contract_promises(self, api: Api) -> None:
        """SW-10"""
        await ticket(api)
        health = (await api.get("/health")).json
        assert set(health) >= {"status", "version", "uptime_seconds", "database", "queue_depth"}
        assert health["queue_depth"] == 1

    async def test_a_claimed_ticket_carries_its_lease_token_to_its_claimer_alone(self, api: Api) -> None:
        """SW-10"""
        made = await ticket(api, description="d", acceptance_criteria=["it works"], files_hint=["a.py"])
        claimed = await claim(api, vm_id="vm-1")
        assert set(claimed) >= TICKET | {"lease_token"}
        assert (claimed["id"], claimed["state"], claimed["assignee_id"]) == (made["id"], "in_progress", "ann")
        assert (claimed["acceptance_criteria"], claimed["files_hint"]) == (["it works"], ["a.py"])
        assert claimed["lease_token"]
        assert "lease_token" not in await shown(api, made)

    async def test_nothing_ready_is_204_without_a_body(self, api: Api) -> None:
        """SW-10"""
        reply = await api.post("/claim", {"agent_id": "ann"})
        assert (reply.status, reply.body) == (204, b"")

    async def test_a_hundred_agents_get_different_tickets(self, api: Api) -> None:
        """SW-10, MC-2"""
        await asyncio.gather(*(ticket(api, f"t{number}") for number in range(100)))
        claimed = await asyncio.gather(*(claim(api, f"a{number}") for number in range(100)))
        assert len({one["id"] for one in claimed}) == 100

    async def test_a_claim_keeps_to_its_project(self, api: Api) -> None:
        """SW-10"""
        project = (await api.post("/api/projects", {"name": "other"})).json
        await ticket(api, "a")
        await ticket(api, "b", project_id=project["id"])
        assert (await claim(api, project_id=project["id"]))["title"] == "b"
        assert (await api.post("/claim", {"agent_id": "bob", "project_id": "other"})).status == 204
        refused(await api.post("/claim", {"agent_id": "bob", "project_id": "ghost"}), 404)

    async def test_a_heartbeat_brings_the_word_to_stop(self, api: Api) -> None:
        """OD-2, SW-10"""
        made = await ticket(api)
        claimed = await claim(api)
        reply = await beat(api, claimed, progress=0.5, message="half")
        assert (reply.status, reply.json) == (200, {"directives": []})
        cancelled = await api.post(f"/api/tickets/{made['id']}/cancel", {"reason": "no need"})
        assert cancelled.json["state"] == "cancelled"
        assert (await beat(api, claimed)).json == {"directives": ["cancel"]}
        refused(await complete(api, claimed, output="late"), 409)

    async def test_a_heartbeat_without_the_lease_is_409(self, api: Api) -> None:
        """SW-10"""
        await ticket(api)
        claimed = await claim(api)
        refused(await beat(api, claimed, lease_token="1"), 409)
        refused(await beat(api, claimed, lease_token="no number"), 409)
        refused(await beat(api, claimed, agent="bob"), 409)
        await complete(api, claimed)
        refused(await beat(api, claimed), 409)
        refused(await beat(api, claimed | {"id": "tsk_0000000000001"}), 404)

    async def test_done_keeps_branch_and_cost_and_counts_once(self, api: Api) -> None:
        """SW-10, MC-3"""
        project = (await api.post("/api/projects", {"name": "other", "budget_usd": 5})).json
        await ticket(api, project_id=project["id"])
        claimed = await claim(api)
        word = {"output": "o", "branch": "b", "commit": "c", "pr_url": "https://example.com/1"}
        more = {"cost_usd": 0.5, "tokens": {"input": 10, "output": 5}, "lease_token": claimed["lease_token"]}
        replies = [await complete(api, claimed, **word, **more) for _ in range(2)]
        assert [reply.status for reply in replies] == [200, 200]
        done = replies[1].json["ticket"]
        assert {name: done[name] for name in word} == word
        assert (done["state"], done["cost_usd"], done["lease_token"]) == ("done", 0.5, None)
        assert (await api.get(f"/api/projects/{project['id']}")).json["spent_usd"] == 0.5
        agent = (await api.get("/api/v1/agents/ann")).json
        assert agent["tokens_used"] == 15

    async def test_a_failed_ticket_is_tried_again_after_a_while(self, api: Api) -> None:
        """SW-4b"""
        await ticket(api)
        claimed = await claim(api)
        reply = await complete(api, claimed, "failed", error="e", tokens=7)
        failed = reply.json["ticket"]
        assert (failed["state"], failed["error"], failed["attempts"]) == ("ready", "e", 1)
        assert failed["waiting_reason"]
        assert (await api.post("/claim", {"agent_id": "bob"})).status == 204

    async def test_what_is_not_this_agents_cannot_be_completed(self, api: Api) -> None:
        """SW-10"""
        made = await ticket(api)
        refused(await complete(api, made), 409)
        claimed = await claim(api)
        refused(await complete(api, claimed, agent="bob"), 409)
        refused(await complete(api, claimed, lease_token="1"), 409)
        refused(await complete(api, claimed, "lost"), 422)
        refused(await complete(api, claimed, cost_usd=-1), 422)
        assert (await shown(api, made))["state"] == "in_progress"


class TestTickets:
    async def test_a_ticket_waits_for_what_it_depends_on_and_says_so(self, api: Api) -> None:
        """SW-4a"""
        first = await ticket(api, "first")
        second = await ticket(api, "second", depends_on=[first["id"]])
        assert (second["state"], second["depends_on"]) == ("ready", [first["id"]])
        assert first["id"] in second["waiting_reason"]
        await complete(api, await claim(api))
        assert (await claim(api))["title"] == "second"

    async def test_a_cycle_is_refused_and_named(self, api: Api) -> None:
        """SW-4a"""
        first = await ticket(api, "first")
        second = await ticket(api, "second", depends_on=[first["id"]])
        reply = await api.patch(f"/api/tickets/{first['id']}", {"depends_on": [second["id"]]})
        refused(reply, 422)
        assert (reply.json["code"], first["id"] in reply.json["message"]) == ("dependency_cycle", True)
        assert (await shown(api, first))["depends_on"] == []

    async def test_lists_narrow_by_project_state_and_assignee(self, api: Api) -> None:
        """SW-10"""
        await api.post("/api/projects", {"name": "other"})
        await ticket(api, "plain")
        await ticket(api, "mine", assignee_id="ann")
        await ticket(api, "there", project_id="other")
        assert await listed(api) == ["there", "mine", "plain"]
        assert await listed(api, "project_id=other") == ["there"]
        assert await listed(api, "state=assigned") == ["mine"]
        assert await listed(api, "state=ready") == ["there", "plain"]
        assert await listed(api, "assignee_id=ann") == ["mine"]
        assert await listed(api, "state=in_review") == []
        page = (await api.get("/api/tickets?limit=2")).json
        assert await listed(api, f"limit=2&cursor={page['next_cursor']}") == ["plain"]
        refused(await api.get("/api/tickets?state=odd"), 422)

    async def test_a_ticket_is_changed(self, api: Api) -> None:
        """SW-10"""
        made = await ticket(api, estimated_scope="S", files_hint=["a"])
        changes = {"title": "n", "priority": "urgent", "acceptance_criteria": ["x"], "assignee_id": "ann"}
        reply = await api.patch(f"/api/tickets/{made['id']}", changes | {"estimated_scope": None})
        assert {name: reply.json[name] for name in changes} == changes
        assert (reply.json["state"], reply.json["estimated_scope"]) == ("assigned", None)
        assert reply.json["files_hint"] == ["a"]
        refused(await api.patch(f"/api/tickets/{made['id']}", {"title": None}), 422)

    async def test_retry_brings_a_finished_ticket_back(self, api: Api) -> None:
        """SW-4b"""
        made = await ticket(api)
        refused(await api.post(f"/api/tickets/{made['id']}/retry"), 409)
        assert (await api.post(f"/api/tickets/{made['id']}/cancel")).json["state"] == "cancelled"
        assert (await api.post(f"/api/tickets/{made['id']}/retry")).json["state"] == "ready"

    async def test_the_events_are_the_history_in_order(self, api: Api) -> None:
        """SW-4a"""
        made = await ticket(api)
        await complete(api, await claim(api))
        path = f"/api/tickets/{made['id']}/events"
        events = (await api.get(path)).json["events"]
        assert [one["type"] for one in events] == ["task.submitted", "attempt.started", "attempt.succeeded"]
        assert [one["agent_id"] for one in events] == [None, "ann", "ann"]
        page = (await api.get(f"{path}?limit=2")).json
        rest = (await api.get(f"{path}?cursor={page['next_cursor']}")).json["events"]
        assert page["events"] + rest == events
        refused(await api.get("/api/tickets/tsk_0000000000001/events"), 404)

    @pytest.mark.parametrize(
        "wrong", [{"title": ""}, {"priority": "odd"}, {"depends_on": "x"}, {"x": 1}, {"files_hint": [1]}]
    )
    async def test_wrong_input_writes_nothing(self, api: Api, wrong: dict[str, Any]) -> None:
        """OD-42"""
        refused(await api.post("/api/tickets", {"title": "t"} | wrong), 422)
        refused(await api.post("/api/tickets", {"title": "t", "depends_on": ["tsk_0000000000001"]}), 404)
        assert await listed(api) == []


class TestProjects:
    async def test_a_project_is_made_changed_and_deleted(self, api: Api) -> None:
        """SW-10"""
        given = {"name": "web", "repo_url": "https://example.com/r.git", "default_branch": "main"}
        reply = await api.post("/api/projects", given | {"budget_usd": 3})
        assert reply.status == 201
        made = reply.json
        assert {name: made[name] for name in given} == given
        assert (await api.get("/api/projects/web")).json == made
        changed = await api.patch(f"/api/projects/{made['id']}", {"status": "paused", "budget_usd": None})
        assert (changed.json["status"], changed.json["budget_usd"]) == ("paused", None)
        assert "web" in [one["name"] for one in (await api.get("/api/projects")).json["projects"]]
        await ticket(api, project_id="web")
        refused(await api.delete(f"/api/projects/{made['id']}"), 409)
        empty = (await api.post("/api/projects", {"name": "empty"})).json
        assert (await api.delete(f"/api/projects/{empty['id']}")).status == 200
        refused(await api.get(f"/api/projects/{empty['id']}"), 404)

    @pytest.mark.parametrize("path", ["/api/secrets", "/api/auth/me"])
    async def test_what_comes_later_is_not_there_yet(self, api: Api, path: str) -> None:
        """SW-10"""
        refused(await api.get(path), 404)
