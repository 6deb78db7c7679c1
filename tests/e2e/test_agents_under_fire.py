"""Twenty times something is killed while agents work: the server, the worker with its gateway, an agent, or two of them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from muster.client.client import Client
from muster.client.http import HttpTransport
from tests.e2e.server import KillableServer
from tests.e2e.test_agents import git
from tests.e2e.worker_process import WorkerProcess
from tests.waiting import eventually

ROUNDS = 10
"""On each of the two databases."""
TASKS = 8
MARK = "0.41337"
AGENT = "muster.agents.programs.scripted"
SCRIPT: list[Any] = [
    {"say": "I begin."},
    *(
        step
        for number in range(6)
        for step in (
            {"write": {"path": f"part{number}.txt", "text": f"part {number}\n"}},
            {"run": f"echo working on {number}; (setsid sleep {MARK} &); sleep {MARK}"},
            {"say": f"Part {number} is written."},
        )
    ),
    {"say": "All parts are written."},
]


def processes_with(text: str, folder: Path) -> list[int]:
    """Numbers of processes of the worker that works in a folder, whose command line has `text` in it."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (
                text.encode() in (entry / "cmdline").read_bytes()
                and bytes(folder) in (entry / "environ").read_bytes()
            ):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@dataclass
class Front:
    """A server, a worker elsewhere, a repository, and all that was seen of the agents' transcripts."""

    server: KillableServer
    worker: WorkerProcess
    client: Client
    repository: Path
    killed: int = 0
    """Agents."""
    tasks: list[str] = field(default_factory=list)
    seen: dict[tuple[str, int], list[Any]] = field(default_factory=dict)

    async def submit(self) -> None:
        for number in range(TASKS):
            body = {
                "title": f"Task {number}",
                "kind": "prompt",
                "working_dir": str(self.repository),
                "retry": {"max_attempts": 100, "base_seconds": 0.1, "max_seconds": 1},
                "payload": {
                    "agent": "scripted",
                    "prompt": "write the parts",
                    "agent_options": {"script": SCRIPT},
                },
            }
            self.tasks.append(str((await self.client.post("/tasks", body))["id"]))

    async def look(self) -> int:
        """Read what the agents said since the last look. How many entries were seen in all."""
        for task in self.tasks:
            page = await self.client.get(f"/tasks/{task}/conversation", limit=1)
            if page["attempt_id"] is None:
                continue
            known = self.seen.setdefault((task, page["attempt"]), [])
            if page["total"] > len(known):
                known += await self.read(task, page["attempt"], after=len(known))
        return sum(map(len, self.seen.values()))

    async def read(self, task: str, attempt: int, *, after: int = 0) -> list[Any]:
        page = await self.client.get(f"/tasks/{task}/conversation", attempt=attempt, after=after, limit=1000)
        assert [item["position"] for item in page["items"]] == list(range(after, page["total"]))
        return list(page["items"])

    async def compare(self) -> None:
        """What was told once must still be there, unchanged."""
        for (task, attempt), known in self.seen.items():
            assert (await self.read(task, attempt))[: len(known)] == known

    async def until_said(self, more: int) -> None:
        """Wait until the agents said `more` further things, or all tasks are over."""
        target = await self.look() + more

        async def said() -> bool:
            return await self.look() >= target or not await self.unfinished()

        await eventually(said, timeout=60, step=0.1)

    async def unfinished(self) -> list[str]:
        page = await self.client.get("/tasks", limit=100)
        return [
            task["id"] for task in page["items"] if task["state"] not in ("succeeded", "failed", "cancelled")
        ]

    async def strike(self, target: str, chance: random.Random) -> None:
        if target in ("server", "both"):
            self.server.kill()
        if target in ("worker", "both"):
            self.worker.end(signal.SIGKILL)
            self.worker.start()
        if target in ("server", "both"):
            await self.server.start()
        if target == "agent":
            await eventually(self.kill_an_agent, timeout=60, step=0.1)

    async def kill_an_agent(self) -> bool:
        """Whether one was killed, or none is needed any more."""
        for agent in processes_with(AGENT, self.worker.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(agent, signal.SIGKILL)
                self.killed += 1
                return True
        return not await self.unfinished()


@pytest.fixture
async def front(server: KillableServer, tmp_path: Path) -> AsyncIterator[Front]:
    repository = tmp_path / "repo"
    repository.mkdir()
    git(repository, "init", "-q", "-b", "main")
    (repository / "README.md").write_text("parts\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "first")
    await server.start()
    worker = WorkerProcess(tmp_path / "elsewhere", server.url, arguments=("--capacity", "4"))
    worker.start()
    client = Client(HttpTransport(server.url, retry_seconds=40))
    yield Front(server, worker, client, repository)
    if worker.process is not None and worker.process.poll() is None:
        worker.end(signal.SIGKILL)
    await client.close()


@pytest.mark.timeout(300)
async def test_nothing_is_lost_or_left_whatever_is_killed_while_agents_work(front: Front) -> None:
    """SW-9, SW-4h: no orphan process, mount or working copy, no told entry lost, every task ends."""
    chance = random.Random(20260101)
    await front.submit()
    for number in range(ROUNDS):
        await front.until_said(chance.randrange(1, 12))
        await front.strike(("server", "worker", "agent", "both")[number % 4], chance)
        if not await front.unfinished():
            await front.submit()

    async def over() -> bool:
        await front.look()
        return not await front.unfinished()

    await eventually(over, timeout=120, step=0.1)
    for task in front.tasks:
        shown = await front.client.get(f"/tasks/{task}")
        assert (shown["state"], shown["output"]) == ("succeeded", "All parts are written.")
        files = git(front.repository, "ls-tree", "--name-only", f"muster/{task}").split()
        assert files == ["README.md", *(f"part{number}.txt" for number in range(6))]
    await front.compare()
    assert front.killed
    await eventually(lambda: not front.worker.attempts_left, timeout=20)
    await eventually(lambda: not processes_with(f"sleep\0{MARK}", front.worker.folder), timeout=20)
    await eventually(lambda: not processes_with(AGENT, front.worker.folder), timeout=20)
    assert str(front.worker.folder) not in Path("/proc/self/mounts").read_text()
    assert git(front.repository, "worktree", "list").splitlines() == [
        f"{front.repository}  {git(front.repository, 'rev-parse', '--short', 'HEAD')} [main]"
    ]
    verified = front.server.muster("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
