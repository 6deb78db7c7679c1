"""A hundred scripted agents at once, and their cancel: real server and worker, real sandboxes, working copies, commits."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.child import Answer, Parameters, answer, fresh_directory, run_side
from benchmarks.load import server
from benchmarks.statistics import percentile
from muster.client.client import Client
from muster.client.http import HttpTransport

PATIENCE = 420.0
ENDED = ("succeeded", "failed", "cancelled")


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def new_repository(folder: Path) -> Path:
    folder.mkdir()
    _git(folder, "init", "-q", "-b", "main")
    (folder / "hello.py").write_text("print('hello')\n")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-qm", "first")
    return folder


class Fleet:
    """Agents on one repository, one task each."""

    def __init__(self, client: Client, repository: Path) -> None:
        self._client = client
        self._repository = repository

    async def submit(self, *steps: Any) -> str:
        payload = {"agent": "scripted", "prompt": "do it", "agent_options": {"script": list(steps)}}
        body = {
            "title": "Change it",
            "kind": "prompt",
            "working_dir": str(self._repository),
            "payload": payload,
        }
        return str((await self._client.post("/tasks", body))["id"])

    async def all_in(self, count: int, *states: str) -> None:
        """Wait until so many tasks are in one of the states."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            tasks = (await self._client.get("/tasks", limit=200))["items"]
            if sum(task["state"] in states for task in tasks) >= count:
                return
            await asyncio.sleep(0.1)
        raise RuntimeError(f"not {count} tasks {' or '.join(states)} within {PATIENCE:.0f} s")

    async def cancel(self, ident: str) -> None:
        await self._client.post(f"/tasks/{ident}/cancel", {})


async def work(parameters: Parameters, target: server.Server, client: Client) -> dict[str, float]:
    """Each agent edits a file, runs a command and leaves a commit on a branch of its own."""
    count, repository = parameters["agents"], new_repository(fresh_directory(parameters) / "repo")
    fleet = Fleet(client, repository)
    began = time.perf_counter()
    idents = await asyncio.gather(
        *(
            fleet.submit(
                {"edit": {"path": "hello.py", "old": "'hello'", "new": f"'hello {number}'"}},
                {"run": "python3 hello.py > said.txt; cat said.txt"},
                {"say": "done"},
            )
            for number in range(count)
        )
    )
    most = 0.0
    async with asyncio.TaskGroup() as group:
        ending = group.create_task(fleet.all_in(count, *ENDED))
        while not ending.done():
            most = max(most, target.resident_mib())
            await asyncio.wait({ending}, timeout=0.5)
    took = time.perf_counter() - began
    right = sum(
        _git(repository, "show", f"muster/{ident}:said.txt") == f"hello {number}\n"
        for number, ident in enumerate(idents)
    )
    return {
        "seconds": took,
        "right": float(right),
        "server_worker_mib": target.peak_mib(),
        "everything_mib": most,
    }


async def cancel(parameters: Parameters, _: server.Server, client: Client) -> dict[str, float]:
    """Each agent hangs with a daemon that left its group; one after the other is cancelled while the others run."""
    count = parameters["agents"]
    fleet = Fleet(client, new_repository(fresh_directory(parameters) / "repo"))
    daemon = "(setsid nohup sleep 7000 >/dev/null 2>&1 &) ; echo started > started"
    idents = [await fleet.submit({"run": daemon}, {"hang": 1}) for _ in range(count)]
    deadline = time.monotonic() + PATIENCE
    processes = processes_of(idents)
    while any(len(found) < 2 for found in processes.values()):
        if time.monotonic() > deadline:
            raise RuntimeError("not all agents came to run")
        await asyncio.sleep(0.5)
        processes = processes_of(idents)
    took: list[float] = []
    for ident in idents:
        began = time.perf_counter()
        await fleet.cancel(ident)
        while any(Path(f"/proc/{pid}").exists() for pid in processes[ident]):
            await asyncio.sleep(0.002)
        took.append(time.perf_counter() - began)
    left = sum(map(len, processes_of(idents).values()))
    if left:
        raise RuntimeError(f"{left} processes outlived their cancel")
    return {
        "p50_ms": percentile(took, 0.5) * 1000,
        "most_ms": max(took) * 1000,
        "in_time": float(sum(each < 1 for each in took)),
    }


def processes_of(idents: list[str]) -> dict[str, list[int]]:
    """Processes of the host by the task whose environment they have."""
    marks = {f"MUSTER_TASK_ID={ident}".encode(): ident for ident in idents}
    found: dict[str, list[int]] = {ident: [] for ident in idents}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for ident in {marks[word] for word in words if word in marks}:
            found[ident].append(int(name))
    return found


async def _drive(parameters: Parameters, target: server.Server) -> dict[str, float]:
    client = Client(HttpTransport(f"http://127.0.0.1:{target.port}"))
    try:
        return await (work if parameters["what"] == "work" else cancel)(parameters, target, client)
    finally:
        await client.close()


def measure(parameters: Parameters) -> Answer:
    """What the parameter `what` names: work or cancel."""
    data = fresh_directory(parameters) / "data"
    with server.start(parameters | {"worker": parameters["agents"]}, data=data) as target:
        figures = uvloop.run(_drive(parameters, target))
    return answer(
        figures,
        durability=target.durability,
        subject="server with its worker, level bubblewrap",
        note=f"everything, agents and their sandboxes included, took {figures['everything_mib']:.0f} MiB"
        if "everything_mib" in figures
        else "",
    )


if __name__ == "__main__":
    run_side(measure)
