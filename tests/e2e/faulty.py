"""What faults need: places that can be filled or closed, and a person's calls to a server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp

from muster.client.client import Client
from muster.client.http import HttpTransport
from muster.client.wire import ClaimedTask, ClaimRequest
from tests.e2e.server import KillableServer

NO_MOUNT = "needs the right to mount a file system of its own"


@dataclass
class Disk:
    """A small file system of its own."""

    folder: Path
    ballast: Path = field(init=False)

    def __post_init__(self) -> None:
        self.ballast = self.folder / "ballast"

    def fill(self) -> None:
        """Leave not a byte."""
        with suppress(OSError), self.ballast.open("ab", buffering=0) as file:
            while file.write(bytes(65_536)) == 65_536:
                pass
        with suppress(OSError), self.ballast.open("ab", buffering=0) as file:
            while file.write(bytes(1)):
                pass

    def free(self) -> None:
        """Give back what `fill` took."""
        self.ballast.unlink()

    def close_for_writing(self) -> None:
        """Remount it read-only."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Disk | None]:
    """A tmpfs at `folder`; None where that is not allowed."""
    folder.mkdir()
    made = shutil.which("mount") and os.geteuid() == 0
    if (
        not made
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "muster-test", str(folder)], capture_output=True
        ).returncode
    ):
        yield None
        return
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@dataclass
class Refusal:
    """An answer, as a client of any sort sees it."""

    status: int
    body: Any


class Desk:
    """Calls to one server: the typed client, and raw ones."""

    def __init__(self, server: KillableServer) -> None:
        self.url = server.url
        self.client = Client(HttpTransport(server.url))

    async def submit(self, **fields: Any) -> str:
        """Queue a task; its id."""
        task = {"title": "work", "kind": "prompt", "queue": "work", **fields}
        return str((await self.client.post("/tasks", task))["id"])

    async def queue(self) -> None:
        """The queue `work`, claimed over the API."""
        await self.client.post("/queues", {"name": "work", "mode": "external"})

    async def claim(self, agent: str, wait: float = 0) -> ClaimedTask | None:
        answer = await self.client.claim(ClaimRequest(agent_id=agent, queues=["work"], wait_seconds=wait))
        return answer.claims[0] if answer.claims else None

    async def task(self, task_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = await self.client.get(f"/tasks/{task_id}")
        return shown

    async def events(self, task_id: str) -> list[str]:
        """Kinds of a task's events, oldest first."""
        page = await self.client.get(f"/tasks/{task_id}/events", limit=100)
        return [item["kind"] for item in page["items"]]

    async def raw(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> Refusal:
        """A request that no well-behaved client would send. `path` from the root."""
        headers = {} if body is None else {"content-type": kind}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, data=body and BytesIO(body), headers=headers) as answer,
        ):
            return Refusal(answer.status, await answer.json(content_type=None))
