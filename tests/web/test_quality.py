"""What holds on every page: settings that follow a person, keyboard alone, any size, any colours, two windows."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.client.client import Client
from muster.client.http import HttpTransport
from muster.client.wire import ClaimRequest
from muster.client.wire_approvals import AskRequest
from tests.e2e.server import KillableServer
from tests.web import test_browser
from tests.web.test_browser import ROOT, WEB, chromium, run_in_browser

pytestmark = test_browser.pytestmark


async def test_settings_are_kept_on_the_server_and_follow_a_person_from_window_to_window(
    running: KillableServer,
) -> None:
    """OD-20, OD-21: two windows at once; keys can be rebound and switched off (WCAG 2.1.4)"""
    run_in_browser(running, "settings.test.js")


async def test_a_day_is_worked_by_the_keyboard_alone(running: KillableServer, repository: Path) -> None:
    """OD-20, OD-21: from the first run over queueing, answering, reviewing to the order of a queue"""
    run_in_browser(running, "keyboard.test.js", MUSTER_REPOSITORY=str(repository))


async def test_two_windows_agree_and_a_lost_socket_loses_nothing(running: KillableServer) -> None:
    """OD-20, SW-2: two answers to one question; a change in one window shows in the other"""
    run_in_browser(running, "windows.test.js")


async def test_a_question_is_answered_after_its_server_was_killed_and_started_again(
    running: KillableServer,
) -> None:
    """OD-20, SW-2"""
    client = Client(HttpTransport(running.url, retry_seconds=60))
    made = await client.post("/tasks", {"title": "Paint", "kind": "manual"})
    held = (await client.claim_task(made["id"], ClaimRequest(agent_id="asker"))).claims[0]
    options = [{"id": "red", "label": "Red"}, {"id": "blue", "label": "Blue"}]
    asked = await client.ask(
        held.attempt_id,
        AskRequest(
            token=held.token, key="one", kind="question", title="Which colour?", document={"options": options}
        ),
    )
    window = await asyncio.create_subprocess_exec(
        "node",
        "e2e/interrupted.js",
        cwd=WEB,
        env={
            **os.environ,
            "MUSTER_URL": running.url,
            "CHROMIUM": str(chromium),
            "MUSTER_QUESTION": asked.approval_id,
        },
        stdout=asyncio.subprocess.PIPE,
    )
    assert window.stdout is not None
    assert await window.stdout.readline() == b"looking\n"
    running.kill()
    assert await window.stdout.readline() == b"lost\n"
    await running.start()
    assert await window.stdout.readline() == b"answered\n"
    assert await window.wait() == 0
    kept = await client.get(f"/approvals/{asked.approval_id}")
    await client.close()
    assert (kept["state"], kept["answer"]["option"]) == ("answered", "red")


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


def test_axe_finds_nothing_on_any_page_and_each_stands_in_any_size_and_colours(busy: KillableServer) -> None:
    """OD-20, OD-21: WCAG 2.1 AA, both themes, densities; 320 px, 200 %, 44 px, +40 % of words, forced colours"""
    run_in_browser(busy, "everywhere.test.js")
