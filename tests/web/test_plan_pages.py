"""The planning pages in a real browser: queues, dead letters, projects, sessions, scripts, the board and the timeline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.server import KillableServer
from tests.web import test_browser

pytestmark = test_browser.pytestmark

GREET = """# name: greet
# description: Say hello
# inputs:
#   who: string required
#   times: int default=1
for _ in $(seq "$MUSTER_INPUT_TIMES"); do echo "hello $MUSTER_INPUT_WHO"; done
"""
BROKEN = """# name: broken
# inputs:
#   who: colour required
echo
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[KillableServer]:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "greet.sh").write_text(GREET)
    (tmp_path / "scripts" / "broken.sh").write_text(BROKEN)
    made = KillableServer(tmp_path, str(tmp_path / "muster.db"), arguments=())
    await made.start()
    yield made
    if made.process is not None:
        made.stop()


async def test_work_is_planned_on_accessible_pages(server: KillableServer) -> None:
    """SQ-2, SQ-3, SQ-7, SW-4b, SW-8a: order, dead letters, money, sessions, scripts, board; then every page."""
    test_browser.run_in_browser(server, "plan.test.js")
