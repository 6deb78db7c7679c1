"""From enqueue to a claimer that waits: one long-polling claimer on an otherwise idle system."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import uvloop

from benchmarks.child import Answer, Parameters, answer, run_side
from benchmarks.load import server, work
from benchmarks.load.connection import Connection, connect, request
from benchmarks.statistics import latency_figures

WAIT_SECONDS = 30
SETTLE_SECONDS = 0.02
"""Pause before each enqueue: the claimer's request has arrived and the system is idle again."""


async def _drive(parameters: Parameters, target: server.Server) -> tuple[list[float], list[float]]:
    submitter, claimer = await connect(target.port), await connect(target.port)
    raw = parameters["server"] == "raw"
    claim = request(
        "POST",
        "/api/v1/claims",
        {"agent_id": "agent-000", "queues": [work.QUEUE], "wait_seconds": WAIT_SECONDS},
        token=target.token,
    )
    pickups: list[float] = []
    answers: list[float] = []
    for number in range(parameters["jobs"]):
        submit = request("POST", "/api/v1/tasks", work.task(number), token=target.token)
        arrived = 0.0

        async def wait_for_task() -> dict[str, Any]:
            nonlocal arrived
            claimed = await claimer.json(claim)
            arrived = time.perf_counter()
            return claimed

        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(wait_for_task())
            await asyncio.sleep(SETTLE_SECONDS)
            began = time.perf_counter()
            await submitter.json(submit)
            answers.append(time.perf_counter() - began)
        pickups.append(arrived - began)
        claimed = waiting.result()["claims"]
        if len(claimed) != 1:
            raise RuntimeError(f"the claimer got {claimed!r}")
        if not raw:
            await _complete(submitter, target, claimed[0])
    return pickups, answers


async def _complete(connection: Connection, target: server.Server, claim: dict[str, str]) -> None:
    path = f"/api/v1/attempts/{claim['attempt_id']}/complete"
    await connection.json(
        request("POST", path, {"token": claim["token"], "cost_usd": 0.015}, token=target.token)
    )


def measure(parameters: Parameters) -> Answer:
    """Latency from sending the enqueue to the claimer having the task."""
    with server.start(parameters, data=work.prepared(parameters)) as target:
        pickups, answers = uvloop.run(_drive(parameters, target))
    return answer(
        {**latency_figures(pickups), **latency_figures(answers, "enqueue_")},
        durability=target.durability,
        subject=target.subject,
    )


if __name__ == "__main__":
    run_side(measure)
