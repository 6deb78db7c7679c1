"""The fleet and the overview, as the first page of the web interface asks for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.client.wire import WorkerHeartbeatRequest
from muster.client.wire_approvals import AskRequest
from muster.client.wire_hosts import Gpu, HostFacts
from muster.client.wire_runs import CallsRequest, RunRequest
from muster.domain.retry import RetryPolicy
from muster.domain.transcript import Message, ToolCall, ToolKind
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.test_claims import claim, end, submit
from tests.api.test_runs import a_call


def client_of(api: Api) -> Client:
    return Client(InProcessTransport(api.app))


async def fleet(api: Api) -> dict[str, Any]:
    reply = await api.get("/api/v1/fleet")
    assert reply.status == 200, reply.json
    return reply.json


async def overview(api: Api, query: str = "") -> dict[str, Any]:
    reply = await api.get(f"/api/v1/overview{query}")
    assert reply.status == 200, reply.json
    return reply.json


class TestFleet:
    async def test_an_empty_installation_has_an_empty_fleet(self, api: Api) -> None:
        """OD-6"""
        found = await fleet(api)
        assert (found["rows"], found["machines"], found["more"]) == ([], [], False)

    async def test_an_agent_at_work_shows_what_it_does_and_what_it_used(self, api: Api, store: Store) -> None:
        """OD-6, OD-27"""
        await submit(store, "Mend the pipe", spec={"payload": {"role": "builder"}})
        (held,) = await claim(api)
        client = client_of(api)
        run = RunRequest(token=held["token"], agent="claude", model="m", context_used=50, context_window=100)
        await client.describe_run(held["attempt_id"], run)
        await client.send_calls(held["attempt_id"], CallsRequest(token=held["token"], calls=[a_call("a")]))
        entries = (
            Message("I look."),
            ToolCall("t1", "Edit", tool=ToolKind.EDIT, paths=["src/pipe.py"]),
        )
        await client.send_transcript(held["attempt_id"], held["token"], 0, entries)
        (row,) = (await fleet(api))["rows"]
        assert (row["state"], row["task"], row["program"], row["model"]) == (
            "running",
            "Mend the pipe",
            "claude",
            "m",
        )
        assert row["now"] == {"verb": "editing", "subject": "src/pipe.py"}
        assert row["role"] == "builder"
        assert (row["context_used"], row["context_window"]) == (50, 100)
        assert (row["tokens"], row["cost_usd"]) == (110, 0.25)

    async def test_one_that_asks_is_waiting_and_says_for_what(self, api: Api, store: Store) -> None:
        """OD-6"""
        await submit(store)
        (held,) = await claim(api)
        ask = AskRequest(token=held["token"], key="t1", kind="permission", title="alembic upgrade head")
        asked = await client_of(api).ask(held["attempt_id"], ask)
        (row,) = (await fleet(api))["rows"]
        assert (row["state"], row["approval_id"]) == ("waiting", asked.approval_id)
        assert row["now"] == {"verb": "wanting", "subject": "alembic upgrade head"}

    async def test_an_agent_without_work_is_idle_with_its_machine(self, api: Api, store: Store) -> None:
        """OD-6"""
        client = client_of(api)
        facts = HostFacts(
            processors=8,
            load=2.0,
            gpus=[Gpu(name="GB10", memory_bytes=128, memory_used_bytes=32)],
        )
        presence = WorkerHeartbeatRequest(host="spark-01", capacity=4, modes=["external"], facts=facts)
        await client.worker_heartbeat("spark-01", presence)
        await api.call("POST", "/api/v1/agents", {"id": "spark-01", "name": "scripts on spark-01"})
        await api.call("POST", "/api/v1/agents", {"id": "ann", "name": "Ann", "status": "offline"})
        found = await fleet(api)
        assert [(row["name"], row["state"], row["machine"]) for row in found["rows"]] == [
            ("Ann", "offline", None),
            ("scripts on spark-01", "idle", "spark-01"),
        ]
        (machine,) = found["machines"]
        assert (machine["host"], machine["capacity"], machine["running"], machine["quiet"]) == (
            "spark-01",
            4,
            0,
            False,
        )
        assert (machine["load"], machine["gpu"], machine["gpu_memory"]) == (0.25, "GB10", 0.25)

    async def test_several_tasks_of_one_agent_are_several_rows(self, api: Api, store: Store) -> None:
        """OD-6"""
        for title in ("one", "two"):
            await submit(store, title)
        await claim(api, max_tasks=2)
        rows = (await fleet(api))["rows"]
        assert sorted(row["task"] for row in rows) == ["one", "two"]
        assert len({row["agent_id"] for row in rows}) == 1


class TestOverview:
    async def test_an_empty_installation_has_an_empty_day(self, api: Api) -> None:
        """OD-6"""
        found = await overview(api)
        assert (found["waiting"], found["problems"], found["open"]) == (0, 0, 0)
        assert (found["day"]["cost_usd"], found["day"]["median_seconds"]) == (0, None)
        assert len(found["day"]["hours"]) == 24

    async def test_the_day_counts_what_ended_and_what_it_cost(self, api: Api, store: Store) -> None:
        """OD-6, SA-4"""
        for title in ("good", "bad", "open"):
            await submit(store, title, spec={"retry": RetryPolicy(max_attempts=1)})
        good, bad = await claim(api, max_tasks=2)
        await end(api, good, cost_usd=0.5)
        await end(api, bad, "fail", code="exit", message="no")
        found = await overview(api)
        assert (found["open"], found["problems"]) == (1, 1)
        assert found["day"]["cost_usd"] == 0.5
        ended = found["day"]["hours"][-1]
        assert (ended["succeeded"], ended["failed"]) == (1, 1)
        assert found["day"]["median_seconds"] is not None

    async def test_what_runs_is_counted_as_far_as_it_is(self, api: Api, store: Store) -> None:
        """SA-4a"""
        await submit(store)
        (held,) = await claim(api)
        client = client_of(api)
        await client.describe_run(held["attempt_id"], RunRequest(token=held["token"], agent="claude"))
        calls = [a_call("a"), a_call("b", cost_usd=None, pricing="unpriced", price_version=None)]
        await client.send_calls(held["attempt_id"], CallsRequest(token=held["token"], calls=calls))
        day = (await overview(api))["day"]
        assert (day["cost_usd"], day["unpriced_calls"], day["tokens"]["input_tokens"]) == (0.25, 1, 200)

    async def test_budgets_are_summed_up_with_what_is_used_of_them(self, api: Api) -> None:
        """MC-5"""
        for name, budget in (("a", 3.0), ("b", 2.0)):
            await api.post("/api/v1/projects", {"name": name, "budget_usd": budget})
        found = await overview(api)
        assert (found["budget_usd"], found["budget_used_usd"]) == (5.0, 0.0)

    async def test_requests_that_wait_for_people_are_counted(self, api: Api, store: Store) -> None:
        """OD-6: the one number of the inbox."""
        await submit(store)
        (held,) = await claim(api)
        ask = AskRequest(token=held["token"], key="q", kind="question", title="Which?")
        await client_of(api).ask(held["attempt_id"], ask)
        assert (await overview(api))["waiting"] == 1

    async def test_the_day_begins_where_the_caller_says(self, api: Api) -> None:
        """OD-6"""
        now = datetime.now(UTC)
        hour = (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert len((await overview(api, f"?since={hour}"))["day"]["hours"]) == 2
        for wrong in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "yesterday"):
            assert (await api.get(f"/api/v1/overview?since={wrong}")).status == 422
