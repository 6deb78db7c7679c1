"""A server with nothing to do does nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.faulty import Desk
from tests.e2e.server import KillableServer
from tests.waiting import eventually

WATCHED_SECONDS = 10.0
MOST = 0.05
"""Measured: well below 0.01. The bound leaves room for a busy machine."""
MOST_MEMORY_MB = 300


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


async def test_an_idle_server_with_a_worker_uses_no_processor(
    server: KillableServer, desk_at: Callable[[KillableServer], Desk]
) -> None:
    """SW-4a: nothing polls, after some work was done too."""
    server.arguments = ()
    await server.start()
    desk = desk_at(server)
    task = await desk.submit(kind="bash", queue="default", payload={"script": "echo ran"})

    async def done() -> bool:
        return (await desk.task(task))["state"] == "succeeded"

    await eventually(done, timeout=30)
    assert server.process is not None
    pid = server.process.pid
    settled = time.monotonic() + 3
    await eventually(lambda: time.monotonic() > settled, step=0.5)
    before, began = processor_seconds(pid), time.monotonic()
    await eventually(lambda: time.monotonic() - began > WATCHED_SECONDS, timeout=2 * WATCHED_SECONDS, step=1)
    share = (processor_seconds(pid) - before) / (time.monotonic() - began)
    print(f"idle: {share:.2%} of a processor, {resident_mb(pid):.0f} MB")
    assert share < MOST
    assert resident_mb(pid) < MOST_MEMORY_MB
