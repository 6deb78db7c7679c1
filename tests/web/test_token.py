"""A server that wants a token, in a real browser."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.server import KillableServer
from tests.web import test_browser
from tests.web.test_browser import run_in_browser

pytestmark = test_browser.pytestmark
SECRET = "correct-horse-battery"


async def test_what_is_saved_goes_to_the_disk_and_no_token_into_an_address(tmp_path: Path) -> None:
    """OD-51"""
    made = KillableServer(tmp_path, str(tmp_path / "muster.db"))
    made.environ = {"MUSTER_SERVER_TOKEN": SECRET}
    await made.start()
    try:
        run_in_browser(made, "token.test.js", MUSTER_SECRET=SECRET)
    finally:
        if made.process is not None:
            made.stop()
