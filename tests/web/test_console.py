"""A console into a sandbox in a real browser."""

from __future__ import annotations

from pathlib import Path

from muster.client.client import Client
from muster.client.http import HttpTransport
from tests.e2e.server import KillableServer
from tests.waiting import eventually
from tests.web import test_browser
from tests.web.test_browser import run_in_browser

pytestmark = test_browser.pytestmark


async def test_a_shell_is_opened_used_left_lost_and_ended_in_a_browser(tmp_path: Path) -> None:
    """OD-34: a way out by keyboard, reconnecting, the strict policy, both themes, a phone"""
    server = KillableServer(tmp_path, str(tmp_path / "muster.db"), arguments=())
    await server.start()
    client = Client(HttpTransport(server.url))
    try:
        script = "echo begun; while test ! -e $PWD/go; do sleep 0.1; done"
        await client.post("/tasks", {"title": "Works on", "kind": "bash", "payload": {"script": script}})

        async def is_open() -> bool:
            return bool((await client.get("/sandboxes"))["items"])

        await eventually(is_open, timeout=60)
        run_in_browser(server, "console.test.js")
    finally:
        await client.close()
        if server.process is not None:
            server.stop()
