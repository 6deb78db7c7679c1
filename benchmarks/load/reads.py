"""Lists, filters and details over HTTP on a database with a million tasks and ten million events."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.child import Answer, Parameters, answer, run_side
from benchmarks.load import server
from benchmarks.load.connection import Connection, connect, request
from benchmarks.statistics import latency_figures

WARM_UP = 5


def _queries(ids: list[str], day: list[str]) -> dict[str, list[str]]:
    """Paths by the group they are counted in."""
    window = f"created_after={day[0]}&created_before={day[1]}"
    return {
        "list": ["/api/v1/tasks?limit=50", "/api/v1/tasks?limit=50&state=ready", "/api/v1/tasks?limit=100"],
        "filter": [
            "/api/v1/tasks?limit=50&state=failed",
            "/api/v1/tasks?limit=50&queue=queue-07",
            "/api/v1/tasks?limit=50&queue=queue-07&state=failed",
            "/api/v1/tasks?limit=50&agent=agent-0007",
            "/api/v1/tasks?limit=50&agent=agent-0007&state=failed",
            f"/api/v1/tasks?limit=50&{window}",
            f"/api/v1/tasks?limit=50&state=failed&{window}",
            "/api/v1/tasks?limit=50&tag=nightly",
            "/api/v1/tasks?limit=50&q=parser",
        ],
        "detail": [f"/api/v1/tasks/{task}" for task in ids]
        + [f"/api/v1/tasks/{task}/events" for task in ids],
    }


async def _ids(connection: Connection, target: server.Server, *, raw: bool) -> list[str]:
    """Tasks spread over the pages of a list, by following its cursor."""
    if raw:
        return ["tsk_0dq3m8x1c7w00"] * 20
    ids: list[str] = []
    cursor = ""
    for _ in range(20):
        page = await connection.json(request("GET", f"/api/v1/tasks?limit=50{cursor}", token=target.token))
        ids.append(page["items"][-1]["id"])
        cursor = f"&cursor={page['next_cursor']}"
    return ids


async def _drive(
    parameters: Parameters, target: server.Server
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    connection = await connect(target.port)
    ids = await _ids(connection, target, raw=parameters["server"] == "raw")
    groups = _queries(ids, parameters["day"])
    latencies: dict[str, list[float]] = {group: [] for group in groups}
    slowest: dict[str, float] = {}
    for round_number in range(parameters["repeats"] + WARM_UP):
        for group, paths in groups.items():
            for path in paths:
                asked = request("GET", path, token=target.token)
                began = time.perf_counter()
                status, body = await connection.ask(asked)
                spent = time.perf_counter() - began
                if status != 200:
                    raise RuntimeError(f"{path} was answered {status}: {body[:300]!r}")
                if round_number >= WARM_UP:
                    latencies[group].append(spent)
                    shape = path if group != "detail" else "/events" if path.endswith("events") else "/{id}"
                    slowest[shape] = max(slowest.get(shape, 0), spent * 1000)
    return latencies, {shape: round(value, 2) for shape, value in slowest.items()}


def measure(parameters: Parameters) -> Answer:
    """Latencies of lists, filters and details."""
    data = Path(parameters["data"]) if parameters["server"] != "raw" else None
    with server.start(parameters, data=data) as target:
        latencies, slowest = uvloop.run(_drive(parameters, target))
        resident = target.resident_mib()
    figures: dict[str, float] = {}
    for group, values in latencies.items():
        figures |= latency_figures(values, f"{group}_")
    return answer(
        figures,
        durability="reads",
        subject=target.subject,
        note=f"server {resident:.0f} MiB",
        slowest_ms=slowest,
    )


if __name__ == "__main__":
    run_side(measure)
