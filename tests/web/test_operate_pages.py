"""The operating pages in a real browser: first run, panel, sandboxes, activity, a thousand agents, without a server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster.client.client import Client
from muster.client.http import HttpTransport
from tests.e2e.server import KillableServer
from tests.web import test_browser
from tests.web.test_browser import WEB, chromium, run_in_browser

pytestmark = test_browser.pytestmark


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[KillableServer]:
    made = KillableServer(tmp_path, str(tmp_path / "muster.db"), arguments=())
    await made.start()
    yield made
    if made.process is not None:
        made.stop()


async def test_a_fleet_is_operated_from_its_first_page_to_a_thousand_agents(running: KillableServer) -> None:
    """OD-20 to OD-22, OD-34, SW-2: each page is accessible as well"""
    run_in_browser(running, "operate.test.js")


async def test_the_interface_opens_without_its_server_and_says_of_when_it_is(running: KillableServer) -> None:
    """OD-20: the last answers are shown with their time, and left behind as soon as there are newer ones"""
    client = Client(HttpTransport(running.url))
    await client.post("/tasks", {"title": "Kept for the train", "kind": "manual"})
    await client.close()
    window = await asyncio.create_subprocess_exec(
        "node",
        "e2e/offline.js",
        cwd=WEB,
        env={**os.environ, "MUSTER_URL": running.url, "CHROMIUM": str(chromium)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert window.stdout is not None
    assert window.stdin is not None
    assert await window.stdout.readline() == b"looking\n"
    running.kill()
    window.stdin.write(b"gone\n")
    assert await window.stdout.readline() == b"kept\n"
    await running.start()
    assert await window.stdout.readline() == b"back\n"
    assert await window.wait() == 0
