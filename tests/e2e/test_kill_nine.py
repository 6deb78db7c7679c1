"""The server is killed with -9 ten times while 32 claimers work: nothing is done twice, nothing is lost."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.http import HttpTransport
from muster.client.wire import ClaimedTask, ClaimRequest, CompleteRequest, FailRequest
from tests.e2e.server import KillableServer

CLAIMERS = 32
KILLS = 10
TASKS = 640
COST = 0.015625
BROKEN = (Unreachable, BadAnswer)


@dataclass
class Tally:
    """What the claimers were told, by the server's own word."""

    completed: Counter[str] = field(default_factory=Counter)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    target: int = 0

    def add(self, task_id: str) -> None:
        self.completed[task_id] += 1
        if self.completed.total() >= self.target:
            self.answered.set()

    async def reach(self, more: int) -> None:
        """Wait until so many further completions were answered."""
        self.target = min(self.completed.total() + more, TASKS)
        self.answered.clear()
        if self.completed.total() < self.target:
            await asyncio.wait_for(self.answered.wait(), 60)


async def work(server: KillableServer, name: str, tally: Tally, chance: random.Random) -> None:
    """Claim and complete until every task was completed, through all outages."""
    client = Client(HttpTransport(server.url, retry_seconds=30))
    try:
        while len(tally.completed) < TASKS:
            try:
                answer = await client.claim(ClaimRequest(agent_id=name, queues=["work"], wait_seconds=1))
            except BROKEN:
                continue
            for claim in answer.claims:
                await finish(client, claim, tally, chance)
    finally:
        await client.close()


async def finish(client: Client, claim: ClaimedTask, tally: Tally, chance: random.Random) -> None:
    """Complete, or now and then fail; asked again until there is an answer."""
    while True:
        try:
            if claim.number == 1 and chance.random() < 0.1:
                await client.fail(claim.attempt_id, FailRequest(token=claim.token, message="bad luck"))
                return
            await client.complete(claim.attempt_id, CompleteRequest(token=claim.token, cost_usd=COST))
            tally.add(claim.task_id)
            return
        except BROKEN:
            continue
        except ApiError as refusal:
            if refusal.status != 409:
                raise
            return


async def seed(client: Client) -> None:
    """A project with money, a queue, and tasks that are taken back quickly when their holder is lost."""
    await client.post("/projects", {"name": "chaos", "budget_usd": 1000.0})
    await client.post("/queues", {"name": "work", "mode": "external"})
    tasks = [
        {
            "title": f"task {number}",
            "kind": "prompt",
            "queue": "work",
            "project": "chaos",
            "timeout_seconds": 2,
            "estimated_cost_usd": 0.03125,
            "retry": {"max_attempts": 50, "base_seconds": 0},
        }
        for number in range(TASKS)
    ]
    await client.post("/tasks/bulk", {"tasks": tasks})


@pytest.mark.timeout(300)
async def test_ten_kills_under_load_lose_nothing_and_do_nothing_twice(server: KillableServer) -> None:
    """MC-2, MC-3, SW-4a: exactly once, money exact, the log equal to the rows."""
    await server.start()
    client = Client(HttpTransport(server.url, retry_seconds=30))
    await seed(client)
    tally, chance = Tally(), random.Random(7)
    async with asyncio.TaskGroup() as group:
        for number in range(CLAIMERS):
            group.create_task(work(server, f"agent-{number}", tally, chance))
        for _ in range(KILLS):
            await tally.reach(TASKS // (KILLS + 2))
            server.kill()
            await server.start()
    page = await client.get("/projects", limit=200)
    project = next(item for item in page["items"] if item["name"] == "chaos")
    left = [
        await client.get("/tasks", project="chaos", state=state, limit=1)
        for state in ("blocked", "backoff", "ready", "running", "failed", "cancelled")
    ]
    await client.close()
    assert [item["items"] for item in left] == [[]] * 6
    assert set(tally.completed.values()) == {1}
    assert len(tally.completed) == TASKS
    assert project["spent_usd"] == TASKS * COST
    assert project["reserved_usd"] == 0
    server.stop()
    verified = server.muster("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
