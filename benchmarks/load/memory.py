"""Resident memory of the server with 1,000 registered agents that hold tasks, and 1,000 sockets that get events."""

from __future__ import annotations

import uvloop

from benchmarks.child import Answer, Parameters, answer, run_side
from benchmarks.load import server, work
from benchmarks.load.connection import connect, request
from benchmarks.load.frames import open_sockets

EVENTS = 200


async def _drive(parameters: Parameters, target: server.Server) -> tuple[float, float]:
    agents = parameters["agents"]
    received = 0

    def count(_: bytes) -> None:
        nonlocal received
        received += 1

    sockets = await open_sockets(target.port, "/ws", target.token, [count] * parameters["sockets"])
    connections = [await connect(target.port) for _ in range(agents)]
    for number, connection in enumerate(connections):
        claim = {"agent_id": f"agent-{number:04}", "queues": [work.QUEUE]}
        claimed = await connection.json(request("POST", "/api/v1/claims", claim, token=target.token))
        if len(claimed["claims"]) != 1:
            raise RuntimeError(f"agent {number} got no task: {claimed}")
    for number in range(EVENTS):
        await connections[number].json(
            request("POST", "/api/v1/tasks", work.task(number), token=target.token)
        )
    if received < EVENTS:
        raise RuntimeError("the sockets got no events: nothing was measured")
    now, peak = target.resident_mib(), target.peak_mib()
    closed = [socket.closed for socket in sockets if socket.closed]
    if closed:
        raise RuntimeError(f"{len(closed)} sockets were closed: {closed[0]}")
    return now, peak


def measure(parameters: Parameters) -> Answer:
    """Resident and peak memory in MiB."""
    with server.start(parameters, data=work.prepared(parameters, jobs=parameters["agents"])) as target:
        idle = target.resident_mib()
        now, peak = uvloop.run(_drive(parameters, target))
    return answer(
        {"resident_mib": now, "peak_mib": peak, "idle_mib": idle},
        durability=target.durability,
        subject=target.subject,
        note=f"{idle:.0f} MiB when idle, {peak:.0f} MiB at the most",
    )


if __name__ == "__main__":
    run_side(measure)
