"""The Mission Control contract, line by line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from muster.commands.leases import StaleRules, patrol
from muster.store.database import Store
from tests.api.asgi import Api, Reply

TASK_FIELDS = {
    "id",
    "title",
    "description",
    "status",
    "priority",
    "estimatedCost",
    "actualCost",
    "tags",
    "output",
    "error",
    "assignedTo",
    "ventureId",
    "createdAt",
    "updatedAt",
    "completedAt",
    "venture",
}
ERROR = {"code", "message", "details", "request_id", "timestamp"}


async def venture(api: Api, name: str = "Website", **more: Any) -> dict[str, Any]:
    reply = await api.post("/api/ventures", {"name": name, **more})
    assert reply.status == 201, reply.json
    return reply.json


async def task(api: Api, owner: dict[str, Any], title: str = "work", **more: Any) -> dict[str, Any]:
    reply = await api.post("/api/tasks", {"title": title, "ventureId": owner["id"], **more})
    assert reply.status == 201, reply.json
    return reply.json


async def claim(api: Api, agent: str = "ann") -> dict[str, Any]:
    reply = await api.post("/api/tasks/claim", {"agentId": agent})
    assert reply.status == 200, reply.json
    return reply.json


async def complete(api: Api, claimed: dict[str, Any], agent: str = "ann", **more: Any) -> Reply:
    return await api.post("/api/tasks/complete", {"taskId": claimed["id"], "agentId": agent, **more})


async def patch(api: Api, subject: dict[str, Any], **changes: Any) -> Reply:
    return await api.patch("/api/tasks", {"id": subject["id"], **changes})


async def listed(api: Api, query: str = "") -> list[dict[str, Any]]:
    reply = await api.get(f"/api/tasks?{query}")
    assert reply.status == 200, reply.json
    return reply.json


async def spent(api: Api) -> float:
    (one,) = [item for item in (await api.get("/api/ventures")).json if item["name"] == "Website"]
    return one["capitalSpent"]


def refused(reply: Reply, status: int) -> None:
    assert reply.status == status, reply.body
    assert set(reply.json) == ERROR


class TestVentures:
    async def test_a_venture_is_made_listed_changed_and_deleted(self, api: Api) -> None:
        """MC-1, MC-10"""
        made = await venture(api, icon="W", priority="high", capitalBudget=20, description="d")
        assert (made["status"], made["capitalSpent"], made["capitalBudget"]) == ("active", 0, 20)
        assert made in (await api.get("/api/ventures")).json
        changed = await api.patch("/api/ventures", {"id": made["id"], "status": "paused", "capitalBudget": 0})
        assert (changed.status, changed.json["status"], changed.json["capitalBudget"]) == (200, "paused", 0)
        assert (await api.delete(f"/api/ventures?id={made['id']}")).status == 200
        assert made["id"] not in [item["id"] for item in (await api.get("/api/ventures")).json]

    async def test_the_id_to_delete_may_stand_in_the_body(self, api: Api) -> None:
        """MC-10"""
        made = await venture(api)
        assert (await api.delete("/api/ventures", json_body={"id": made["id"]})).status == 200
        refused(await api.delete("/api/ventures"), 422)

    async def test_a_venture_with_an_active_task_stays(self, api: Api) -> None:
        """MC-10"""
        owner = await venture(api)
        await task(api, owner)
        claimed = await claim(api)
        refused(await api.delete(f"/api/ventures?id={owner['id']}"), 409)
        assert (await complete(api, claimed, output="x")).status == 200
        assert (await api.delete(f"/api/ventures?id={owner['id']}")).status == 200
        assert await listed(api) == []


class TestTasks:
    async def test_a_new_task_waits_in_the_queue(self, api: Api) -> None:
        """MC-10"""
        owner = await venture(api)
        made = await task(api, owner, description="d", priority="high", estimatedCost=1.5, tags='["a", "b"]')
        assert set(made) == TASK_FIELDS
        assert (made["status"], made["priority"], made["estimatedCost"]) == ("queue", "high", 1.5)
        assert json.loads(made["tags"]) == ["a", "b"]
        assert made["venture"] == {"id": owner["id"], "name": "Website"}
        assert made["createdAt"].endswith("Z")

    async def test_a_list_is_a_bare_array_by_priority_then_age(self, api: Api) -> None:
        """MC-2, MC-10"""
        owner = await venture(api)
        for title, priority in [("l", "low"), ("m1", "medium"), ("h", "high"), ("m2", "medium")]:
            await task(api, owner, title, priority=priority)
        assert [item["title"] for item in await listed(api)] == ["h", "m1", "m2", "l"]
        await complete(api, await claim(api), output="x")
        await claim(api, "bob")
        assert [item["title"] for item in await listed(api)] == ["h", "m1", "m2", "l"]
        assert [item["title"] for item in await listed(api, "status=queue")] == ["m2", "l"]
        assert [item["title"] for item in await listed(api, "status=active")] == ["m1"]
        assert [item["title"] for item in await listed(api, "status=completed")] == ["h"]

    async def test_a_list_holds_all_tasks_with_their_whole_texts(self, api: Api) -> None:
        """MC-10"""
        owner = await venture(api)
        await asyncio.gather(*(task(api, owner, f"t{n}", description="d" * 3000) for n in range(230)))
        found = await listed(api)
        assert len({item["id"] for item in found}) == len(found) == 230
        assert {len(item["description"]) for item in found} == {3000}

    async def test_filters_narrow_a_list(self, api: Api) -> None:
        """MC-10"""
        one, two = await venture(api), await venture(api, "Other")
        await task(api, one, "a")
        await task(api, two, "b")
        mine = await claim(api)
        assert [item["title"] for item in await listed(api, f"ventureId={two['id']}")] == ["b"]
        assert [item["id"] for item in await listed(api, "assignedTo=ann")] == [mine["id"]]
        await complete(api, mine, error="no")
        assert await listed(api, "assignedTo=ann") == []
        refused(await api.get("/api/tasks?status=done"), 422)
        refused(await api.get("/api/tasks?ventureId=prj_0000000000001"), 404)

    async def test_a_deleted_task_is_gone(self, api: Api) -> None:
        """MC-10"""
        owner = await venture(api)
        made = await task(api, owner)
        assert (await api.delete(f"/api/tasks?id={made['id']}")).status == 200
        refused(await api.delete(f"/api/tasks?id={made['id']}"), 404)
        await task(api, owner)
        claimed = await claim(api)
        refused(await api.delete("/api/tasks", json_body={"id": claimed["id"]}), 409)

    async def test_a_task_others_wait_for_is_not_deleted_and_not_cancelled(self, api: Api) -> None:
        """SW-4a"""
        made = await task(api, await venture(api))
        other = {"title": "later", "kind": "prompt", "depends_on": [made["id"]]}
        assert (await api.post("/api/v1/tasks", other)).status == 201
        refused(await api.delete(f"/api/tasks?id={made['id']}"), 409)
        assert (await claim(api))["id"] == made["id"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"title": None},
            {"title": ""},
            {"title": "x" * 501},
            {"title": 5},
            {"title": "a\u0000b"},
            {"ventureId": "prj_0000000000001"},
            {"ventureId": 7},
            {"priority": "urgent"},
            {"estimatedCost": -1},
            {"estimatedCost": "much"},
            {"tags": '["unclosed'},
            {"tags": "[1]"},
            {"description": "x" * 262_145},
            {"colour": "red"},
        ],
    )
    async def test_wrong_input_is_refused_and_nothing_is_written(
        self, api: Api, wrong: dict[str, Any]
    ) -> None:
        """MC-10, OD-42"""
        owner = await venture(api)
        reply = await api.post("/api/tasks", {"title": "t", "ventureId": owner["id"]} | wrong)
        refused(reply, 404 if wrong.get("ventureId") == "prj_0000000000001" else 422)
        assert await listed(api) == []

    async def test_a_body_that_is_no_json_is_400(self, api: Api) -> None:
        """OD-42"""
        for path in ("/api/tasks", "/api/tasks/claim"):
            refused(await api.post(path, body=b"{title:"), 400)

    @pytest.mark.parametrize("kind", ["", "application/x-www-form-urlencoded"])
    async def test_json_that_is_not_declared_as_such_is_read_all_the_same(self, api: Api, kind: str) -> None:
        """MC-10"""
        owner = await venture(api)
        body = json.dumps({"title": "t", "ventureId": owner["id"]}).encode()
        headers = {"content-type": kind}
        assert (await api.post("/api/tasks", body=body, headers=headers)).status == 201
        assert (await api.post("/api/tasks/claim", body=b'{"agentId": "a"}', headers=headers)).status == 200
        refused(await api.post("/api/tasks", body=body, headers={"content-type": "text/plain"}), 415)


class TestClaiming:
    async def test_a_claim_makes_task_and_agent_busy(self, api: Api) -> None:
        """MC-2, MC-5"""
        made = await task(api, await venture(api))
        reply = await api.post("/api/tasks/claim", {"agentId": "agent-main", "agentName": "Main"})
        assert (reply.status, set(reply.json)) == (200, TASK_FIELDS)
        assert (reply.json["id"], reply.json["status"]) == (made["id"], "active")
        assert reply.json["assignedTo"] == "agent-main"
        (agent,) = (await api.get("/api/agents")).json
        assert (agent["id"], agent["name"], agent["status"]) == ("agent-main", "Main", "busy")
        assert agent["currentTask"] == made["id"]

    async def test_claims_follow_priority_then_age(self, api: Api) -> None:
        """MC-2"""
        owner = await venture(api)
        for title, priority in [("l", "low"), ("m1", "medium"), ("h", "high"), ("m2", "medium")]:
            await task(api, owner, title, priority=priority)
        assert [(await claim(api, f"a{n}"))["title"] for n in range(4)] == ["h", "m1", "m2", "l"]

    async def test_nothing_ready_is_404_with_a_clear_message(self, api: Api) -> None:
        """MC-10"""
        reply = await api.post("/api/tasks/claim", {"agentId": "ann"})
        refused(reply, 404)
        assert (reply.json["code"], "No task is ready" in reply.json["message"]) == ("nothing_ready", True)
        owner = await venture(api, status="paused")
        await task(api, owner)
        reply = await api.post("/api/tasks/claim", {"agentId": "ann"})
        assert (reply.status, "paused" in reply.json["message"]) == (404, True)

    async def test_a_task_assigned_to_another_is_left_to_that_one(self, api: Api) -> None:
        """MC-2"""
        made = await task(api, await venture(api))
        assert (await patch(api, made, assignedTo="bob")).json["assignedTo"] == "bob"
        assert (await api.post("/api/tasks/claim", {"agentId": "ann"})).status == 404
        assert (await claim(api, "bob"))["id"] == made["id"]

    async def test_a_used_up_budget_hands_out_nothing(self, api: Api) -> None:
        """MC-1, MC-3"""
        owner = await venture(api, capitalBudget=2)
        await task(api, owner, estimatedCost=1.5)
        await task(api, owner, estimatedCost=1.5)
        first = await claim(api)
        assert (await api.post("/api/tasks/claim", {"agentId": "bob"})).status == 404
        await complete(api, first, output="x", actualCost=0.25)
        assert (await claim(api, "bob"))["estimatedCost"] == 1.5

    async def test_a_hundred_agents_at_once_get_a_hundred_different_tasks(self, api: Api) -> None:
        """MC-2"""
        owner = await venture(api)
        await asyncio.gather(*(task(api, owner, f"t{n}") for n in range(100)))
        calls = [api.post("/api/tasks/claim", {"agentId": f"agent-{n}"}) for n in range(110)]
        replies = await asyncio.gather(*calls)
        won = [reply.json["id"] for reply in replies if reply.status == 200]
        assert len(won) == len(set(won)) == 100
        assert [reply.status for reply in replies if reply.status != 200] == [404] * 10

    @pytest.mark.parametrize("wrong", [{}, {"agentId": ""}, {"agentId": 5}, {"agentId": "a", "x": 1}, [], 5])
    async def test_a_wrong_claim_is_refused(self, api: Api, wrong: Any) -> None:
        """OD-42"""
        refused(await api.post("/api/tasks/claim", wrong), 422)


class TestCompleting:
    async def test_output_completes_charges_and_frees_the_agent(self, api: Api) -> None:
        """MC-3"""
        await task(api, await venture(api), "the title")
        reply = await complete(api, await claim(api), output="done", actualCost=0.4)
        assert (reply.status, set(reply.json), reply.json["status"]) == (200, TASK_FIELDS, "completed")
        assert (reply.json["output"], reply.json["actualCost"], reply.json["error"]) == ("done", 0.4, None)
        assert reply.json["completedAt"] is not None
        assert await spent(api) == 0.4
        (agent,) = (await api.get("/api/agents")).json
        assert (agent["status"], agent["currentTask"]) == ("online", None)
        newest = (await api.get("/api/activities?limit=1")).json[0]
        assert (newest["type"], newest["agentId"]) == ("task_completed", "ann")
        assert "the title" in newest["title"]

    async def test_an_error_puts_the_task_back_and_costs_nothing(self, api: Api) -> None:
        """MC-4"""
        await task(api, await venture(api))
        claimed = await claim(api)
        reply = await complete(api, claimed, error="no network", actualCost=3)
        assert (reply.json["status"], reply.json["assignedTo"]) == ("queue", None)
        assert (reply.json["error"], reply.json["actualCost"], await spent(api)) == ("no network", None, 0)
        assert (await api.get("/api/agents")).json[0]["status"] == "online"
        newest = (await api.get("/api/activities?limit=1")).json[0]
        assert (newest["type"], newest["description"]) == ("task_failed", "no network")
        again = await claim(api, "bob")
        assert (again["id"], again["error"]) == (claimed["id"], "no network")

    async def test_an_error_takes_the_assignment_away(self, api: Api) -> None:
        """MC-4"""
        made = await task(api, await venture(api))
        await patch(api, made, assignedTo="ann")
        reply = await complete(api, await claim(api), error="not mine")
        assert (reply.json["status"], reply.json["assignedTo"]) == ("queue", None)
        assert (await claim(api, "bob"))["id"] == made["id"]

    async def test_the_third_error_is_the_last(self, api: Api) -> None:
        """MC-4"""
        await task(api, await venture(api))
        statuses = []
        for number in range(3):
            reply = await complete(api, await claim(api, f"a{number}"), f"a{number}", error=f"e{number}")
            statuses.append(reply.json["status"])
        assert (statuses, reply.json["error"]) == (["queue", "queue", "completed"], "e2")
        assert (await api.post("/api/tasks/claim", {"agentId": "ann"})).status == 404

    @pytest.mark.parametrize("word", [{"output": "x", "actualCost": 0.5}, {"error": "e"}])
    async def test_the_same_completion_twice_is_one(self, api: Api, word: dict[str, Any]) -> None:
        """MC-3, MC-4"""
        await task(api, await venture(api))
        claimed = await claim(api)
        first, second = await asyncio.gather(complete(api, claimed, **word), complete(api, claimed, **word))
        third = await complete(api, claimed, **word)
        assert (first.status, second.status, third.status) == (200, 200, 200)
        assert third.json["status"] == first.json["status"]
        assert await spent(api) == word.get("actualCost", 0)
        activities = (await api.get("/api/activities")).json
        ends = [item for item in activities if item["type"] in ("task_completed", "task_failed")]
        assert len(ends) == 1

    async def test_an_error_told_twice_leaves_the_next_holder_alone(self, api: Api) -> None:
        """MC-4"""
        await task(api, await venture(api))
        claimed = await claim(api)
        await complete(api, claimed, error="e")
        await claim(api, "bob")
        reply = await complete(api, claimed, error="e")
        assert (reply.status, reply.json["status"], reply.json["assignedTo"]) == (200, "active", "bob")

    async def test_what_an_agent_does_not_hold_it_cannot_complete(self, api: Api) -> None:
        """MC-10"""
        made = await task(api, await venture(api))
        refused(await complete(api, made, output="x"), 409)
        claimed = await claim(api)
        refused(await complete(api, claimed, "bob", output="x", actualCost=1), 409)
        assert ((await listed(api))[0]["status"], await spent(api)) == ("active", 0)
        refused(await complete(api, {"id": "tsk_0000000000001"}, output="x"), 404)

    @pytest.mark.parametrize("word", [{"output": "late"}, {"error": "late"}])
    async def test_who_went_silent_comes_too_late(self, api: Api, store: Store, word: dict[str, Any]) -> None:
        """SQ-5"""
        await task(api, await venture(api))
        claimed = await claim(api)
        await store.execute(patrol(StaleRules(warn=0, fail=0)))
        assert (await listed(api))[0]["status"] == "queue"
        refused(await complete(api, claimed, **word), 409)
        assert (await claim(api, "bob"))["id"] == claimed["id"]

    async def test_another_word_after_the_end_is_409(self, api: Api) -> None:
        """MC-10"""
        await task(api, await venture(api))
        claimed = await claim(api)
        await complete(api, claimed, output="x")
        refused(await complete(api, claimed, error="on second thoughts"), 409)
        assert (await listed(api))[0]["output"] == "x"

    @pytest.mark.parametrize(
        "wrong", [{"actualCost": -1}, {"output": "x" * 262_145}, {"output": 5}, {"x": 1}]
    )
    async def test_a_wrong_completion_changes_nothing(self, api: Api, wrong: dict[str, Any]) -> None:
        """OD-42"""
        await task(api, await venture(api))
        refused(await complete(api, await claim(api), **wrong), 422)
        assert ((await listed(api))[0]["status"], await spent(api)) == ("active", 0)


class TestPatching:
    async def test_fields_change_together_or_not_at_all(self, api: Api) -> None:
        """MC-10"""
        owner = await venture(api)
        made = await task(api, owner)
        reply = await patch(
            api, made, title="n", description="d", priority="low", tags='["z"]', estimatedCost=2
        )
        fields = ("title", "description", "priority", "tags", "estimatedCost")
        assert [reply.json[name] for name in fields] == ["n", "d", "low", '["z"]', 2]
        await api.patch("/api/ventures", {"id": owner["id"], "status": "paused"})
        refused(await patch(api, made, title="other", status="active", assignedTo="ann"), 409)
        assert (await listed(api))[0]["title"] == "n"
        refused(await patch(api, made, title=None), 422)
        refused(await patch(api, made, colour="red"), 422)

    async def test_active_claims_for_the_agent_it_names(self, api: Api) -> None:
        """MC-2"""
        made = await task(api, await venture(api))
        refused(await patch(api, made, status="active"), 422)
        reply = await patch(api, made, status="active", assignedTo="ann")
        assert (reply.json["status"], reply.json["assignedTo"]) == ("active", "ann")
        refused(await patch(api, made, assignedTo="bob"), 409)
        assert (await patch(api, made, assignedTo="ann")).status == 200
        assert (await complete(api, made, output="x")).status == 200
        refused(await patch(api, made, status="active", assignedTo="ann"), 409)

    async def test_queue_puts_back_what_is_active_or_completed(self, api: Api) -> None:
        """SW-4b"""
        made = await task(api, await venture(api))
        await claim(api)
        reply = await patch(api, made, status="queue", assignedTo="bob", title="again")
        assert [reply.json[name] for name in ("status", "assignedTo", "title")] == ["queue", "bob", "again"]
        await complete(api, await claim(api, "bob"), "bob", output="x")
        reply = await patch(api, made, status="queue", assignedTo=None)
        assert (reply.json["status"], reply.json["assignedTo"]) == ("queue", None)
        refused(await complete(api, made, output="late"), 409)

    async def test_completed_ends_what_is_active(self, api: Api) -> None:
        """MC-3"""
        made = await task(api, await venture(api))
        refused(await patch(api, made, status="completed"), 409)
        refused(await patch(api, made, output="x"), 409)
        await claim(api)
        reply = await patch(api, made, status="completed", output="x", actualCost=0.5)
        assert (reply.json["status"], reply.json["output"], await spent(api)) == ("completed", "x", 0.5)


class TestAgentsAndActivities:
    async def test_an_agent_registers_once_and_is_updated_after(self, api: Api) -> None:
        """MC-5"""
        given = {"id": "agent-main", "name": "Main", "model": "m", "maxTokens": 1000}
        first = await api.post("/api/agents", given)
        again = await api.post("/api/agents", given | {"name": "Chief", "status": "error"})
        assert (first.status, again.status) == (201, 200)
        assert (again.json["name"], again.json["status"], again.json["maxTokens"]) == ("Chief", "error", 1000)
        assert [item["id"] for item in (await api.get("/api/agents")).json] == ["agent-main"]
        unnamed = (await api.post("/api/agents", {"name": "X"})).json
        changed = await api.patch("/api/agents", {"id": unnamed["id"], "tokensUsed": 5, "status": "offline"})
        assert (changed.json["tokensUsed"], changed.json["status"]) == (5, "offline")
        assert (await api.delete(f"/api/agents?id={unnamed['id']}")).status == 200
        refused(await api.patch("/api/agents", {"id": "ghost", "name": "x"}), 404)

    async def test_the_feed_is_newest_first_and_as_long_as_asked(self, api: Api) -> None:
        """MC-10"""
        owner = await venture(api)
        made = await task(api, owner)
        given = {"type": "note", "title": "t", "description": "d", "agentId": "ann"}
        reply = await api.post("/api/activities", given | {"taskId": made["id"], "ventureId": owner["id"]})
        assert (reply.status, reply.json["taskId"], reply.json["ventureId"]) == (201, made["id"], owner["id"])
        assert {name: reply.json[name] for name in given} == given
        feed = (await api.get("/api/activities?limit=2")).json
        assert [item["type"] for item in feed] == ["note", "task_created"]
        assert feed[0] == reply.json
        refused(await api.post("/api/activities", given | {"taskId": "tsk_0000000000001"}), 404)
        refused(await api.post("/api/activities", {"type": "note"}), 422)
