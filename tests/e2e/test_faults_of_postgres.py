"""A PostgreSQL server that is restarted under load."""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.wire import ClaimedTask, ClaimRequest, CompleteRequest
from tests.e2e.faulty import Desk
from tests.e2e.server import KillableServer
from tests.postgres import Databases, Guard, Server, find_server
from tests.waiting import eventually

TASKS = 300
CLAIMERS = 8
DeskAt = Callable[[KillableServer], Desk]


@dataclass
class OwnCluster:
    """A cluster of this test's own, with the means to restart it."""

    server: Server
    guard: Guard

    @property
    def data(self) -> Path:
        return Path(self.guard.address).parent / "data"

    def control(self, *arguments: str) -> None:
        """pg_ctl as the owner of the files."""
        owner = pwd.getpwuid(self.data.stat().st_uid)
        log = self.data / "restarted.log"
        command = [
            str(self.server.binaries / "pg_ctl"),
            *arguments,
            "-D",
            str(self.data),
            "-w",
            "-l",
            str(log),
        ]
        as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        subprocess.run(
            command,
            check=True,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            **(as_owner if os.geteuid() == 0 else {}),
        )


@pytest.fixture
def cluster() -> Iterator[OwnCluster]:
    """A fresh cluster; whatever runs of it at the end is stopped."""
    found = find_server()
    if found is None:
        pytest.skip("no PostgreSQL server binaries (apt-get install postgresql)")
    with Guard.start(found) as guard:
        own = OwnCluster(found, guard)
        guard.cluster()
        yield own
        own.control("stop", "-m", "immediate")


@dataclass
class Told:
    """What the server answered."""

    completed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def refuse(self, error: ApiError) -> None:
        """Count a refusal; one that is not about the database is a fault."""
        if (error.status, error.code) != (503, "store_unavailable"):
            raise error
        self.refused[error.code] += 1


async def work(client: Client, agent: str, told: Told) -> None:
    """Claim and complete until all are done; each refusal must be one that may be repeated."""
    while len(told.completed) < TASKS:
        try:
            answer = await client.claim(ClaimRequest(agent_id=agent, queues=["work"], wait_seconds=1))
        except ApiError as error:
            told.refuse(error)
            await asyncio.sleep(0)
            continue
        for claimed in answer.claims:
            await complete(client, claimed, told)


async def complete(client: Client, claimed: ClaimedTask, told: Told) -> None:
    """Complete it, asking again until there is an answer."""
    while True:
        try:
            await client.complete(claimed.attempt_id, CompleteRequest(token=claimed.token, cost_usd=0.25))
        except ApiError as error:
            if error.status == 409:
                return
            told.refuse(error)
            await asyncio.sleep(0)
        except (BadAnswer, Unreachable) as error:
            raise AssertionError("the server itself must go on answering") from error
        else:
            told.completed[claimed.task_id] += 1
            return


@pytest.mark.postgres
@pytest.mark.timeout(240)
@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_of_postgresql_under_load_halves_nothing(
    cluster: OwnCluster, tmp_path: Path, desk_at: DeskAt, mode: str
) -> None:
    """SW-4a, SQ-2: 503 or done, reconnected by itself, money exact, the log equal to the rows."""
    databases = Databases(cluster.guard.cluster())
    url = await asyncio.to_thread(databases.empty)
    databases.close()
    server = KillableServer(tmp_path, url)
    await server.start()
    try:
        desk = desk_at(server)
        await desk.queue()
        await desk.client.post("/projects", {"name": "money", "budget_usd": 1000})
        task = {"kind": "prompt", "queue": "work", "project": "money", "timeout_seconds": 5}
        task |= {"retry": {"max_attempts": 20, "base_seconds": 0}, "estimated_cost_usd": 0.5}
        await desk.client.post("/tasks/bulk", {"tasks": [{"title": f"{n}", **task} for n in range(TASKS)]})
        told = Told()
        async with asyncio.TaskGroup() as group:
            for number in range(CLAIMERS):
                group.create_task(work(desk.client, f"agent {number}", told))
            await eventually(lambda: len(told.completed) > TASKS // 10, timeout=30)
            await asyncio.to_thread(cluster.control, "restart", "-m", mode)
        project = await desk.client.get("/projects/money")
        assert told.refused
        assert len(told.completed) == TASKS
        assert set(told.completed.values()) == {1}
        assert (project["spent_usd"], project["reserved_usd"]) == (TASKS * 0.25, 0)
        server.stop()
        verified = server.muster("verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
    finally:
        if server.process is not None:
            server.kill()
