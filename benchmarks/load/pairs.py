"""Claims and completions over HTTP: 100 agents, each on its own keep-alive connection, as fast as answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvloop

from benchmarks.child import Answer, Parameters, answer, check_all_done, run_side
from benchmarks.load import server, work
from benchmarks.load.connection import Connection, connect, request
from benchmarks.statistics import latency_figures

COST_USD = 0.015


class _Claim(msgspec.Struct):
    task_id: str
    attempt_id: str
    token: str


class _Claims(msgspec.Struct):
    claims: list[_Claim]


@dataclass
class _Run:
    """What all agents share."""

    jobs: int
    token: str | None
    started: int = 0
    completed: list[str] = field(default_factory=list[str])
    claims: list[float] = field(default_factory=list[float])
    completions: list[float] = field(default_factory=list[float])


class _Agent:
    """Claims and completes by callbacks: no task, no future, no await for each request."""

    def __init__(self, run: _Run, connection: Connection, name: str) -> None:
        self._run, self._connection = run, connection
        self._claim = request(
            "POST", "/api/v1/claims", {"agent_id": name, "queues": [work.QUEUE]}, token=run.token
        )
        self._decode = msgspec.json.Decoder(_Claims).decode
        self._current: _Claim | None = None
        self._at = 0.0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        """Ask for the first task."""
        self._next()

    def _next(self) -> None:
        if self._run.started >= self._run.jobs:
            self.finished.set_result(None)
            return
        self._run.started += 1
        self._at = time.perf_counter()
        self._connection.send(self._claim, self._claimed, self._lost)

    def _claimed(self, status: int, body: bytes) -> None:
        self._run.claims.append(time.perf_counter() - self._at)
        if status != 200:
            self._lost(RuntimeError(f"claim was answered {status}: {body[:300]!r}"))
            return
        claims = self._decode(body).claims
        if not claims:
            self._lost(RuntimeError(f"no task for a claimer although one is left: {body[:300]!r}"))
            return
        claim = self._current = claims[0]
        finish = request(
            "POST",
            f"/api/v1/attempts/{claim.attempt_id}/complete",
            {"token": claim.token, "output": "ok", "exit_code": 0, "cost_usd": COST_USD},
            token=self._run.token,
        )
        self._at = time.perf_counter()
        self._connection.send(finish, self._finished, self._lost)

    def _finished(self, status: int, body: bytes) -> None:
        self._run.completions.append(time.perf_counter() - self._at)
        if status != 200 or b"succeeded" not in body or self._current is None:
            self._lost(RuntimeError(f"complete was answered {status}: {body[:300]!r}"))
            return
        self._run.completed.append(self._current.task_id)
        self._next()

    def _lost(self, error: Exception) -> None:
        if not self.finished.done():
            self.finished.set_exception(error)


async def _drive(parameters: Parameters, target: server.Server) -> tuple[_Run, float]:
    run = _Run(jobs=parameters["jobs"], token=target.token)
    agents = [
        _Agent(run, await connect(target.port), f"agent-{number:03}")
        for number in range(parameters["callers"])
    ]
    began = time.perf_counter()
    for agent in agents:
        agent.start()
    await asyncio.gather(*(agent.finished for agent in agents))
    return run, time.perf_counter() - began


def measure(parameters: Parameters) -> Answer:
    """Pairs per second and the latencies of claim and complete."""
    with server.start(parameters, data=work.prepared(parameters, jobs=parameters["jobs"])) as target:
        before = target.cpu_seconds()
        cpu_began = time.process_time()
        run, spent = uvloop.run(_drive(parameters, target))
        client_cpu = time.process_time() - cpu_began
        server_cpu = target.cpu_seconds() - before
        resident = target.resident_mib()
    check_all_done(len(run.completed), run.jobs)
    if parameters["server"] != "raw":
        check_all_done(len(set(run.completed)), run.jobs)
    requests = 2 * run.jobs
    details: dict[str, Any] = {
        "client_us_per_request": round(client_cpu / requests * 1e6, 1),
        "server_us_per_request": round(server_cpu / requests * 1e6, 1),
        "server_mib": round(resident, 1),
    }
    return answer(
        {
            "pairs_per_second": run.jobs / spent,
            **latency_figures(run.claims, "claim_"),
            **latency_figures(run.completions, "complete_"),
        },
        durability=target.durability,
        subject=target.subject,
        note=f"client {details['client_us_per_request']} us, server {details['server_us_per_request']} us a request",
        **details,
    )


if __name__ == "__main__":
    run_side(measure)
