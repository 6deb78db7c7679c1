"""The pages of agents, roles and chat in a real browser, against a real server with the scripted agent."""

from __future__ import annotations

from pathlib import Path

from muster.client.client import Client
from muster.client.http import HttpTransport
from tests.e2e.server import KillableServer
from tests.web import test_browser
from tests.web.test_browser import hostile_task, run_in_browser

pytestmark = test_browser.pytestmark


async def test_agents_are_watched_paused_talked_with_and_given_roles(
    server: KillableServer, repository: Path
) -> None:
    """OD-5, OD-6, OD-27, OD-33: from the list of agents to a conversation that goes on with a session."""
    client = Client(HttpTransport(server.url))
    task = await hostile_task(client)
    await client.close()
    run_in_browser(server, "agents.test.js", MUSTER_TASK=task, MUSTER_REPOSITORY=str(repository))
