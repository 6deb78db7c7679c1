"""What holds on every page: settings that follow a person, keyboard alone, any size, any colours, two windows."""

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
    await made.start()
    yield made
    if made.process is not None:
        made.stop()


async def test_settings_are_kept_on_the_server_and_follow_a_person_from_window_to_window(
    running: KillableServer,
) -> None:
    """OD-20, OD-21: two windows at once; keys can be rebound and switched off (WCAG 2.1.4)"""
    run_in_browser(running, "settings.test.js")
