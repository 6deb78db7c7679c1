"""The SparkQ contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.asgi import Api, Reply

TASK = {
    "id",
    "queue_id",
    "tool_name",
    "task_class",
    "payload",
    "status",
    "timeout",
    "attempts",
    "claimed_at",
    "started_at",
    "finished_at",
    "result",
    "error",
    "stale_warned_at",
    "worker_id",
}
ERROR = {"code", "message", "details", "request_id", "timestamp"}


@pytest.fixture(params=["/api", "/sparkq/api"])
def root(request: pytest.FixtureRequest) -> str:
    return request.param


async def made(api: Api, path: str, **fields: Any) -> dict[str, Any]:
    reply = await api.post(path, fields)
    assert reply.status == 201, reply.json
    return reply.json


async def task(api: Api, root: str = "/api", queue: str = "work", **more: Any) -> dict[str, Any]:
    given = {"queue_id": queue, "tool_name": "llm-sonnet", "task_class": "LLM_LITE", "payload": "Do it"}
    return await made(api, f"{root}/tasks", **(given | more))


async def act(api: Api, one: dict[str, Any], verb: str, root: str = "/api", **body: Any) -> Reply:
    return await api.post(f"{root}/tasks/{one['id']}/{verb}", body or None)


def refused(reply: Reply, status: int) -> None:
    assert reply.status == status, reply.body
    assert set(reply.json) == ERROR


class TestPlaces:
    async def test_a_session_begins_and_ends(self, api: Api, root: str) -> None:
        """SQ-2"""
        session = await made(api, f"{root}/sessions", name="monday", description="d")
        path = f"{root}/sessions/{session['id']}"
        assert (session["status"], (await api.get(path)).json) == ("active", session)
        assert (await api.put(path, {"name": "tuesday"})).json["name"] == "tuesday"
        ended = (await api.put(f"{path}/end")).json
        assert (ended["status"], ended["ended_at"] is not None) == ("ended", True)
        assert [one["id"] for one in (await api.get(f"{root}/sessions")).json["sessions"]] == [session["id"]]

    async def test_a_queue_is_archived_and_brought_back(self, api: Api, root: str) -> None:
        """SQ-3"""
        queue = await made(api, f"{root}/queues", name="work", instructions="Be brief.")
        assert (queue["status"], queue["instructions"], queue["stats"]["total"]) == ("active", "Be brief.", 0)
        path = f"{root}/queues/{queue['id']}"
        assert (await api.put(f"{path}/archive")).json["status"] == "archived"
        names = [one["name"] for one in (await api.get(f"{root}/queues")).json["queues"]]
        assert "work" not in names
        archived = (await api.get(f"{root}/queues?status=archived")).json["queues"]
        assert [one["name"] for one in archived] == ["work"]
        assert (await api.put(f"{path}/unarchive")).json["status"] == "active"
        assert (await api.put(path, {"instructions": "Take your time."})).json["name"] == "work"
        refused(await api.post(f"{root}/queues", {"name": "work"}), 409)

    async def test_reference_data_is_there(self, api: Api, root: str) -> None:
        """SQ-4, SQ-7"""
        classes = (await api.get(f"{root}/task-classes")).json["task_classes"]
        assert {one["name"]: one["timeout"] for one in classes} == {
            "FAST_SCRIPT": 30,
            "MEDIUM_SCRIPT": 300,
            "LLM_LITE": 300,
            "LLM_HEAVY": 900,
        }
        assert [one["name"] for one in (await api.get(f"{root}/tools")).json["tools"]] == ["echo"]
        assert [one["name"] for one in (await api.get(f"{root}/scripts")).json["scripts"]] == ["echo"]
        assert (await api.get(f"{root}/prompts")).json == {"prompts": []}
        assert (await api.get(f"{root}/config")).json["stale_fail_multiplier"] == 2
        assert (await api.get(f"{root}/stats")).json["tasks"]["total"] == 0


class TestTasks:
    async def test_a_task_is_queued_claimed_and_completed(self, api: Api, root: str) -> None:
        """SQ-10"""
        queue = await made(api, f"{root}/queues", name="work")
        one = await task(api, root, queue["id"], timeout=60)
        assert set(one) >= TASK
        fields = ("queue_id", "tool_name", "task_class", "payload", "status", "timeout", "attempts")
        assert [one[name] for name in fields] == [
            queue["id"],
            "llm-sonnet",
            "LLM_LITE",
            "Do it",
            "queued",
            60,
            0,
        ]
        claimed = (await act(api, one, "claim", root, worker_id="worker-1")).json
        assert (claimed["status"], claimed["worker_id"], claimed["attempts"]) == ("running", "worker-1", 1)
        assert claimed["claimed_at"] == claimed["started_at"] is not None
        refused(await act(api, one, "claim", root, worker_id="worker-2"), 409)
        done = (await act(api, one, "complete", root, result_summary="ok", result_data={"n": 1})).json
        assert (done["status"], done["result"]) == ("succeeded", {"summary": "ok", "data": {"n": 1}})
        assert (await api.get(f"{root}/tasks/{one['id']}")).json == done
        stats = (await api.get(f"{root}/queues/{queue['id']}")).json["stats"]
        assert (stats["succeeded"], stats["total"]) == (1, 1)

    async def test_a_failure_is_final_until_it_is_requeued(self, api: Api, root: str) -> None:
        """SW-4b"""
        await made(api, f"{root}/queues", name="work")
        one = await task(api, root)
        refused(await act(api, one, "fail", root, error_message="x"), 409)
        await act(api, one, "claim", root, worker_id="w")
        failed = (await act(api, one, "fail", root, error_message="no", error_type="Oops")).json
        assert (failed["status"], failed["error"]) == ("failed", "Oops: no")
        refused(await act(api, one, "complete", root, result_summary="x"), 409)
        again = (await act(api, one, "requeue", root)).json
        assert (again["status"], again["error"], again["worker_id"]) == ("queued", None, None)
        refused(await act(api, one, "requeue", root), 409)

    async def test_a_script_is_queued_by_its_name_with_its_inputs_checked(self, api: Api) -> None:
        """SQ-7"""
        await made(api, "/api/queues", name="work")
        one = await task(api, tool_name="echo", task_class="FAST_SCRIPT", payload='{"text": "hi"}')
        assert (one["tool_name"], one["payload"], one["timeout"]) == ("echo", '{"text": "hi"}', 30)
        native = (await api.get(f"/api/v1/tasks/{one['id']}")).json
        assert (native["kind"], native["payload"]["inputs"]) == ("bash", {"text": "hi"})
        refused(await api.post("/sparkq/api/tasks", {"queue_id": "work", "tool_name": "echo"}), 400)

    async def test_tasks_come_first_in_first_out_in_pages(self, api: Api, root: str) -> None:
        """SQ-3"""
        queue = await made(api, f"{root}/queues", name="work")
        for number in range(5):
            await task(api, root, payload=f"{number}")

        async def payloads(query: str) -> list[str]:
            reply = await api.get(f"{root}/tasks?queue_id={queue['id']}&{query}")
            assert reply.status == 200, reply.json
            return [one["payload"] for one in reply.json["tasks"]]

        assert await payloads("limit=3") == ["0", "1", "2"]
        assert await payloads("limit=3&offset=3") == ["3", "4"]
        assert await payloads("offset=9") == []
        assert await payloads("status=running") == []
        refused(await api.get(f"{root}/tasks?queue_id=work&offset=10001"), 400)
        refused(await api.get(f"{root}/tasks?queue_id=ghost"), 404)


class TestSharedPath:
    async def test_a_list_is_sparkqs_when_it_says_so(self, api: Api) -> None:
        """SQ-3, MC-10"""
        await made(api, "/api/queues", name="work")
        await task(api)
        assert isinstance((await api.get("/api/tasks")).json, list)
        assert len((await api.get("/api/tasks?queue_id=work")).json["tasks"]) == 1
        headers = {"accept": "application/vnd.sparkq+json"}
        assert len((await api.get("/api/tasks", headers=headers)).json["tasks"]) == 1

    async def test_a_new_task_is_sparkqs_when_it_names_a_queue(self, api: Api) -> None:
        """SQ-3, MC-10"""
        await made(api, "/api/queues", name="work")
        venture = await made(api, "/api/ventures", name="v")
        mission = await made(api, "/api/tasks", title="t", ventureId=venture["id"])
        sparkq = await task(api)
        assert ("ventureId" in mission, "tool_name" in sparkq) == (True, True)

    async def test_what_is_wrong_is_400_here_and_422_there(self, api: Api) -> None:
        """OD-42"""
        refused(await api.post("/api/tasks", {"queue_id": None, "tool_name": "x"}), 400)
        refused(await api.post("/api/tasks", {"queue_id": "work", "tool_name": "x", "extra": 1}), 400)
        refused(await api.post("/api/tasks", {"queue_id": "ghost", "tool_name": "x"}), 404)
        headers = {"accept": "application/vnd.sparkq+json"}
        refused(await api.post("/api/tasks", {"tool_name": "x"}, headers=headers), 400)
        refused(await api.post("/api/tasks", {"tool_name": "x"}), 422)
        refused(await api.post("/api/tasks", [1]), 422)
        refused(await api.get("/api/tasks/tsk_0000000000001"), 404)
        refused(await api.post("/api/tasks/tsk_0000000000001/claim", {}), 400)

    async def test_a_body_in_pieces_is_understood_as_well(self, api: Api) -> None:
        """SQ-3"""
        await made(api, "/api/queues", name="work")
        body = json.dumps({"queue_id": "work", "tool_name": "x", "payload": "p"}).encode()
        reply = await api.post("/api/tasks", body=body, pieces=3)
        assert (reply.status, reply.json["payload"]) == (201, "p")
