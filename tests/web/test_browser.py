"""The web interface in a real browser, against a real server with the scripted agent."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster.client.client import Client
from muster.client.http import HttpTransport
from tests.e2e.server import KillableServer

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = [
    pytest.mark.skipif(chromium is None, reason="Chromium is not installed"),
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
    pytest.mark.skipif(not (ROOT / "src/muster/web_dist/index.html").exists(), reason="make setup builds it"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    folder = tmp_path / "greetings"
    folder.mkdir()
    (folder / "README.md").write_text("# Greetings\n")
    author = ("-c", "user.name=muster", "-c", "user.email=muster@localhost")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-q", "-m", "Begin")):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return folder


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[KillableServer]:
    made = KillableServer(tmp_path, str(tmp_path / "muster.db"), arguments=())
    await made.start()
    yield made
    if made.process is not None:
        made.stop()


def run_in_browser(server: KillableServer, repository: Path, *files: str) -> None:
    """Run tests of web/e2e to their end; what they print is the message when they fail."""
    result = subprocess.run(
        ["node", "--test", "--test-reporter=tap", *(f"e2e/{name}" for name in files)],
        cwd=WEB,
        env={
            **os.environ,
            "MUSTER_URL": server.url,
            "MUSTER_REPOSITORY": str(repository),
            "CHROMIUM": str(chromium),
        },
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert result.returncode == 0, result.stdout[-8_000:] + result.stderr[-2_000:]


async def test_from_an_empty_install_to_a_reviewed_change_on_accessible_pages(
    server: KillableServer, repository: Path
) -> None:
    """OD-20, OD-21, OD-27 to OD-33, SW-2: first the journey, then every page with what it left behind."""
    run_in_browser(server, repository, "journey.test.js")
    run_in_browser(server, repository, "pages.test.js")


async def test_a_window_outlives_a_killed_server_and_shows_what_happened_meanwhile(
    server: KillableServer,
) -> None:
    """SW-2: the status indicator; OD-20"""
    window = await asyncio.create_subprocess_exec(
        "node",
        "e2e/restart.js",
        cwd=WEB,
        env={**os.environ, "MUSTER_URL": server.url, "CHROMIUM": str(chromium)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert window.stdout is not None
    assert await window.stdout.readline() == b"looking\n"
    server.kill()
    assert await window.stdout.readline() == b"lost\n"
    await server.start()
    client = Client(HttpTransport(server.url))
    await client.post("/tasks", {"title": "Queued after the restart", "kind": "manual"})
    await client.close()
    assert await window.stdout.readline() == b"back\n"
    assert await window.wait() == 0
