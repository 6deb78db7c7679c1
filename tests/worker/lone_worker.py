"""A worker as a program of its own, to be killed: URL LEVEL STATE."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from muster.client.client import Client
from muster.client.http import HttpTransport
from muster.sandboxes.registry import make_driver
from muster.worker.isolation import Isolation
from muster.worker.options import WorkerOptions
from muster.worker.worker import Worker


async def main(url: str, level: str, state: str) -> None:
    options = WorkerOptions(worker_id="lone", agent_id="lone", state_dir=Path(state))
    await Worker(Client(HttpTransport(url)), Isolation(make_driver(level)), options).run()


asyncio.run(main(*sys.argv[1:]))
