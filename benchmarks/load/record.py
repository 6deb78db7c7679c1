"""What agents print or say: 50 lines or entries a request on many running attempts at once."""

from __future__ import annotations

import asyncio
import time

import uvloop

from benchmarks.child import Answer, Parameters, answer, run_side
from benchmarks.load import server, work
from benchmarks.load.connection import Connection, connect, request
from benchmarks.statistics import latency_figures

LINES = 50
LINE = (
    '{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"'
    "I have read the failing test and the module it covers; the cause is the unit of the timeout, which "
    'the caller gives in seconds and the callee takes in milliseconds."}],"usage":{"output_tokens":64}}}'
)


ENTRIES = [
    {
        "kind": "message",
        "text": "I have read the failing test and the module it covers; the cause is the unit of the timeout.",
        "more": True,
    },
    {
        "kind": "tool_call",
        "id": "toolu_01A",
        "name": "Bash",
        "tool": "execute",
        "command": "pytest -q tests/unit/test_timeouts.py",
        "input": {"command": "pytest -q tests/unit/test_timeouts.py", "description": "Run the failing test"},
    },
    {"kind": "tool_result", "id": "toolu_01A", "output": "E   assert 300 == 300000\n" * 12, "exit_code": 1},
    {"kind": "thinking", "text": "The caller gives seconds and the callee takes milliseconds. " * 3},
    {
        "kind": "usage",
        "usage": {"input": 1200, "output": 64},
        "context_used": 18_000,
        "context_window": 200_000,
    },
]


def _batch(noun: str) -> dict[str, object]:
    """The lines or entries of a request."""
    if noun == "transcript":
        return {"entries": [ENTRIES[number % len(ENTRIES)] for number in range(LINES)]}
    return {"lines": [{"text": LINE}] * LINES}


async def _attempt(connection: Connection, target: server.Server, name: str, *, raw: bool) -> tuple[str, str]:
    if raw:
        return "att_0dq3m8x1c7w01", "8213377102"
    claim = request("POST", "/api/v1/claims", {"agent_id": name, "queues": [work.QUEUE]}, token=target.token)
    claimed = (await connection.json(claim))["claims"][0]
    described = {"token": claimed["token"], "agent": "bench"}
    run = request("POST", f"/api/v1/attempts/{claimed['attempt_id']}/run", described, token=target.token)
    await connection.json(run)
    return claimed["attempt_id"], claimed["token"]


async def _stream(
    connection: Connection,
    target: server.Server,
    attempt: tuple[str, str],
    requests: int,
    latencies: list[float],
    noun: str,
    *,
    raw: bool,
) -> None:
    batch = _batch(noun)
    for number in range(requests):
        body = {"token": attempt[1], "position": number * LINES, **batch}
        sent = request("POST", f"/api/v1/attempts/{attempt[0]}/{noun}", body, token=target.token)
        began = time.perf_counter()
        kept = await connection.json(sent)
        latencies.append(time.perf_counter() - began)
        if not raw and kept["position"] != (number + 1) * LINES:
            raise RuntimeError(f"the server kept {kept} of {(number + 1) * LINES} lines")


async def _drive(parameters: Parameters, target: server.Server) -> tuple[float, list[float]]:
    streams, raw = parameters["streams"], parameters["server"] == "raw"
    connections = [await connect(target.port) for _ in range(streams)]
    attempts = [
        await _attempt(connection, target, f"agent-{number:03}", raw=raw)
        for number, connection in enumerate(connections)
    ]
    latencies: list[float] = []
    noun = parameters.get("noun", "record")
    each = parameters["lines"] // LINES // streams
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for connection, attempt in zip(connections, attempts, strict=True):
            group.create_task(_stream(connection, target, attempt, each, latencies, noun, raw=raw))
    return time.perf_counter() - began, latencies


def measure(parameters: Parameters) -> Answer:
    """Lines or entries per second."""
    with server.start(parameters, data=work.prepared(parameters, jobs=parameters["streams"])) as target:
        spent, latencies = uvloop.run(_drive(parameters, target))
    return answer(
        {"lines_per_second": len(latencies) * LINES / spent, **latency_figures(latencies)},
        durability=target.durability,
        subject=target.subject,
        note=f"{parameters['streams']} attempts at once",
    )


if __name__ == "__main__":
    run_side(measure)
