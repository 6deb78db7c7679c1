"""Queueing work and looking at it in a real browser: folders, estimates, prompts."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.server import KillableServer
from tests.web import test_browser
from tests.web.test_browser import run_in_browser

pytestmark = test_browser.pytestmark


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[KillableServer]:
    for name in ("hooks-api", "site"):
        folder = tmp_path / "src" / name
        folder.mkdir(parents=True)
        (folder / "README.md").write_text("x\n")
        author = ("-c", "user.name=muster", "-c", "user.email=muster@localhost")
        for words in (("init", "-q", "-b", "main"), ("add", "."), (*author, "commit", "-q", "-m", "Begin")):
            subprocess.run(["git", "-C", str(folder), *words], check=True)
    (tmp_path / "src" / "hooks-api" / "new.txt").write_text("x")
    (tmp_path / "src" / "notes").mkdir()
    made = KillableServer(tmp_path, str(tmp_path / "muster.db"), arguments=())
    made.environ = {"MUSTER_DIRECTORIES_ROOTS": str(tmp_path / "src")}
    await made.start()
    yield made
    if made.process is not None:
        made.stop()


async def test_work_is_queued_knowing_where_it_goes_and_what_it_comes_to(
    server: KillableServer, tmp_path: Path
) -> None:
    """OD-8, OD-40: folders, warnings, estimate, the whole prompt, one after the other"""
    run_in_browser(server, "new-task.test.js", MUSTER_ROOT=str(tmp_path / "src"))


async def test_a_task_is_seen_among_those_it_hangs_together_with(server: KillableServer) -> None:
    """OD-6, SA-2b: the graph by the keyboard, owners of files, attempts, runs beside each other"""
    run_in_browser(server, "task-page.test.js")
