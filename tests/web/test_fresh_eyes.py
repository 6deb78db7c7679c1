"""What a reviewer with fresh eyes found in the web interface, as a person meets it in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.server import KillableServer
from tests.web import test_browser
from tests.web.test_browser import run_in_browser

pytestmark = test_browser.pytestmark


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[KillableServer]:
    made = KillableServer(tmp_path, str(tmp_path / "muster.db"), arguments=())
    made.environ["MUSTER_WORKER_CAPACITY"] = "4"
    await made.start()
    yield made
    if made.process is not None:
        made.stop()


async def test_what_a_person_is_told_is_so(running: KillableServer) -> None:
    """OD-20, SW-2: cards stay in their lists, figures and names agree, nothing is cut or covered"""
    run_in_browser(running, "fresh-eyes.test.js")
