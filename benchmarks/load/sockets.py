"""WebSocket fan-out: tasks are queued at a steady rate and every client must get every event.

Each event's latency is taken from the marker in the task's title, the time its request was sent, so
it contains the request, the commit, the fsync and the delivery.
"""

from __future__ import annotations

import asyncio
import re
import time

import uvloop

from benchmarks.child import Answer, Parameters, answer, run_side
from benchmarks.load import server, work
from benchmarks.load.connection import Connection, connect, request
from benchmarks.load.frames import open_sockets
from benchmarks.statistics import latency_figures

SUBMITTERS = 8
DRAIN_SECONDS = 10
_MARK = re.compile(rb"mark-(\d+)-(\d+)-end")


class _Marks:
    """Finds the marked events in a message; all clients get the same messages, so each is read once."""

    def __init__(self) -> None:
        self._known: dict[bytes, list[tuple[int, int]]] = {}

    def of(self, payload: bytes) -> list[tuple[int, int]]:
        """Number and sending time of every marked event of a message; it may carry several."""
        found = self._known.get(payload)
        if found is None:
            if len(self._known) > 1_000:
                self._known.clear()
            wanted = b"task.submitted" in payload
            found = [(int(m[1]), int(m[2])) for m in _MARK.finditer(payload)] if wanted else []
            self._known[payload] = found
        return found


class _Client:
    """Counts the events one client got and how late they were."""

    def __init__(self, marks: _Marks, arrivals: list[float]) -> None:
        self.seen: set[int] = set()
        self.repeated = 0
        self._marks, self._arrivals = marks, arrivals

    def received(self, payload: bytes) -> None:
        """Note every marked event of a message."""
        now = time.perf_counter_ns()
        for number, sent in self._marks.of(payload):
            if number in self.seen:
                self.repeated += 1
            else:
                self.seen.add(number)
                self._arrivals.append((now - sent) / 1e9)


async def _submit(connection: Connection, target: server.Server, first: int, count: int, rate: float) -> None:
    """Every SUBMITTERS-th event at its due time; a late one is sent at once and not left out."""
    origin = time.perf_counter()
    for number in range(first, count, SUBMITTERS):
        delay = origin + number / rate - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        body = {**work.task(number), "title": f"mark-{number}-{time.perf_counter_ns()}-end"}
        await connection.json(request("POST", "/api/v1/tasks", body, token=target.token))


async def _drive(parameters: Parameters, target: server.Server) -> tuple[list[float], int, int, float]:
    arrivals: list[float] = []
    marks = _Marks()
    clients = [_Client(marks, arrivals) for _ in range(parameters["clients"])]
    submitters = [await connect(target.port) for _ in range(SUBMITTERS)]
    sockets = await open_sockets(target.port, "/ws", target.token, [client.received for client in clients])
    rate, count = parameters["events_per_second"], parameters["events_per_second"] * parameters["seconds"]
    async with asyncio.TaskGroup() as group:
        for first, connection in enumerate(submitters):
            group.create_task(_submit(connection, target, first, count, rate))
    await _drain(clients, count)
    lost = sum(count - len(client.seen) for client in clients)
    repeated = sum(client.repeated for client in clients)
    resident = target.resident_mib()
    closed = [socket.closed for socket in sockets if socket.closed]
    for socket in sockets:
        socket.close()
    if closed:
        raise RuntimeError(f"{len(closed)} sockets were closed: {closed[0]}")
    return arrivals, lost, repeated, resident


async def _drain(clients: list[_Client], count: int) -> None:
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline and any(len(client.seen) < count for client in clients):
        await asyncio.sleep(0.05)


def measure(parameters: Parameters) -> Answer:
    """Latency from request to each client, and what was lost or came twice."""
    with server.start(parameters, data=work.prepared(parameters)) as target:
        before = target.cpu_seconds()
        arrivals, lost, repeated, resident = uvloop.run(_drive(parameters, target))
        spent = target.cpu_seconds() - before
    return answer(
        {**latency_figures(arrivals), "lost": lost, "repeated": repeated},
        durability=target.durability,
        subject=target.subject,
        note=f"server {resident:.0f} MiB, {spent / parameters['seconds']:.2f} core",
    )


if __name__ == "__main__":
    run_side(measure)
