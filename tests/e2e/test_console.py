"""A console into a sandbox: real server, worker and isolation; the shell is inside, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from muster.api.consoles import WORKER_GONE, WORKER_SECONDS
from muster.client.client import Client
from muster.client.errors import ApiError
from muster.client.http import HttpTransport
from tests.consoles import Person
from tests.e2e.processes import sleepers
from tests.e2e.server import KillableServer
from tests.e2e.worker_process import WorkerProcess
from tests.waiting import eventually

MARK = f"31338.{os.getpid()}"


@dataclass
class Place:
    """A server with a worker, and a task that runs until it is told to end."""

    server: KillableServer
    client: Client
    task: str = ""
    sandbox: str = ""

    async def work(self) -> None:
        body = {
            "title": "works",
            "kind": "bash",
            "payload": {"script": "echo begun; while test ! -e $PWD/go; do sleep 0.1; done"},
        }
        self.task = str((await self.client.post("/tasks", body))["id"])

        async def is_open() -> bool:
            rows = [
                row for row in (await self.client.get("/sandboxes"))["items"] if row["task_id"] == self.task
            ]
            self.sandbox = rows[0]["id"] if rows else ""
            return bool(rows) and "begun" in str(await self.client.get(f"/tasks/{self.task}/logs"))

        await eventually(is_open, timeout=60)

    async def succeeded(self) -> None:
        async def is_so() -> bool:
            return bool((await self.client.get(f"/tasks/{self.task}"))["state"] == "succeeded")

        await eventually(is_so, timeout=60)

    def entrances(self) -> list[str]:
        assert self.server.process is not None
        return entrances(self.server.process.pid)

    async def console(self) -> Person:
        return await Person.of(self.client, self.sandbox, columns=90, rows=30)


def entrances(worker: int) -> list[str]:
    """Programs of a worker's process that hold a shell in a sandbox."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            parent = int((entry.parent / "stat").read_bytes().rpartition(b") ")[2].split()[1])
            if parent == worker and b"sandboxes/enter.py" in entry.read_bytes():
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


async def gone(processes: list[str]) -> None:
    """Wait until nothing carries the mark, and these have ended."""

    def there() -> bool:
        return bool(sleepers(MARK)) or any(Path("/proc", pid).exists() for pid in processes)

    await eventually(lambda: not there(), timeout=30)


@pytest.fixture(params=["bubblewrap", "process"])
async def place(server: KillableServer, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    server.arguments = ()
    server.environ["MUSTER_WORKER_SANDBOX"] = request.param
    await server.start()
    made = Place(server, Client(HttpTransport(server.url, retry_seconds=30)))
    yield made
    await made.client.close()


async def test_a_shell_is_where_the_task_is_and_ends_by_itself(place: Place) -> None:
    """OD-34: beside the task's program, in its folder and environment; a size, a resize, an exit status, an entry"""
    await place.work()
    person = await place.console()
    assert await person.says("stty size; echo $MUSTER_TASK_ID; pwd", place.task)
    assert "30 90" in person.text
    await person.resize(120, 40)
    await person.until("stty size", "40 120")
    await person.type("exit 7\n")
    end = await person.end()
    assert (end["exit_code"], end["problem"]) == (7, None)
    kinds = [row["kind"] for row in (await place.client.get("/activities", kind="console"))["items"]]
    assert kinds == ["console.opened"]
    assert (await place.client.get(f"/tasks/{place.task}"))["state"] == "running"
    await eventually(lambda: not place.entrances(), timeout=30)


async def test_a_shell_ends_with_its_sandbox_and_takes_along_what_it_started(place: Place) -> None:
    """OD-34: also what left its session"""
    await place.work()
    person = await place.console()
    await person.says(f"setsid sleep {MARK} & (nohup sleep {MARK} &); echo well-$((40+2))", "well-42")
    await eventually(lambda: len(sleepers(MARK)) == 2, timeout=30)
    held = place.entrances()
    assert held
    await person.says("touch go; echo gone-$((40+2))", "gone-42")
    assert (await person.end())["exit_code"] == 137
    await gone(held)
    await place.succeeded()
    with pytest.raises(ApiError) as refused:
        await place.console()
    assert refused.value.status in (404, 409)


async def test_a_closed_console_ends_its_shell_and_not_the_task(place: Place) -> None:
    """OD-34"""
    await place.work()
    person = await place.console()
    await person.says("echo here-$((40+2))", "here-42")
    await place.client.delete(f"/consoles/{person.ident}")
    assert (await person.end())["problem"] == "It was closed."
    await eventually(lambda: not place.entrances(), timeout=30)
    assert (await place.client.get(f"/tasks/{place.task}"))["state"] == "running"
    again = await place.console()
    await again.says("touch go; echo gone-$((40+2))", "gone-42")
    await place.succeeded()


async def test_nothing_of_a_shell_survives_a_killed_worker(place: Place) -> None:
    """OD-34, SW-4h: kill -9 of the process that holds the terminal"""
    await place.work()
    person = await place.console()
    await person.says(f"setsid sleep {MARK} & sleep {MARK} & echo well-$((40+2))", "well-42")
    await eventually(lambda: len(sleepers(MARK)) == 2, timeout=30)
    held = place.entrances()
    assert held
    place.server.kill()
    await gone(held)


async def test_a_console_reaches_a_worker_elsewhere_through_its_own_calls(
    server: KillableServer, tmp_path: Path
) -> None:
    """OD-34: the worker only makes calls, and is killed"""
    await server.start()
    worker = WorkerProcess(tmp_path / "elsewhere", server.url)
    worker.start()
    place = Place(server, Client(HttpTransport(server.url, retry_seconds=30)))
    try:
        await place.work()
        person = await place.console()
        await person.says(f"sleep {MARK} & echo well-$((40+2))", "well-42")
        await eventually(lambda: len(sleepers(MARK)) == 1, timeout=30)
        assert worker.process is not None
        held = entrances(worker.process.pid)
        assert held
        worker.end(signal.SIGKILL)
        killed = time.monotonic()
        assert (await person.end())["problem"] == WORKER_GONE
        assert time.monotonic() - killed < WORKER_SECONDS, "told by its connection, not by its silence"
        await gone(held)
    finally:
        if worker.process is not None and worker.process.poll() is None:
            worker.end(signal.SIGKILL)
        await place.client.close()
