"""The work a load puts on a server: one project with money, one external queue, tasks with an estimate."""

from __future__ import annotations

from typing import Any

from benchmarks.load.connection import Connection, connect, request
from benchmarks.load.server import Server

PROJECT, QUEUE = "bench", "bench"
ESTIMATE_USD = 0.02
BUDGET_USD = 100_000
BULK = 500


def task(number: int) -> dict[str, Any]:
    """The body of one task."""
    return {
        "title": f"job {number}",
        "queue": QUEUE,
        "project": PROJECT,
        "kind": "command",
        "payload": {"argv": ["true"]},
        "estimated_cost_usd": ESTIMATE_USD,
        "tags": ["bench"],
    }


async def prepare(server: Server, *, jobs: int) -> None:
    """Make project and queue, give money, and queue `jobs` tasks."""
    connection = await connect(server.port)
    await make_place(connection, server)
    for first in range(0, jobs, BULK):
        tasks = [task(number) for number in range(first, min(first + BULK, jobs))]
        await connection.json(request("POST", "/api/v1/tasks/bulk", {"tasks": tasks}, token=server.token))
    connection.close()


async def make_place(connection: Connection, server: Server) -> None:
    """The project with a hard budget that suffices, and the queue."""
    project = {"name": PROJECT, "budget_usd": BUDGET_USD, "enforcement": "hard"}
    made = await connection.json(request("POST", "/api/v1/projects", project, token=server.token))
    await connection.json(
        request(
            "POST",
            "/api/v1/queues",
            {"name": QUEUE, "mode": "external", "project_id": made["id"]},
            token=server.token,
        )
    )
