"""A worker on another host: it calls the server, outlives it, drains, and takes its name back after a crash."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muster.client.client import Client
from muster.client.http import HttpTransport
from tests.e2e.server import KillableServer
from tests.e2e.worker_process import WorkerProcess
from tests.waiting import eventually


class Site:
    """A server and the workers that call it."""

    def __init__(self, server: KillableServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.client = Client(HttpTransport(server.url, retry_seconds=30))
        self.workers: list[WorkerProcess] = []

    def worker(self, *arguments: str, name: str = "builder", start: bool = True) -> WorkerProcess:
        made = WorkerProcess(self.folder / "elsewhere", self.server.url, name, arguments)
        self.workers.append(made)
        if start:
            made.start()
        return made

    async def submit(self, script: str, **fields: Any) -> str:
        body = {"title": "A task", "kind": "bash", "payload": {"script": script}, **fields}
        return str((await self.client.post("/tasks", body))["id"])

    async def task(self, ident: str) -> Any:
        return await self.client.get(f"/tasks/{ident}")

    async def until(self, ident: str, state: str, timeout: float = 90) -> Any:
        found: Any = None

        async def is_so() -> bool:
            nonlocal found
            found = await self.task(ident)
            return bool(found["state"] == state)

        try:
            await eventually(is_so, timeout=timeout)
        except AssertionError:
            pytest.fail(f"not {state} within {timeout:g} s: {found}")
        return found

    async def said(self, ident: str, words: str) -> None:
        async def is_said() -> bool:
            return words in str(await self.client.get(f"/tasks/{ident}/logs"))

        await eventually(is_said, timeout=40)

    async def close(self) -> None:
        for worker in self.workers:
            if worker.process is not None and worker.process.poll() is None:
                worker.end(signal.SIGKILL)
        await self.client.close()

    async def live(self) -> dict[str, Any]:
        return {row["id"]: row for row in (await self.client.get("/workers"))["items"] if row["live"]}


@pytest.fixture
async def site(server: KillableServer, tmp_path: Path) -> AsyncIterator[Site]:
    await server.start()
    made = Site(server, tmp_path)
    yield made
    await made.close()


async def test_it_says_what_its_host_has_and_takes_what_its_labels_fit(site: Site) -> None:
    """Fleet view: load, memory, labels, agents, levels; SW-4h: what a sandbox uses, every two seconds."""
    task = await site.submit("echo hello; while test ! -e $PWD/go; do sleep 0.1; done", requires=["gpu"])
    assert (await site.task(task))["waiting"]["code"] == "no_worker"
    worker = site.worker("--labels", "gpu, fast", "--capacity", "3")
    await site.said(task, "hello")
    shown = (await site.live())["builder"]
    assert (shown["capacity"], {"gpu", "fast"} <= set(shown["capabilities"])) == (3, True)
    facts = shown["facts"]
    assert facts["processors"] >= 1
    assert facts["memory_bytes"] > facts["memory_free_bytes"] > 0
    assert facts["load"] is not None
    assert "scripted" in [agent["name"] for agent in facts["agents"]]
    assert shown["sandbox"] in [level["level"] for level in facts["levels"] if level["available"]]

    async def measured() -> bool:
        rows = (await site.client.get("/sandboxes"))["items"]
        return bool(rows and rows[0]["samples"])

    await eventually(measured, timeout=60)
    row = (await site.client.get("/sandboxes"))["items"][0]
    assert (row["task_id"], row["worker_id"], row["title"]) == (task, "builder", "A task")
    assert row["level"] == shown["sandbox"]
    assert row["limits"]["processes"] > 0
    assert row["samples"][-1]["processes"] >= 2
    assert row["samples"][-1]["memory_bytes"] > 0
    assert (await site.client.get(f"/sandboxes/{row['id']}"))["id"] == row["id"]
    work = worker.folder / "data" / "workers" / "builder" / "attempts"
    next(work.glob("*/work")).joinpath("go").touch()
    await site.until(task, "succeeded")

    async def closed() -> bool:
        return not (await site.client.get("/sandboxes"))["items"]

    await eventually(closed, timeout=60)


async def test_what_runs_outlives_a_server_that_is_killed_and_comes_back(site: Site) -> None:
    """Its agent is not lost: the same attempt ends well, with all it said meanwhile."""
    site.worker()
    task = await site.submit("echo before; while test ! -e $PWD/go; do sleep 0.05; done; echo after")
    await site.said(task, "before")
    site.server.kill()
    next((site.folder / "elsewhere").glob("data/workers/builder/attempts/*/work")).joinpath("go").touch()
    await site.server.start()
    done = await site.until(task, "succeeded")
    assert done["attempts"] == 1
    await site.said(task, "after")


async def test_it_waits_for_a_server_that_is_not_there_yet(server: KillableServer, tmp_path: Path) -> None:
    site = Site(server, tmp_path)
    worker = site.worker()
    try:
        await eventually(lambda: "Waiting for it" in worker.log, timeout=60)
        await server.start()
        await site.until(await site.submit("true"), "succeeded")
        assert worker.end() == 0
    finally:
        await site.close()


async def test_told_to_end_it_finishes_what_runs_and_takes_nothing_new(site: Site) -> None:
    worker = site.worker("--capacity", "2")
    task = await site.submit("echo begun; while test ! -e $PWD/go; do sleep 0.05; done")
    await site.said(task, "begun")
    assert worker.process is not None
    worker.process.send_signal(signal.SIGTERM)
    await eventually(lambda: "claiming no more" in worker.log, timeout=40)
    second = await site.submit("true")
    next(worker.folder.glob("data/workers/builder/attempts/*/work")).joinpath("go").touch()
    assert worker.process.wait(60) == 0
    assert (await site.until(task, "succeeded"))["attempts"] == 1
    # A claim that was on its way when the worker was told is given back, unburned.
    await site.until(second, "ready")
    tried = (await site.client.get(f"/tasks/{second}/attempts"))["items"]
    assert [attempt["code"] for attempt in tried] == ["released"] * len(tried)
    assert await site.live() == {}


async def test_a_second_signal_gives_back_what_runs_without_spending_an_attempt(site: Site) -> None:
    worker = site.worker()
    task = await site.submit("echo begun; sleep 600")
    await site.said(task, "begun")
    assert worker.process is not None
    worker.process.send_signal(signal.SIGINT)
    await eventually(lambda: "claiming no more" in worker.log, timeout=40)
    assert worker.end(signal.SIGINT) == 0
    assert (await site.until(task, "ready"))["attempts"] == 1
    assert (await site.client.get(f"/tasks/{task}/attempts"))["items"][0]["code"] == "released"


async def test_started_again_after_a_crash_it_has_its_work_tried_again_at_once(site: Site) -> None:
    """No waiting for leases to run out, no folder left behind."""
    worker = site.worker()
    task = await site.submit('echo begun; test "$MUSTER_ATTEMPT_NUMBER" -gt 1 || sleep 600')
    await site.said(task, "begun")
    worker.end(signal.SIGKILL)
    worker.start()
    await site.until(task, "succeeded")
    attempts = (await site.client.get(f"/tasks/{task}/attempts"))["items"]
    assert {attempt["code"] for attempt in attempts} == {"worker_lost", None}
    assert "tried again" in worker.log
    await eventually(lambda: worker.attempts_left == [])


async def test_a_name_is_one_workers_alone(site: Site) -> None:
    site.worker("--capacity", "1")

    async def known() -> bool:
        return "builder" in await site.live()

    await eventually(known, timeout=40)
    twin = WorkerProcess(site.folder / "elsewhere", site.server.url, "builder")
    twin.start()
    assert twin.process is not None
    assert twin.process.wait(60) != 0
    assert "Give this one another --name" in twin.log
    with pytest.raises(Exception, match="already there, on host"):
        await site.client.post("/workers/builder/heartbeat", {"host": "another", "pid": 1})


async def test_a_wrong_token_is_told_and_ends_it(tmp_path: Path, server: KillableServer) -> None:
    server.environ["MUSTER_TOKEN"] = "the-right-token-of-the-site"
    await server.start()
    worker = WorkerProcess(
        tmp_path / "elsewhere", server.url, arguments=("--token", "a-wrong-token-of-the-site")
    )
    worker.start()
    assert worker.process is not None
    assert worker.process.wait(60) != 0
    assert "token" in worker.log
    assert "a-wrong-token" not in worker.log
