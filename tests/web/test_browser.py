"""The web interface in a real browser, against a real server with the scripted agent."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from muster.client.client import Client
from muster.client.http import HttpTransport
from muster.client.wire import ClaimRequest, CompleteRequest, RecordLine, RecordRequest
from muster.client.wire_runs import RunRequest
from muster.domain.transcript import Entry, Message, ToolCall, ToolKind, ToolResult
from tests.e2e.server import KillableServer

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = [
    pytest.mark.skipif(chromium is None, reason="Chromium is not installed"),
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
    pytest.mark.skipif(not (ROOT / "src/muster/web_dist/index.html").exists(), reason="make setup builds it"),
    pytest.mark.timeout(900),
]


def run_in_browser(server: KillableServer, *files: str, **variables: str) -> None:
    """Run tests of web/e2e to their end; what they print of failures is the message."""
    result = subprocess.run(
        ["node", "--test", "--test-reporter=tap", *(f"e2e/{name}" for name in files)],
        cwd=WEB,
        env={
            **os.environ,
            "MUSTER_URL": server.url,
            "CHROMIUM": str(chromium),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=840,
    )
    assert result.returncode == 0, _failures(result.stdout) + result.stderr[-2_000:]


def _failures(tap: str) -> str:
    """What failed and why, out of all that was printed: a log keeps the beginning of a message only."""
    found = re.findall(r"^ *not ok .*?^ *\.\.\.$", tap, flags=re.MULTILINE | re.DOTALL)
    return "\n".join(found)[:8_000] or tap[-8_000:]


async def test_from_an_empty_install_to_a_reviewed_change_on_accessible_pages(
    server: KillableServer, repository: Path
) -> None:
    """OD-20, OD-21, OD-27 to OD-33, SW-2: first the journey, then every page with what it left behind."""
    run_in_browser(server, "journey.test.js", MUSTER_REPOSITORY=str(repository))
    run_in_browser(server, "decisions.test.js")
    run_in_browser(server, "live.test.js")


async def test_a_window_outlives_a_killed_server_and_shows_what_happened_meanwhile(
    server: KillableServer,
) -> None:
    """SW-2: the status indicator; OD-20"""
    window = await asyncio.create_subprocess_exec(
        "node",
        "e2e/restart.js",
        cwd=WEB,
        env={**os.environ, "MUSTER_URL": server.url, "CHROMIUM": str(chromium)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert window.stdout is not None
    assert await window.stdout.readline() == b"looking\n"
    server.kill()
    assert await window.stdout.readline() == b"lost\n"
    await server.start()
    client = Client(HttpTransport(server.url))
    await client.post("/tasks", {"title": "Queued after the restart", "kind": "manual"})
    await client.close()
    assert await window.stdout.readline() == b"back\n"
    assert await window.wait() == 0


HOSTILE = """<script>alert(1)</script> <img src=x onerror=alert(1)> <iframe src="https://evil.example"></iframe>

![a picture](https://evil.example/p.png?secret) [go](javascript:alert(1)) rm \u202egpj.exe the last word"""
LINES = (
    "\x1b[31mred words\x1b[0m\x1b]0;title\x07\x1b[2J",
    "<script>alert(1)</script>",
    "photo\u202egpj.exe",
    "x" * 60_000,
)


async def hostile_task(client: Client) -> str:
    """A task whose agent said 5,000 things and whose words would act where they could; its id."""
    made = await client.post("/tasks", {"title": "<b>Hostile</b>", "kind": "prompt"})
    answer = await client.claim_task(made["id"], ClaimRequest(agent_id="mallory"))
    held = answer.claims[0]
    await client.describe_run(held.attempt_id, RunRequest(token=held.token, agent="<i>mallory</i>"))
    entries: list[Entry] = []
    for number in range(1_666):
        entries += [
            Message(f"Step {number}"),
            ToolCall(f"t{number}", "Bash", tool=ToolKind.EXECUTE, command=f"echo {number}"),
            ToolResult(f"t{number}", output=str(number)),
        ]
    entries += [Message("Nearly."), Message(HOSTILE)]
    for first in range(0, len(entries), 1_000):
        await client.send_transcript(held.attempt_id, held.token, first, entries[first : first + 1_000])
    lines = [RecordLine(stream="stdout", text=text) for text in LINES]
    await client.record(held.attempt_id, RecordRequest(token=held.token, position=0, lines=lines))
    await client.complete(held.attempt_id, CompleteRequest(token=held.token, output=HOSTILE))
    return str(made["id"])


async def test_hostile_words_do_nothing_and_long_conversations_open_at_once(server: KillableServer) -> None:
    """OD-27, SW-2"""
    client = Client(HttpTransport(server.url))
    task = await hostile_task(client)
    await client.close()
    run_in_browser(server, "hostile.test.js", MUSTER_TASK=task)
