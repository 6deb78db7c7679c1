"""What a reviewer with fresh eyes found in the web interface, as a person meets it in a real browser."""

from __future__ import annotations

from tests.e2e.server import KillableServer
from tests.web import test_browser
from tests.web.test_browser import run_in_browser

pytestmark = test_browser.pytestmark


async def test_what_a_person_is_told_is_so(running: KillableServer) -> None:
    """OD-20, SW-2: cards stay in their lists, figures and names agree, nothing is cut or covered"""
    run_in_browser(running, "fresh-eyes.test.js")
