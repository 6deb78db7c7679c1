"""How agents do, what they used, and whether they stand still."""

from __future__ import annotations

from typing import Any

import pytest

from muster.api.app import App
from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.client.wire_runs import CallsRequest, RunRequest
from muster.domain.retry import RetryPolicy
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.test_claims import claim, end, submit
from tests.api.test_runs import a_call

V1 = "/api/v1"


@pytest.fixture
def worker(app: App) -> Client:
    return Client(InProcessTransport(app))


async def agent(api: Api, agent_id: str = "ann") -> dict[str, Any]:
    reply = await api.get(f"{V1}/agents/{agent_id}")
    assert reply.status == 200, reply.json
    return reply.json


async def worked(api: Api, store: Store, title: str, verb: str = "complete", **more: Any) -> dict[str, Any]:
    await submit(store, title, spec={"retry": RetryPolicy(max_attempts=1)})
    (held,) = await claim(api)
    await end(api, held, verb, **more)
    return held


class TestRecords:
    async def test_an_agent_that_did_nothing_yet_has_an_empty_record(self, api: Api) -> None:
        """OD-6"""
        await api.post(f"{V1}/agents", {"name": "ann"})
        record = (await agent(api))["record"]
        assert (record["tasks"], record["looked_at"], record["cost_usd"]) == (0, 0, 0)
        assert (record["median_cost_usd"], record["median_seconds"]) == (None, None)

    async def test_it_says_how_tasks_ended_and_what_they_cost(self, api: Api, store: Store) -> None:
        """OD-6"""
        await worked(api, store, "one", cost_usd=0.5)
        await worked(api, store, "two", cost_usd=0.1)
        await worked(api, store, "three", "fail", code="exit", message="no", cost_usd=0.2)
        await submit(store, "four")
        await claim(api)
        record = (await agent(api))["record"]
        assert (record["tasks"], record["looked_at"]) == (4, 4)
        assert (record["succeeded"], record["failed"], record["cancelled"]) == (2, 1, 0)
        assert (record["cost_usd"], record["median_cost_usd"]) == (0.8, 0.2)
        assert record["median_seconds"] is not None

    async def test_a_list_has_it_when_it_is_asked_for(self, api: Api, store: Store) -> None:
        """OD-6"""
        await worked(api, store, "one")
        await api.post(f"{V1}/agents", {"name": "bob"})
        plain = (await api.get(f"{V1}/agents")).json["items"]
        assert [row["record"] for row in plain] == [None, None]
        full = (await api.get(f"{V1}/agents?record=true")).json["items"]
        assert [(row["id"], row["record"]["tasks"]) for row in full] == [("ann", 1), ("bob", 0)]


class TestUsage:
    async def test_it_is_told_by_model_and_by_task(self, api: Api, store: Store, worker: Client) -> None:
        """OD-6, SA-4"""
        task = await submit(store, "Mend it")
        (held,) = await claim(api)
        await worker.describe_run(held["attempt_id"], RunRequest(token=held["token"], agent="claude"))
        calls = [a_call("a"), a_call("b"), a_call("c", model="n", cost_usd=None, pricing="unpriced")]
        await worker.send_calls(held["attempt_id"], CallsRequest(token=held["token"], calls=calls))
        found = (await api.get(f"{V1}/agents/ann/usage")).json
        assert [(use["model"], use["calls"], use["cost_usd"]) for use in found["models"]] == [
            ("m", 2, 0.5),
            ("n", 1, 0),
        ]
        assert (await agent(api))["record"]["cost_usd"] == 0.5
        (use,) = found["tasks"]
        assert (use["task_id"], use["title"], use["state"]) == (task, "Mend it", "running")
        assert (use["cost_usd"], use["calls"], use["unpriced_calls"]) == (0.5, 3, 1)
        assert use["tokens"]["input_tokens"] == 300
        assert (found["looked_at"], found["more"], found["unmetered_cost_usd"]) == (1, False, 0)

    async def test_what_agents_say_themselves_is_told_apart(self, api: Api, store: Store) -> None:
        """SA-4"""
        await worked(api, store, "one", cost_usd=0.5)
        await worked(api, store, "two", cost_usd=0.25)
        found = (await api.get(f"{V1}/agents/ann/usage?limit=1")).json
        assert (found["looked_at"], found["more"], found["unmetered_cost_usd"]) == (1, True, 0.25)
        assert [use["title"] for use in found["tasks"]] == ["two"]
        assert (await api.get(f"{V1}/agents/nobody/usage")).status == 404


class TestPauses:
    async def test_a_script_can_neither_be_paused_nor_told_anything(self, api: Api, store: Store) -> None:
        """OD-27: nobody there would hear it"""
        script = {"title": "s", "kind": "bash", "payload": {"script": "true"}, "queue": "inbox"}
        task = (await api.post(f"{V1}/tasks", script)).json["id"]
        await claim(api)
        for body in ({"kind": "pause"}, {"kind": "interrupt"}, {"kind": "say", "text": "hello"}):
            refused = await api.post(f"{V1}/tasks/{task}/messages", body)
            assert (refused.status, refused.json["code"]) == (409, "wrong_state")
            assert "cancel the task to stop it" in refused.json["message"]

    async def test_an_agent_stands_still_from_the_word_to_pause_until_the_one_to_go_on(
        self, api: Api, store: Store
    ) -> None:
        """OD-27"""
        task = await submit(store)
        (held,) = await claim(api)

        async def stands() -> tuple[bool, bool, str]:
            shown = (await api.get(f"{V1}/tasks/{task}")).json["attempt"]["paused"]
            listed = (await api.get(f"{V1}/tasks/{task}/attempts")).json["items"][0]["paused"]
            (row,) = (await api.get(f"{V1}/fleet")).json["rows"]
            return shown, listed, row["state"]

        async def told(kind: str) -> None:
            word = (await api.post(f"{V1}/tasks/{task}/messages", {"kind": kind})).json["id"]
            beat = {"token": held["token"], "delivered": [word]}
            assert (await api.post(f"{V1}/attempts/{held['attempt_id']}/heartbeat", beat)).status == 200

        assert await stands() == (False, False, "running")
        await api.post(f"{V1}/tasks/{task}/messages", {"kind": "pause"})
        assert await stands() == (False, False, "running")
        await told("pause")
        assert await stands() == (True, True, "paused")
        await told("resume")
        assert await stands() == (False, False, "running")
        await told("pause")
        await end(api, held)
        assert (await api.get(f"{V1}/tasks/{task}")).json["attempt"]["paused"] is False
