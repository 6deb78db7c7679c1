"""A killed server leaves no orphan, and what it was running is tried again."""

from __future__ import annotations

import pytest

from muster.client.client import Client
from muster.client.http import HttpTransport
from tests.e2e.processes import sleepers
from tests.e2e.server import KillableServer
from tests.waiting import eventually

MARK = "31337.25"
SCRIPT = f"""
echo attempt $MUSTER_ATTEMPT_NUMBER
test "$MUSTER_ATTEMPT_NUMBER" -gt 1 && exit 0
setsid sleep {MARK} & (setsid sleep {MARK} &) ; nohup sleep {MARK} & sleep {MARK}
"""


@pytest.mark.parametrize("sandbox", ["bubblewrap", "process"])
async def test_nothing_survives_a_killed_server_and_the_task_is_tried_again(
    server: KillableServer, sandbox: str
) -> None:
    """SW-4h, OD-2: the sandbox dies with its worker; the restarted worker gives its attempts back."""
    server.arguments = ()
    server.environ["MUSTER_WORKER_SANDBOX"] = sandbox
    await server.start()
    client = Client(HttpTransport(server.url, retry_seconds=30))
    task = await client.post(
        "/tasks", {"title": "leaves children", "kind": "bash", "payload": {"script": SCRIPT}}
    )
    await eventually(lambda: len(sleepers(MARK)) >= 4)

    async def recorded() -> bool:
        return "attempt 1" in str(await client.get(f"/tasks/{task['id']}/logs"))

    await eventually(recorded)
    server.kill()
    await eventually(lambda: not sleepers(MARK))
    await server.start()

    async def succeeded() -> bool:
        shown = await client.get(f"/tasks/{task['id']}")
        return shown["state"] == "succeeded"

    await eventually(succeeded, timeout=30)
    attempts = (await client.get(f"/tasks/{task['id']}/attempts"))["items"]
    logs = await client.get(f"/tasks/{task['id']}/logs", attempt=1)
    await client.close()
    assert sorted(attempt["state"] for attempt in attempts) == ["failed", "succeeded"]
    assert {attempt["code"] for attempt in attempts} == {"worker_lost", None}
    assert "attempt 1" in str(logs)


async def test_cancel_ends_every_process_within_two_seconds(server: KillableServer) -> None:
    """OD-2: also those that left the process group."""
    server.arguments = ()
    await server.start()
    client = Client(HttpTransport(server.url))
    task = await client.post("/tasks", {"title": "to cancel", "kind": "bash", "payload": {"script": SCRIPT}})
    await eventually(lambda: len(sleepers(MARK)) >= 4)
    await client.post(f"/tasks/{task['id']}/cancel", {"reason": "enough"})
    await eventually(lambda: not sleepers(MARK), timeout=2.0)
    shown = await client.get(f"/tasks/{task['id']}")
    await client.close()
    assert shown["state"] == "cancelled"
