"""Long lists in a real browser: where a row stands, and how it is found."""

from __future__ import annotations

from tests.e2e.server import KillableServer
from tests.web import test_browser
from tests.web.test_browser import run_in_browser

pytestmark = test_browser.pytestmark


async def test_a_long_list_says_where_its_rows_stand_and_is_searched_by_a_key(
    server: KillableServer,
) -> None:
    """OD-20: screen readers know the position; what is not made is found by the page's own search"""
    run_in_browser(server, "lists.test.js")
