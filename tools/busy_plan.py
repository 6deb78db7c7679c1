"""Fills a server with planned work over its API, for pictures: `python -m tools.busy_plan URL`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final

from muster.client.client import Client
from muster.client.http import HttpTransport
from muster.client.wire import ClaimRequest, CompleteRequest, FailRequest

WAITING: Final = (
    ("Trim the API surface before the freeze", "high", 1.1),
    ("Renew leases across a clock jump", "medium", 2.4),
    ("Add retention to the events table", "medium", 0.8),
    ("Cover the diff parser with fixtures", "medium", 0.6),
    ("Speed up the start of the command line", "low", 1.9),
)
FAILURES: Final = (
    ("Upgrade the tokenizer to 5", "exit_code", "CUDA out of memory on spark-01"),
    (
        "Rebuild the search index",
        "acceptance_failed",
        "make check exited with 2: 3 tests of tests/search failed",
    ),
)


async def _task(client: Client, title: str, **more: Any) -> str:
    made = await client.post(
        "/tasks", {"title": title, "kind": "prompt", "payload": {}, "queue": "backend", **more}
    )
    return str(made["id"])


async def fill(client: Client) -> None:
    """Projects with money, queues with tasks in order, sessions, dead letters."""
    hooks = await client.post(
        "/projects", {"name": "hooks-api", "budget_usd": 80, "description": "Deliver webhooks reliably."}
    )
    await client.post("/projects", {"name": "site", "budget_usd": 25, "status": "paused"})
    await client.post(
        "/queues",
        {
            "name": "backend",
            "mode": "external",
            "concurrency": 4,
            "project_id": hooks["id"],
            "instructions": "Run the tests before you finish. Keep public interfaces as they are.",
        },
    )
    await client.post("/queues", {"name": "nightly", "mode": "auto"})
    await client.post("/queues/nightly/pause", {})
    session = await client.post(
        "/sessions",
        {
            "name": "Webhook reliability",
            "project_id": hooks["id"],
            "context": "Deliveries retry up to eight times.\nJitter is applied after the cap.",
        },
    )
    for title, code, message in FAILURES:
        task = await _task(client, title, retry={"max_attempts": 1})
        held = (await client.claim_task(task, ClaimRequest(agent_id="kite-04"))).claims[0]
        await client.fail(held.attempt_id, FailRequest(token=held.token, code=code, message=message))
    for number, title in enumerate(("Split the billing spec into tickets", "Remove dead API routes")):
        task = await _task(client, title, session_id=session["id"], estimated_cost_usd=3)
        held = (await client.claim_task(task, ClaimRequest(agent_id="wren-02"))).claims[0]
        await client.complete(held.attempt_id, CompleteRequest(token=held.token, cost_usd=12.4 + number))
    running = await _task(
        client, "Retry webhooks with jittered back-off", session_id=session["id"], estimated_cost_usd=5
    )
    await client.claim_task(running, ClaimRequest(agent_id="swift-03"))
    for title, priority, estimate in WAITING:
        await _task(client, title, priority=priority, estimated_cost_usd=estimate, session_id=session["id"])


async def main() -> None:
    """Fill the server at the address given."""
    client = Client(HttpTransport(sys.argv[1], retry_seconds=60))
    try:
        await fill(client)
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
