"""Claimers that die, callers that hang up, folders that are gone, servers that are told to end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.wire import ClaimRequest, CompleteRequest
from tests.e2e.faulty import Desk
from tests.e2e.server import KillableServer
from tests.waiting import eventually

ENDED = (ApiError, BadAnswer, Unreachable)
DeskAt = Callable[[KillableServer], Desk]


async def test_a_claimer_that_dies_is_warned_of_then_failed_and_comes_too_late(
    server: KillableServer, desk_at: DeskAt
) -> None:
    """MC-3, SW-4c: warned at one timeout, failed at two, the task tried again, the late word refused."""
    await server.start()
    desk = desk_at(server)
    await desk.queue()
    task = await desk.submit(timeout_seconds=1, retry={"max_attempts": 2, "base_seconds": 0})
    began = time.monotonic()
    dead = await desk.claim("the dead")
    assert dead is not None

    async def warned() -> bool:
        return (await desk.task(task))["stale"] == "warned"

    await eventually(warned, timeout=5)
    at_warning = time.monotonic() - began
    next_one = await desk.claim("the quick", wait=20)
    at_failure = time.monotonic() - began
    assert 0.9 <= at_warning < at_failure
    assert at_failure >= 1.9
    assert next_one is not None
    assert (next_one.task_id, next_one.number) == (task, 2)
    assert [attempt.agent_id for attempt in next_one.earlier_attempts] == ["the dead"]
    with pytest.raises(ApiError) as late:
        await desk.client.complete(dead.attempt_id, CompleteRequest(token=dead.token))
    assert (late.value.status, late.value.code) == (409, "lease_lost")
    await desk.client.complete(next_one.attempt_id, CompleteRequest(token=next_one.token, output="mine"))
    shown = await desk.task(task)
    assert (shown["state"], shown["output"], shown["attempts"]) == ("succeeded", "mine", 2)


async def test_a_caller_that_hangs_up_leaves_its_task_to_another(
    server: KillableServer, desk_at: DeskAt
) -> None:
    """SW-4a: in the middle of a long-poll."""
    await server.start()
    desk = desk_at(server)
    await desk.queue()
    await desk.submit(title="warm up")
    assert await desk.claim("gone") is not None
    request = {"agent_id": "gone", "queues": ["work"], "wait_seconds": 60}
    for number in range(5):
        with pytest.raises(TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.3)) as session,
                session.post(server.url + "/api/v1/claims", json=request) as answer,
            ):
                await answer.read()
        task = await desk.submit(title=f"task {number}")
        claimed = await desk.claim("here", wait=5)
        assert claimed is not None
        assert claimed.task_id == task
        assert claimed.number == 1


async def test_a_working_directory_that_is_gone_fails_the_task_and_says_which(
    server: KillableServer, desk_at: DeskAt, tmp_path: Path
) -> None:
    """SW-4e: before the start, and for a folder that is a file, a link to nowhere, or the data folder itself."""
    server.arguments = ()
    await server.start()
    desk = desk_at(server)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("gone", "file", "link", "data"):
        task = await desk.submit(
            kind="bash",
            queue="default",
            payload={"script": "echo ran"},
            working_dir=str(tmp_path / name),
            retry={"max_attempts": 1},
        )

        async def failed(task: str = task) -> bool:
            return (await desk.task(task))["state"] == "failed"

        await eventually(failed)
        attempt = (await desk.client.get(f"/tasks/{task}/attempts"))["items"][0]
        assert attempt["code"] == "workdir_missing"
        assert str(tmp_path / name) in attempt["error"]


async def test_a_server_told_to_end_under_load_gives_back_what_runs(
    server: KillableServer, desk_at: DeskAt
) -> None:
    """OD-2, SW-4h: exit 0 within seconds, long-polls answered, running scripts released and run by the next server."""
    server.arguments = ()
    server.environ["MUSTER_WORKER_CAPACITY"] = "2"
    await server.start()
    desk = desk_at(server)
    await desk.queue()
    script = 'test "$MUSTER_ATTEMPT_NUMBER" -gt 1 && exit 0; echo begun; sleep 300'
    tasks = [
        await desk.submit(kind="bash", queue="default", payload={"script": script}, retry={"base_seconds": 0})
        for _ in range(4)
    ]

    async def both_run() -> bool:
        states = [(await desk.task(task))["state"] for task in tasks]
        return states.count("running") == 2

    await eventually(both_run)
    process = server.process
    assert process is not None
    async with asyncio.TaskGroup() as group:
        polls = [group.create_task(_poll(desk, f"agent {number}")) for number in range(8)]
        submits = [group.create_task(_submit_until_refused(desk)) for _ in range(4)]
        began = time.monotonic()
        await eventually(lambda: time.monotonic() - began > 0.5, step=0.1)
        process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(process.wait, 20)
        took = time.monotonic() - began
    server.process = None
    acknowledged = [task for one in submits for task in one.result()]
    assert status == 0
    assert took < 15
    assert acknowledged
    assert all(poll.done() for poll in polls)
    await server.start()

    assert all([(await desk.task(task))["state"] in ("ready", "running") for task in acknowledged])
    attempts = [await desk.client.get(f"/tasks/{task}/attempts") for task in tasks]
    codes = [attempt["code"] for page in attempts for attempt in page["items"]]
    assert codes.count("released") == 2
    server.stop()
    verified = server.muster("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


async def _poll(desk: Desk, agent: str) -> None:
    try:
        await desk.client.claim(ClaimRequest(agent_id=agent, queues=["work"], wait_seconds=60))
    except ENDED:
        return


async def _submit_until_refused(desk: Desk) -> list[str]:
    done: list[str] = []
    while True:
        try:
            done.append(await desk.submit(title="under load"))
        except ENDED:
            return done
