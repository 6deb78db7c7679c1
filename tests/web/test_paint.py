"""The first paint of the first page in a real browser."""

from __future__ import annotations

from muster.client.client import Client
from muster.client.http import HttpTransport
from muster.client.wire import ClaimRequest
from muster.client.wire_approvals import AskRequest
from tests.e2e.server import KillableServer
from tests.waiting import eventually
from tests.web import test_browser
from tests.web.test_browser import run_in_browser

pytestmark = test_browser.pytestmark


async def test_the_first_page_stands_early_and_moves_no_more(server: KillableServer) -> None:
    """OD-20: budgets of the specification for the first paint and layout shift."""
    client = Client(HttpTransport(server.url))

    async def has_a_machine() -> bool:
        return bool((await client.get("/workers"))["items"])

    # A machine that comes while the page stands takes its place in the roll call.
    await eventually(has_a_machine, timeout=60)
    for number in range(3):
        made = await client.post("/tasks", {"title": "Hold the door", "kind": "manual"})
        held = (await client.claim_task(made["id"], ClaimRequest(agent_id=f"doorman-{number}"))).claims[0]
        asked = AskRequest(
            token=held.token, key="one", kind="question", title="Hold the door", document={"text": "Open it?"}
        )
        await client.ask(held.attempt_id, asked)
    await client.close()
    run_in_browser(server, "paint.test.js")
