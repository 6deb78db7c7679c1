"""Projects, queues, sessions, agents, workers, activities, reference lists and status over the native API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.asgi import Api

V1 = "/api/v1"
BASH = {"title": "work", "kind": "bash", "payload": {"script": "true"}}


async def made(api: Api, noun: str, **fields: Any) -> dict[str, Any]:
    reply = await api.post(f"{V1}/{noun}", fields)
    assert reply.status == 201, reply.json
    return reply.json


async def got(api: Api, path: str) -> Any:
    reply = await api.get(f"{V1}/{path}")
    assert reply.status == 200, reply.json
    return reply.json


async def everything(api: Api, path: str, limit: int = 2) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await got(api, f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}")
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


class TestProjects:
    async def test_a_project_comes_back_as_it_was_made(self, api: Api) -> None:
        """MC-1"""
        wanted = {
            "name": "website",
            "icon": "W",
            "status": "paused",
            "priority": "high",
            "description": "d",
            "enforcement": "soft",
            "concurrency": 3,
            "repo_url": "https://example.com/x.git",
            "default_branch": "main",
            "working_dir": "/srv/x",
            "sandbox": "gvisor",
        }
        project = await made(api, "projects", **wanted, budget_usd=12.5)
        assert {name: project[name] for name in wanted} == wanted
        assert (project["allocated_usd"], project["reserved_usd"], project["spent_usd"]) == (12.5, 0, 0)
        assert await got(api, f"projects/{project['id']}") == project == await got(api, "projects/website")

    async def test_a_name_is_taken_once(self, api: Api) -> None:
        """SQ-1"""
        await made(api, "projects", name="website")
        reply = await api.post(f"{V1}/projects", {"name": "website"})
        assert (reply.status, reply.json["code"]) == (409, "already_exists")

    async def test_money_is_given_reserved_spent_and_accounted_for(self, api: Api) -> None:
        """MC-1, MC-3"""
        project = await made(api, "projects", name="website")
        path = f"{V1}/projects/{project['id']}"
        assert (await api.post(f"{path}/allocate", {"amount_usd": 10, "note": "start"})).json[
            "allocated_usd"
        ] == 10
        await made(api, "tasks", **BASH, project="website", estimated_cost_usd=4.0)
        claim = (await api.post(f"{V1}/claims", {"agent_id": "ann", "modes": ["auto"]})).json["claims"][0]
        assert (await api.get(path)).json["reserved_usd"] == 4
        done = {"token": claim["token"], "cost_usd": 2.5}
        await api.post(f"{V1}/attempts/{claim['attempt_id']}/complete", done)
        shown = (await api.get(path)).json
        assert (shown["reserved_usd"], shown["spent_usd"], shown["tasks"]["succeeded"]) == (0, 2.5, 1)
        entries = await everything(api, f"projects/{project['id']}/ledger")
        assert [(entry["kind"], entry["amount_usd"], entry["balance_usd"]) for entry in entries] == [
            ("settled", 2.5, 7.5),
            ("reserved", 4, 6),
            ("allocated", 10, 10),
        ]
        back = await api.post(f"{path}/allocate", {"amount_usd": -8})
        assert back.status == 422
        assert (await api.post(f"{path}/allocate", {"amount_usd": -7.5})).json["allocated_usd"] == 2.5

    async def test_a_paused_project_hands_out_nothing_and_says_so(self, api: Api) -> None:
        """MC-1"""
        await made(api, "projects", name="website")
        await made(api, "tasks", **BASH, project="website")
        reply = await api.patch(f"{V1}/projects/website", {"status": "paused"})
        assert reply.json["status"] == "paused"
        answer = (await api.post(f"{V1}/claims", {"agent_id": "ann", "modes": ["auto"]})).json
        assert answer["claims"] == []
        assert "website is paused" in answer["reason"]

    async def test_fields_change_and_can_be_taken_away(self, api: Api) -> None:
        """MC-1"""
        await made(api, "projects", name="website", concurrency=3, budget_usd=5)
        path = f"{V1}/projects/website"
        changed = (await api.patch(path, {"concurrency": None, "budget_usd": None, "description": "d"})).json
        assert (changed["concurrency"], changed["allocated_usd"], changed["description"]) == (None, None, "d")
        assert (await api.patch(path, {"name": None})).status == 422
        assert (await api.patch(path, {"name": "default"})).status == 409
        assert (await api.patch(path, {"name": "site"})).json["name"] == "site"

    async def test_a_project_goes_with_its_tasks_but_not_while_one_runs(self, api: Api) -> None:
        """MC-10"""
        project = await made(api, "projects", name="website")
        await made(api, "tasks", **BASH, project="website")
        task = await made(api, "tasks", **BASH, project="website")
        claims = await api.post(f"{V1}/claims", {"agent_id": "ann", "modes": ["auto"]})
        assert len(claims.json["claims"]) == 1
        assert (await api.delete(f"{V1}/projects/website")).status == 409
        await api.post(f"{V1}/tasks/{claims.json['claims'][0]['task_id']}/cancel")
        gone = await api.delete(f"{V1}/projects/website")
        assert gone.json == {"id": project["id"], "done": "deleted"}
        assert (await api.get(f"{V1}/projects/website")).status == 404
        assert (await api.get(f"{V1}/tasks/{task['id']}")).status == 404

    async def test_pages_give_every_project_once(self, api: Api) -> None:
        """OD-40"""
        names = {f"p{n}" for n in range(5)}
        for name in sorted(names):
            await made(api, "projects", name=name)
        found = [project["name"] for project in await everything(api, "projects")]
        assert sorted(found) == sorted(names | {"default"})
        paused = await everything(api, "projects?status=paused")
        assert paused == []

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": ""},
            {"name": " x"},
            {"name": "a\nb"},
            {"name": "prj_0000000000001"},
            {"name": "x" * 201},
            {"status": "dead"},
            {"priority": "urgent"},
            {"budget_usd": -1},
            {"budget_usd": "5"},
            {"concurrency": 0},
            {"working_dir": "x"},
            {"working_dir": "/a/../b"},
            {"capital": 5},
        ],
    )
    async def test_a_wrong_project_is_refused(self, api: Api, wrong: dict[str, Any]) -> None:
        """OD-42"""
        assert (await api.post(f"{V1}/projects", {"name": "website"} | wrong)).status == 422
        assert len(await everything(api, "projects")) == 1

    @pytest.mark.parametrize("amount", [0, 1e12, "5", None])
    async def test_a_wrong_amount_is_refused(self, api: Api, amount: Any) -> None:
        """OD-42"""
        assert (await api.post(f"{V1}/projects/default/allocate", {"amount_usd": amount})).status == 422


class TestQueues:
    async def test_a_queue_comes_back_as_it_was_made(self, api: Api) -> None:
        """SQ-3"""
        session = await made(api, "sessions", name="s")
        project = await made(api, "projects", name="p")
        wanted = {
            "name": "team/nightly",
            "instructions": "be careful",
            "mode": "manual",
            "concurrency": 2,
            "project_id": project["id"],
            "session_id": session["id"],
        }
        queue = await made(api, "queues", **wanted)
        assert {name: queue[name] for name in wanted} == wanted
        assert (queue["status"], queue["paused"], queue["stats"]["ready"]) == ("active", False, 0)
        for name in (queue["id"], "team%2Fnightly", "team%2fnightly"):
            assert await got(api, f"queues/{name}") == queue
        task = await made(api, "tasks", **BASH, queue="team/nightly")
        assert task["project_id"] == project["id"]

    async def test_a_paused_queue_hands_out_nothing_until_resumed(self, api: Api) -> None:
        """SQ-3"""
        task = await made(api, "tasks", **BASH)
        assert (await api.post(f"{V1}/queues/default/pause")).json["paused"] is True
        claim = {"agent_id": "ann", "modes": ["auto"]}
        assert (await api.post(f"{V1}/claims", claim)).json["claims"] == []
        assert (await got(api, f"tasks/{task['id']}"))["waiting"]["code"] == "queue_paused"
        assert (await api.post(f"{V1}/queues/default/resume")).json["paused"] is False
        assert len((await api.post(f"{V1}/claims", claim)).json["claims"]) == 1

    async def test_an_archived_queue_is_hidden_and_takes_nothing(self, api: Api) -> None:
        """SQ-3"""
        await made(api, "queues", name="old")
        assert (await api.post(f"{V1}/queues/old/archive")).json["status"] == "archived"
        assert "old" not in [queue["name"] for queue in await everything(api, "queues")]
        assert [queue["name"] for queue in await everything(api, "queues?archived=true")] == ["old"]
        assert (await api.post(f"{V1}/tasks", {**BASH, "queue": "old"})).status == 409
        assert (await api.post(f"{V1}/queues/old/unarchive")).json["status"] == "active"

    async def test_only_an_empty_queue_is_removed(self, api: Api) -> None:
        """SQ-3"""
        queue = await made(api, "queues", name="q")
        await made(api, "tasks", **BASH, queue="q")
        assert (await api.delete(f"{V1}/queues/q")).status == 409
        other = await made(api, "queues", name="r")
        assert (await api.delete(f"{V1}/queues/r")).json == {"id": other["id"], "done": "deleted"}
        assert (await got(api, f"queues/{queue['id']}"))["name"] == "q"

    async def test_a_queue_changes(self, api: Api) -> None:
        """SQ-3"""
        await made(api, "queues", name="q", concurrency=1)
        changed = await api.patch(f"{V1}/queues/q", {"concurrency": None, "mode": "external", "name": "qq"})
        assert (changed.json["concurrency"], changed.json["mode"], changed.json["name"]) == (
            None,
            "external",
            "qq",
        )
        assert (await api.patch(f"{V1}/queues/qq", {"mode": None})).status == 422
        assert (await api.patch(f"{V1}/queues/qq", {"name": "inbox"})).status == 409
        assert (await api.patch(f"{V1}/queues/qq", {"project_id": "nobody"})).status == 404

    async def test_its_tasks_demand_the_isolation_that_it_or_its_project_names(self, api: Api) -> None:
        """SW-4f"""
        project = await made(api, "projects", name="website", sandbox="container")
        await made(api, "queues", name="nightly", project_id=project["id"])
        assert (await made(api, "tasks", **BASH, queue="nightly"))["requires"] == ["sandbox:container"]
        reply = await api.patch(f"{V1}/queues/nightly", {"sandbox": "gvisor"})
        assert reply.json["sandbox"] == "gvisor"
        task = await made(api, "tasks", **BASH, queue="nightly")
        assert task["requires"] == ["sandbox:gvisor"]
        own = await made(api, "tasks", **BASH, queue="nightly", requires=["sandbox:process"])
        assert own["requires"] == ["sandbox:process"]
        await api.patch(f"{V1}/queues/nightly", {"sandbox": None})
        await api.patch(f"{V1}/projects/website", {"sandbox": None})
        assert (await made(api, "tasks", **BASH, queue="nightly"))["requires"] == []
        assert (await api.patch(f"{V1}/queues/nightly", {"sandbox": "a,b"})).status == 422

    async def test_pages_give_every_queue_once(self, api: Api) -> None:
        """OD-40"""
        for n in range(4):
            await made(api, "queues", name=f"q{n}")
        names = [queue["name"] for queue in await everything(api, "queues")]
        assert names == sorted(["agents", "by-hand", "default", "inbox", "q0", "q1", "q2", "q3"])


class TestSessions:
    async def test_a_session_is_begun_changed_and_ended(self, api: Api) -> None:
        """SQ-2"""
        session = await made(api, "sessions", name="refactor", context="the parser")
        path = f"{V1}/sessions/{session['id']}"
        task = await made(api, "tasks", **BASH, session_id=session["id"])
        assert [row["id"] for row in await everything(api, f"tasks?session={session['id']}")] == [task["id"]]
        assert (await api.patch(path, {"context": "all of it"})).json["context"] == "all of it"
        ended = (await api.post(f"{path}/end")).json
        assert (ended["status"], ended["ended_at"] is not None) == ("ended", True)
        assert (await api.patch(path, {"name": "late"})).status == 409
        assert (await api.post(f"{V1}/tasks", {**BASH, "session_id": session["id"]})).status == 409
        assert await everything(api, "sessions?status=active") == []
        assert (await everything(api, "sessions?status=ended"))[0]["id"] == session["id"]


class TestAgents:
    async def test_an_agent_registers_and_the_same_id_updates_it(self, api: Api) -> None:
        """MC-5"""
        first = await api.post(f"{V1}/agents", {"id": "agent-main", "name": "Main", "model": "m1"})
        second = await api.post(f"{V1}/agents", {"id": "agent-main", "name": "Main", "max_tokens": 10})
        assert (first.status, second.status) == (201, 200)
        assert (second.json["model"], second.json["max_tokens"], second.json["status"]) == (
            "m1",
            10,
            "online",
        )
        assert await got(api, "agents/agent-main") == second.json

    async def test_an_agent_is_busy_while_it_has_a_task(self, api: Api) -> None:
        """MC-5, SA-1"""
        await made(api, "tasks", **BASH)
        claim = (await api.post(f"{V1}/claims", {"agent_id": "a/b", "modes": ["auto"]})).json["claims"][0]
        agent = await got(api, "agents/a%2Fb")
        assert (agent["status"], agent["current_task_id"]) == ("busy", claim["task_id"])
        assert [row["id"] for row in await everything(api, "agents?status=busy")] == ["a/b"]
        assert (await api.delete(f"{V1}/agents/a%2Fb")).status == 409
        await api.post(f"{V1}/attempts/{claim['attempt_id']}/complete", {"token": claim["token"]})
        assert (await got(api, "agents/a%2Fb"))["status"] == "online"
        assert (await api.delete(f"{V1}/agents/a%2Fb")).status == 200
        assert (await api.get(f"{V1}/agents/a%2Fb")).status == 404

    async def test_an_agent_has_a_queue_of_its_own(self, api: Api) -> None:
        """SA-2a"""
        await made(api, "agents", name="bob")
        queue = await got(api, "agents/bob/queue")
        assert (queue["name"], queue["mode"], queue["agent_id"]) == ("agent-bob", "external", "bob")
        assert await got(api, "agents/bob/queue") == queue
        assert (await api.get(f"{V1}/agents/nobody/queue")).status == 404

    async def test_an_agent_changes(self, api: Api) -> None:
        """MC-5"""
        await made(api, "agents", name="bob")
        changed = (await api.patch(f"{V1}/agents/bob", {"status": "error", "memory_bytes": 5})).json
        assert (changed["status"], changed["memory_bytes"]) == ("error", 5)
        for wrong in ({"status": "busy"}, {"name": None}, {"max_tokens": -1}, {"tokens_used": 1}):
            assert (await api.patch(f"{V1}/agents/bob", wrong)).status == 422

    async def test_workers_are_listed_while_they_are_there(self, api: Api) -> None:
        """SW-4h"""
        body = {"host": "h", "pid": 7, "capacity": 4, "modes": ["auto"], "sandbox": "process"}
        await api.post(f"{V1}/workers/w1/heartbeat", body)
        (worker,) = (await got(api, "workers"))["items"]
        assert {name: worker[name] for name in body} == body
        assert (worker["live"], worker["running"]) == (True, 0)
        await api.post(f"{V1}/workers/w1/heartbeat", body | {"leaving": True})
        assert (await got(api, "workers"))["items"] == []
        (worker,) = await everything(api, "workers?all=true")
        assert (worker["live"], worker["left_at"] is not None) == (False, True)


class TestActivities:
    async def test_what_happened_is_told_newest_first(self, api: Api) -> None:
        """MC-3"""
        task = await made(api, "tasks", **BASH)
        await api.post(f"{V1}/claims", {"agent_id": "ann", "modes": ["auto"]})
        feed = await everything(api, "activities")
        assert [entry["type"] for entry in feed][:3] == ["task_claimed", "agent_registered", "task_created"]
        of_task = await everything(api, f"activities?task={task['id']}")
        assert {entry["task_id"] for entry in of_task} == {task["id"]}
        assert await everything(api, "activities?agent=ann")
        assert await everything(api, "activities?project=default")
        both = await everything(api, "activities?agent=ann&project=default")
        assert [entry["type"] for entry in both] == ["task_claimed"]

    async def test_an_entry_of_ones_own_is_in_the_feed(self, api: Api) -> None:
        """MC-10"""
        task = await made(api, "tasks", **BASH)
        posted = await made(
            api, "activities", type="note", title="Deployed", description="d", task_id=task["id"]
        )
        assert (posted["type"], posted["title"], posted["task_id"]) == ("note", "Deployed", task["id"])
        assert (await got(api, "activities?limit=1"))["items"] == [posted]
        assert (
            await api.post(f"{V1}/activities", {"type": "x", "title": "y", "task_id": "nobody"})
        ).status == 404


class TestReference:
    async def test_task_classes_are_listed_defined_and_removed(self, api: Api) -> None:
        """SQ-4"""
        names = [entry["name"] for entry in (await got(api, "task-classes"))["items"]]
        assert names == ["FAST_SCRIPT", "LLM_HEAVY", "LLM_LITE", "MEDIUM_SCRIPT"]
        first = await api.put(f"{V1}/task-classes/NIGHTLY", {"timeout_seconds": 3600})
        second = await api.put(f"{V1}/task-classes/NIGHTLY", {"timeout_seconds": 7200, "description": "d"})
        assert (first.status, second.status, second.json["timeout_seconds"]) == (201, 200, 7200)
        assert (await made(api, "tasks", **BASH, task_class="NIGHTLY"))["timeout_seconds"] == 7200
        assert (await api.delete(f"{V1}/task-classes/NIGHTLY")).status == 200
        assert (await api.delete(f"{V1}/task-classes/NIGHTLY")).status == 404
        assert (await api.delete(f"{V1}/task-classes/FAST_SCRIPT")).status == 409
        assert (await api.put(f"{V1}/task-classes/X", {"timeout_seconds": 0})).status == 422
        assert (await api.put(f"{V1}/task-classes/1x", {"timeout_seconds": 1})).status == 422

    async def test_codes_are_documented(self, api: Api) -> None:
        """SW-4b"""
        codes = {entry["code"] for entry in (await got(api, "failure-codes"))["items"]}
        assert {"exit_nonzero", "timeout", "stale"} <= codes
        reasons = {entry["code"] for entry in (await got(api, "waiting-reasons"))["items"]}
        assert {"budget", "no_worker", "blocked_by"} <= reasons

    async def test_status_counts_tasks_and_says_why_they_wait(self, api: Api) -> None:
        """OD-40"""
        task = await made(api, "tasks", **BASH)
        await made(api, "tasks", **BASH, depends_on=[task["id"]])
        status = await got(api, "status")
        assert (status["tasks"]["ready"], status["tasks"]["blocked"]) == (1, 1)
        assert {group["code"]: group["count"] for group in status["waiting"]} == {
            "no_worker": 1,
            "blocked_by": 1,
        }
        assert status["event_position"] > 0


@pytest.mark.parametrize("ghost", ["nobody", "prj_0000000000001", "..", "%2e%2e%2f%2e%2e", "a%2Fb"])
@pytest.mark.parametrize("noun", ["projects", "queues", "sessions", "agents", "scripts"])
async def test_an_unknown_thing_is_404(api: Api, noun: str, ghost: str) -> None:
    """OD-42"""
    assert (await api.get(f"{V1}/{noun}/{ghost}")).status == 404
