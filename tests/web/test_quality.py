"""What holds on every page: settings that follow a person, keyboard alone, any size, any colours, two windows."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.server import KillableServer
from tests.web import test_browser
from tests.web.test_browser import ROOT, run_in_browser

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


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillableServer]:
    """A server that has something to show on every page, filled once."""
    folder = tmp_path_factory.mktemp("busy")
    made = KillableServer(folder, str(folder / "muster.db"), arguments=("--demo",))
    asyncio.run(made.start())
    filler = subprocess.Popen(
        [sys.executable, "-m", "tools.busy_fleet", made.url, "40"], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert filler.stdout is not None
        assert filler.stdout.readline() == b"filled\n"
        subprocess.run([sys.executable, "-m", "tools.busy_plan", made.url], cwd=ROOT, check=True)
        yield made
    finally:
        filler.terminate()
        filler.communicate()
        made.stop()


def test_axe_finds_nothing_on_any_page_in_either_theme(busy: KillableServer) -> None:
    """OD-20, OD-21: WCAG 2.1 AA; three densities"""
    run_in_browser(busy, "axe.test.js")


def test_pages_stand_narrow_zoomed_under_a_finger_and_in_a_systems_own_colours(busy: KillableServer) -> None:
    """OD-20, OD-21: 320 px, 200 %, 44 px, +40 % of words, forced colours, reduced motion"""
    run_in_browser(busy, "quality.test.js")
