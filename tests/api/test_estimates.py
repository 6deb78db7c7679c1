"""What is known of a task before it is queued, from those that ended."""

from __future__ import annotations

from typing import Any

from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.client.wire import WorkerHeartbeatRequest
from muster.client.wire_runs import RunRequest
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.test_claims import claim, end, submit

TASK = {
    "title": "Mend it",
    "kind": "prompt",
    "payload": {"prompt": "Mend it", "agent": "claude"},
    "type": "bug_fix",
}


async def estimate(api: Api, **more: Any) -> dict[str, Any]:
    reply = await api.post("/api/v1/tasks/estimate", {**TASK, **more})
    assert reply.status == 200, reply.json
    return reply.json


async def ended(api: Api, store: Store, *, cost: float = 0.5, verb: str = "complete") -> None:
    spec = {"working_dir": "/src", "type": "bug_fix", "payload": {"prompt": "x", "agent": "claude"}}
    await submit(store, spec=spec, queue="agents", requires=("agent:claude",))
    (claimed,) = await claim(api, capabilities=["agent:claude"], queues=["agents"])
    client = Client(InProcessTransport(api.app))
    await client.describe_run(claimed["attempt_id"], RunRequest(token=claimed["token"], agent="claude"))
    more = {"code": "exit_nonzero", "message": "no", "retryable": False} if verb == "fail" else {}
    assert (await end(api, claimed, verb, cost_usd=cost, **more)).status == 200


async def worker(api: Api, *, capacity: int = 2) -> None:
    beat = WorkerHeartbeatRequest(
        host="box", capacity=capacity, modes=["auto"], capabilities=["agent:claude"]
    )
    await Client(InProcessTransport(api.app)).worker_heartbeat("w1", beat)


async def test_the_first_of_its_kind_is_rough_and_has_no_figures(api: Api) -> None:
    """OD-40: nothing is made up."""
    found = await estimate(api)
    assert (found["similar"], found["rough"], found["same"]) == (0, True, [])
    assert (found["cost_usd"], found["seconds"], found["succeeded"]) == (None, None, None)
    assert found["waits_for"]["code"] in ("no_worker", "no_agent")
    assert (found["position"], found["starts_in_seconds"], found["workers"]) == (1, None, 0)


async def test_tasks_like_it_give_ranges(api: Api, store: Store) -> None:
    """OD-40"""
    for cost in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        await ended(api, store, cost=cost)
    found = await estimate(api, working_dir="/src")
    assert (found["similar"], found["same"]) == (6, ["type", "agent", "directory"])
    assert found["cost_usd"] == {"low": 0.2, "typical": 0.3, "high": 0.5}
    assert 0 < found["seconds"]["low"] <= found["seconds"]["high"]
    assert (found["rough"], found["succeeded"]) == (True, 1.0)
    other = await estimate(api, working_dir="/other", queue="agents")
    assert (other["similar"], other["same"]) == (6, ["type", "agent", "queue"])
    assert (await estimate(api, type="code_review"))["similar"] == 0
    assert (await estimate(api, kind="bash", payload={"script": "true"}))["similar"] == 0


async def test_its_place_and_its_start_are_told(api: Api, store: Store) -> None:
    """OD-40: nothing is queued by asking."""
    await worker(api)
    now = await estimate(api)
    assert (now["position"], now["waits_for"], now["starts_in_seconds"]) == (
        1,
        None,
        {"low": 0, "typical": 0, "high": 0},
    )
    assert (now["workers"], now["free_places"]) == (1, 2)
    for _ in range(3):
        await submit(store, queue="agents", requires=("agent:claude",))
    later = await estimate(api)
    assert (later["position"], later["starts_in_seconds"]) == (4, None)
    assert (await estimate(api, priority="urgent"))["position"] == 1
    assert (await api.get("/api/v1/tasks?queue=agents")).json["items"][0]["title"] == "work"


async def test_what_holds_it_back_is_told(api: Api) -> None:
    """OD-40"""
    await worker(api)
    assert (await api.post("/api/v1/queues/agents/pause", {})).status == 200
    found = await estimate(api)
    assert (found["waits_for"]["code"], found["starts_in_seconds"]) == ("queue_paused", None)
    given = await estimate(api, assigned_to="ann", queue="inbox")
    assert given["waits_for"]["code"] == "assigned_to"
    assert (await estimate(api, assigned_to="bob"))["waits_for"]["code"] == "queue_paused"


async def test_a_task_that_could_not_be_queued_is_refused(api: Api) -> None:
    """OD-40"""
    reply = await api.post("/api/v1/tasks/estimate", {**TASK, "queue": "nowhere"})
    assert reply.status == 404
