"""The inbox in a real browser, against a real server whose scripted agents ask."""

from __future__ import annotations

from tests.e2e.server import KillableServer
from tests.web import test_browser
from tests.web.test_browser import run_in_browser

pytestmark = test_browser.pytestmark


async def test_requests_are_decided_by_gestures_that_fit_their_risk(running: KillableServer) -> None:
    """OD-20, SW-1: undo, confirm, type the target; reject, ask back, more time, ask again, together, two people"""
    run_in_browser(running, "inbox.test.js")
