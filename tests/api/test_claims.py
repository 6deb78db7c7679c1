"""The hot calls against a real database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from muster.commands.lifecycle import cancel_task
from muster.commands.tasks import NewTask, submit_tasks
from muster.domain import ids
from muster.domain.task import TaskSpec
from muster.store.database import Store
from muster.store.statements import Statement
from tests.api.asgi import Api, Connection
from tests.waiting import eventually

QUEUE = Statement("SELECT id FROM queues WHERE name = ?1")
PROJECT = Statement("SELECT id FROM projects WHERE name = 'default'")


async def submit(
    store: Store, title: str = "work", *, spec: dict[str, Any] | None = None, **more: Any
) -> str:
    queue = (await store.rows(QUEUE, more.pop("queue", "inbox")))[0][0]
    project = (await store.rows(PROJECT))[0][0]
    new = NewTask(
        spec=TaskSpec(title=title, **(spec or {})),
        kind="prompt",
        project_id=project,
        queue_id=queue,
        **more,
    )
    return ids.encode(ids.TASK, (await store.execute(submit_tasks([new])))[0].task_id)


async def claim(api: Api, agent: str = "ann", **more: Any) -> list[dict[str, Any]]:
    reply = await api.post("/api/v1/claims", {"agent_id": agent, **more})
    assert reply.status == 200, reply.json
    return reply.json["claims"]


async def end(api: Api, claimed: dict[str, Any], verb: str = "complete", **more: Any) -> Any:
    return await api.post(
        f"/api/v1/attempts/{claimed['attempt_id']}/{verb}", {"token": claimed["token"], **more}
    )


class TestClaiming:
    async def test_a_claimed_task_comes_with_its_lease_and_all_it_needs(self, api: Api, store: Store) -> None:
        """MC-2, SW-4e"""
        spec = {"description": "words", "payload": {"prompt": "do it"}, "tags": ("a",), "network": True}
        task = await submit(store, "the title", spec=spec, estimate=250_000)
        (claimed,) = await claim(api, agent_name="Ann")
        assert (claimed["task_id"], claimed["title"], claimed["description"]) == (task, "the title", "words")
        assert (claimed["queue"], claimed["project"], claimed["kind"]) == ("inbox", "default", "prompt")
        assert (claimed["payload"], claimed["tags"], claimed["network"]) == ({"prompt": "do it"}, ["a"], True)
        assert (claimed["number"], claimed["max_attempts"], claimed["estimated_cost_usd"]) == (1, 3, 0.25)
        assert (claimed["timeout_seconds"], claimed["lease_seconds"]) == (300, 600)
        assert claimed["priority"] == "medium"

    async def test_nothing_ready_is_an_empty_answer_with_a_reason(self, api: Api) -> None:
        """MC-2"""
        reply = await api.post("/api/v1/claims", {"agent_id": "ann"})
        assert (reply.status, reply.json["claims"]) == (200, [])
        assert reply.json["reason"]

    async def test_a_hundred_claimers_get_a_hundred_tasks(self, api: Api, store: Store) -> None:
        """MC-2"""
        for number in range(100):
            await submit(store, f"task {number}")
        got = await asyncio.gather(*(claim(api, f"agent-{number}") for number in range(120)))
        tasks = [claimed["task_id"] for claims in got for claimed in claims]
        assert len(tasks) == len(set(tasks)) == 100

    async def test_a_waiting_claimer_gets_a_task_the_moment_there_is_one(
        self, api: Api, store: Store
    ) -> None:
        """SW-4c"""
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(claim(api, f"a{n}", wait_seconds=30)) for n in range(3)]
            await eventually(lambda: store.signals.parked == 3)
            for _ in calls:
                await submit(store)
        assert len({claims[0]["task_id"] for call in calls for claims in [call.result()]}) == 3
        assert store.signals.parked == 0

    async def test_a_claimer_that_hung_up_gets_nothing(self, api: Api, store: Store) -> None:
        """MC-2"""
        connection = Connection(b'{"agent_id": "gone", "wait_seconds": 30}')
        async with asyncio.TaskGroup() as group:
            group.create_task(api.post("/api/v1/claims", {}, connection=connection))
            await eventually(lambda: store.signals.parked == 1)
            connection.hang_up()
        task = await submit(store)
        assert [claimed["task_id"] for claimed in await claim(api)] == [task]

    async def test_the_wake_of_one_that_hung_up_is_passed_on(self, api: Api, store: Store) -> None:
        """SW-4c"""
        connection = Connection(b'{"agent_id": "gone", "wait_seconds": 30}')
        async with asyncio.TaskGroup() as group:
            group.create_task(api.post("/api/v1/claims", {}, connection=connection))
            await eventually(lambda: store.signals.parked == 1)
            other = group.create_task(claim(api, "other", wait_seconds=30))
            await eventually(lambda: store.signals.parked == 2)
            submitting = group.create_task(submit(store))
            connection.hang_up()
        assert [claimed["task_id"] for claimed in other.result()] == [submitting.result()]

    async def test_that_very_task_can_be_claimed_whatever_its_queue(self, api: Api, store: Store) -> None:
        """SQ-10"""
        await submit(store, queue="by-hand")
        task = await submit(store, queue="by-hand")
        assert await claim(api) == []
        reply = await api.post(f"/api/v1/tasks/{task}/claim", {"agent_id": "ann"})
        assert reply.json["claims"][0]["task_id"] == task
        again = await api.post(f"/api/v1/tasks/{task}/claim", {"agent_id": "bob"})
        assert (again.status, again.json["code"]) == (409, "not_claimable")

    @pytest.mark.parametrize(
        "task", ["tsk_0000000000000", "nonsense", "att_0000000000000", "tsk_" + "z" * 13]
    )
    async def test_claiming_an_unknown_task_is_404(self, api: Api, task: str) -> None:
        """OD-42"""
        assert (await api.post(f"/api/v1/tasks/{task}/claim", {"agent_id": "ann"})).status == 404

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"agent_id": ""},
            {"agent_id": "x" * 201},
            {"agent_id": "a\nb"},
            {"agent_id": 5},
            {"agent_id": "a", "max_tasks": 0},
            {"agent_id": "a", "max_tasks": 101},
            {"agent_id": "a", "wait_seconds": -1},
            {"agent_id": "a", "wait_seconds": 61},
            {"agent_id": "a", "modes": ["sometimes"]},
            {"agent_id": "a", "queues": ["q"] * 101},
            {"agent_id": "a", "surprise": 1},
        ],
    )
    async def test_a_wrong_claim_is_422_and_claims_nothing(
        self, api: Api, store: Store, body: dict[str, Any]
    ) -> None:
        """OD-42"""
        task = await submit(store)
        assert (await api.post("/api/v1/claims", body)).status == 422
        assert [claimed["task_id"] for claimed in await claim(api)] == [task]


class TestEnding:
    async def test_a_completed_attempt_finishes_its_task_once(self, api: Api, store: Store) -> None:
        """MC-3"""
        task = await submit(store)
        (claimed,) = await claim(api)
        more = {"output": "done", "cost_usd": 0.5, "exit_code": 0, "usage": {"input_tokens": 5}}
        first, second = await end(api, claimed, **more), await end(api, claimed, **more)
        assert (
            first.json
            == second.json
            == {"task_id": task, "state": "succeeded", "ready_at": None, "next": None}
        )
        metrics = (await api.get("/metrics")).body.decode()
        assert "muster_completions_total 1.0" in metrics
        assert "muster_claims_total 1.0" in metrics
        assert 'muster_tasks{state="succeeded"} 1.0' in metrics

    async def test_a_failed_attempt_waits_for_its_next_try(self, api: Api, store: Store) -> None:
        """MC-4, SW-4b"""
        await submit(store)
        (claimed,) = await claim(api)
        reply = await end(api, claimed, "fail", code="exit_nonzero", message="tests failed")
        assert reply.json["state"] == "backoff"
        assert reply.json["ready_at"].endswith("Z")

    async def test_the_next_attempt_is_told_what_the_last_one_tried(self, api: Api, store: Store) -> None:
        """SW-4b"""
        await submit(store)
        (claimed,) = await claim(api)
        run = {"token": claimed["token"], "agent": "claude", "session": "s1", "head_commit": "abcd12"}
        await api.post(f"/api/v1/attempts/{claimed['attempt_id']}/run", run)
        await end(api, claimed, "fail", code="released", message="shut down")
        (again,) = await claim(api, "bob")
        assert again["number"] == 2
        assert again["earlier_attempts"] == [
            {
                "number": 1,
                "state": "failed",
                "agent_id": "ann",
                "code": "released",
                "error": "shut down",
                "run_by": "claude",
                "session": "s1",
                "branch": None,
                "head_commit": "abcd12",
                "base_commit": None,
                "base_branch": None,
                "workspace": None,
            }
        ]

    async def test_a_code_nobody_knows_counts_as_an_agent_error(self, api: Api, store: Store) -> None:
        """SW-4b"""
        await submit(store)
        (claimed,) = await claim(api)
        assert (await end(api, claimed, "fail", code="moon_phase", message="full")).status == 200
        rows = await store.rows(Statement("SELECT code, error FROM attempts"))
        assert tuple(rows[0]) == ("agent_error", "moon_phase: full")

    async def test_complete_and_claim_next_in_one_call(self, api: Api, store: Store) -> None:
        """SW-4c"""
        await submit(store, "one")
        second = await submit(store, "two")
        (claimed,) = await claim(api)
        reply = await end(api, claimed, next={"agent_id": "ann"})
        assert [entry["task_id"] for entry in reply.json["next"]["claims"]] == [second]

    @pytest.mark.parametrize("token", ["0", "zz", "-1", "ffffffffffffffffffff", "_", " 1"])
    @pytest.mark.parametrize("verb", ["complete", "fail", "heartbeat", "record"])
    async def test_a_foreign_token_is_409_and_changes_nothing(
        self, api: Api, store: Store, verb: str, token: str
    ) -> None:
        """SW-4a"""
        await submit(store)
        (claimed,) = await claim(api)
        more = {"position": 0, "lines": [{"text": "x"}]} if verb == "record" else {}
        reply = await end(api, {**claimed, "token": token}, verb, **more)
        assert (reply.status, reply.json["code"]) == (409, "lease_lost")
        assert (await end(api, claimed)).status == 200

    @pytest.mark.parametrize("verb", ["complete", "fail", "heartbeat", "record"])
    async def test_an_unknown_attempt_is_404_or_lost(self, api: Api, verb: str) -> None:
        """OD-42"""
        more = {"position": 0, "lines": [{"text": "x"}]} if verb == "record" else {}
        for attempt, status in (("nonsense", 404), ("tsk_0000000000001", 404), ("att_0000000000001", 409)):
            assert (await end(api, {"attempt_id": attempt, "token": "1"}, verb, **more)).status == status

    async def test_after_a_failure_a_late_completion_is_refused(self, api: Api, store: Store) -> None:
        """SW-4a"""
        await submit(store)
        (claimed,) = await claim(api)
        await end(api, claimed, "fail")
        assert (await end(api, claimed)).status == 409

    @pytest.mark.parametrize(
        "more",
        [
            {"cost_usd": -1},
            {"cost_usd": 1e300},
            {"cost_usd": "1"},
            {"exit_code": 2**40},
            {"usage": {"input_tokens": -1}},
            {"output": "x" * 262_145},
            {"result": []},
            {"result": {"n": 2**70}},
        ],
    )
    async def test_a_wrong_completion_is_422_and_changes_nothing(
        self, api: Api, store: Store, more: dict[str, Any]
    ) -> None:
        """OD-42"""
        await submit(store)
        (claimed,) = await claim(api)
        assert (await end(api, claimed, **more)).status == 422
        assert (await end(api, claimed)).json["state"] == "succeeded"


ANSWER = {
    "output_schema": {
        "type": "object",
        "required": ["answer"],
        "properties": {"answer": {"type": "integer"}},
    }
}


class TestOutputSchemas:
    @pytest.mark.parametrize(
        ("result", "field"),
        [(None, "result"), ({}, "result"), ({"answer": "no"}, "result.answer")],
    )
    async def test_a_result_that_does_not_fit_is_refused_and_named(
        self, api: Api, store: Store, result: Any, field: str
    ) -> None:
        """SW-4e"""
        await submit(store, spec=ANSWER)
        (claimed,) = await claim(api)
        reply = await end(api, claimed, **({} if result is None else {"result": result}))
        assert (reply.status, reply.json["details"]["field"]) == (422, field)
        assert (await end(api, claimed, result={"answer": 42})).json["state"] == "succeeded"

    async def test_also_after_the_server_started_anew(self, api: Api, app: Any, store: Store) -> None:
        """SW-4e"""
        from muster.api.native import create_native_app

        await submit(store, spec=ANSWER)
        (claimed,) = await claim(api)
        later = Api(create_native_app(app.services))
        assert (await end(later, claimed, result={})).status == 422
        assert (await end(later, claimed, result={"answer": 1})).status == 200

    async def test_a_schema_elsewhere_is_not_fetched(self, api: Api, store: Store) -> None:
        """SW-4e"""
        await submit(store, spec={"output_schema": {"$ref": "http://127.0.0.1:9/schema.json"}})
        (claimed,) = await claim(api)
        reply = await end(api, claimed, result={})
        assert (reply.status, reply.json["details"]["field"]) == (422, "output_schema")


class TestHeartbeats:
    async def test_a_heartbeat_renews_the_lease(self, api: Api, store: Store) -> None:
        """SQ-5"""
        await submit(store)
        (claimed,) = await claim(api)
        reply = await end(api, claimed, "heartbeat", progress=0.5, message="half")
        assert reply.status == 200
        assert reply.json["lease_expires_at"] > claimed["claimed_at"]

    async def test_a_cancelled_holder_is_told_to_stop(self, api: Api, store: Store) -> None:
        """OD-2"""
        task = await submit(store)
        (claimed,) = await claim(api)
        await store.execute(cancel_task(ids.decode(ids.TASK, task)))
        reply = await end(api, claimed, "heartbeat")
        assert [directive["kind"] for directive in reply.json["directives"]] == ["cancel"]

    async def test_a_worker_is_told_at_once_of_a_cancel(self, api: Api, store: Store) -> None:
        """OD-2"""
        task = await submit(store)
        (claimed,) = await claim(api, worker_id="w")
        leases = [{"attempt_id": claimed["attempt_id"], "token": claimed["token"]}]
        body = {"leases": leases, "pid": 7, "capacity": 1, "modes": ["external"], "wait_seconds": 30}
        topic = f"attempt:{ids.decode(ids.ATTEMPT, claimed['attempt_id'])}"
        async with asyncio.TaskGroup() as group:
            call = group.create_task(api.post("/api/v1/workers/w/heartbeat", body))
            await eventually(lambda: topic in store.signals._topics)
            await store.execute(cancel_task(ids.decode(ids.TASK, task)))
        (directive,) = call.result().json["directives"]
        assert (directive["kind"], directive["attempt_id"]) == ("cancel", claimed["attempt_id"])

    async def test_leases_that_are_gone_are_lost(self, api: Api, store: Store) -> None:
        """SW-4a"""
        await submit(store)
        (claimed,) = await claim(api, worker_id="w")
        await end(api, claimed)
        leases = [
            {"attempt_id": claimed["attempt_id"], "token": claimed["token"]},
            {"attempt_id": "nonsense", "token": "1"},
        ]
        reply = await api.post("/api/v1/workers/w/heartbeat", {"leases": leases, "wait_seconds": 30})
        assert [directive["kind"] for directive in reply.json["directives"]] == ["lost", "lost"]

    async def test_a_worker_that_leaves_gives_back_what_it_no_longer_runs(
        self, api: Api, store: Store
    ) -> None:
        """SW-4a"""
        await submit(store)
        (claimed,) = await claim(api, worker_id="w")
        await api.post("/api/v1/workers/w/heartbeat", {"leaving": True})
        assert (await end(api, claimed, "heartbeat")).status == 409
        tried = await api.get(f"/api/v1/tasks/{claimed['task_id']}/attempts")
        assert [attempt["code"] for attempt in tried.json["items"]] == ["released"]

    async def test_worker_ids_may_hold_any_text(self, api: Api) -> None:
        """SQ-10"""
        for name in ("worker-host-queue", "a%2Fb%20c", "%C3%A4"):
            assert (await api.post(f"/api/v1/workers/{name}/heartbeat", {"capacity": 1})).status == 200


class TestRecording:
    async def test_lines_are_kept_once_however_often_they_are_sent(self, api: Api, store: Store) -> None:
        """SA-4a"""
        await submit(store)
        (claimed,) = await claim(api)
        lines = [{"text": "one"}, {"text": "two", "stream": "stderr"}]
        for _ in range(2):
            assert (await end(api, claimed, "record", position=0, lines=lines)).json == {"position": 2}
        assert (await end(api, claimed, "record", position=2, lines=lines)).json == {"position": 4}
        gap = await end(api, claimed, "record", position=9, lines=lines)
        assert (gap.status, gap.json["details"]["position"]) == (409, 4)

    @pytest.mark.parametrize(
        "body",
        [
            {"position": -1, "lines": [{"text": "x"}]},
            {"position": 0, "lines": []},
            {"position": 0, "lines": [{"text": "x"}] * 1001},
            {"position": 0, "lines": [{"text": "x" * 65_537}]},
            {"position": 0, "lines": [{"text": "x", "stream": "stdwhat"}]},
            {"position": 0, "lines": [{"text": "a\x00b"}]},
        ],
    )
    async def test_wrong_lines_are_refused(self, api: Api, store: Store, body: dict[str, Any]) -> None:
        """OD-42"""
        await submit(store)
        (claimed,) = await claim(api)
        assert (await end(api, claimed, "record", **body)).status == 422
