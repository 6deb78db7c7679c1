"""Finished work that nobody looked at, in a real browser."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.server import KillableServer
from tests.web import test_browser

pytestmark = test_browser.pytestmark


async def test_finished_work_is_found_set_aside_and_merged(server: KillableServer, repository: Path) -> None:
    """SQ-12, SW-4i"""
    test_browser.run_in_browser(server, "unseen.test.js", MUSTER_REPOSITORY=str(repository))
