"""Waiting for one request's end (SW-1a)."""

from __future__ import annotations

import asyncio
import time

from muster.api.services import Services
from tests.api.asgi import Api
from tests.api.test_swarm_hitl import BASH, decide, held


async def test_whoever_waits_for_a_request_hears_of_its_end_at_once(api: Api) -> None:
    agent = await held(api)
    made = (await agent.ask("permission", BASH))["approval_id"]
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(api.get(f"/api/v1/approvals/{made}?wait_seconds=60"))
        other = (await agent.ask("permission", BASH, key="other"))["approval_id"]
        await decide(api, other, "approve")
        await decide(api, made, "reject", reason="no")
    assert waiting.result().json["state"] == "answered"
    assert time.monotonic() - began < 30


async def test_waiting_ends_with_its_time_with_the_request_and_with_the_server(
    api: Api, services: Services
) -> None:
    agent = await held(api)
    made = (await agent.ask("permission", BASH))["approval_id"]
    assert (await api.get(f"/api/v1/approvals/{made}?wait_seconds=0.05")).json["state"] == "pending"
    assert (await api.get("/api/v1/approvals/apr_0000000000000?wait_seconds=60")).status == 404
    services.drain.start()
    assert (await api.get(f"/api/v1/approvals/{made}?wait_seconds=60")).json["state"] == "pending"
