"""Queueing work and looking at it in a real browser: folders, estimates, prompts."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster.client.client import Client
from muster.client.http import HttpTransport
from muster.client.wire import ClaimRequest, FailRequest
from muster.client.wire_runs import FileChangeReport, FilesRequest, RunRequest
from muster.domain.transcript import Entry, Message, Thinking, ToolCall, ToolKind, ToolResult, UsageReport
from muster.domain.usage import TokenUsage
from tests.e2e.server import KillableServer
from tests.web import test_browser
from tests.web.test_browser import run_in_browser

pytestmark = test_browser.pytestmark


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[KillableServer]:
    for name in ("hooks-api", "site"):
        folder = tmp_path / "src" / name
        folder.mkdir(parents=True)
        (folder / "README.md").write_text("x\n")
        author = ("-c", "user.name=muster", "-c", "user.email=muster@localhost")
        for words in (("init", "-q", "-b", "main"), ("add", "."), (*author, "commit", "-q", "-m", "Begin")):
            subprocess.run(["git", "-C", str(folder), *words], check=True)
    (tmp_path / "src" / "hooks-api" / "new.txt").write_text("x")
    (tmp_path / "src" / "notes").mkdir()
    made = KillableServer(tmp_path, str(tmp_path / "muster.db"), arguments=())
    made.environ = {"MUSTER_DIRECTORIES_ROOTS": str(tmp_path / "src")}
    await made.start()
    yield made
    if made.process is not None:
        made.stop()


async def test_work_is_queued_knowing_where_it_goes_and_what_it_comes_to(
    server: KillableServer, tmp_path: Path
) -> None:
    """OD-8, OD-40: folders, warnings, estimate, the whole prompt, one after the other"""
    run_in_browser(server, "new-task.test.js", MUSTER_ROOT=str(tmp_path / "src"))


async def test_a_task_is_seen_among_those_it_hangs_together_with(server: KillableServer) -> None:
    """OD-6, SA-2b: the graph by the keyboard, owners of files, attempts, runs beside each other"""
    run_in_browser(server, "task-page.test.js")


async def long_conversation(client: Client) -> str:
    """A task whose agent said and did 5,000 things, each step with what it used; its id."""
    made = await client.post("/tasks", {"title": "Mend the pipe", "kind": "prompt"})
    (held,) = (await client.claim_task(made["id"], ClaimRequest(agent_id="swift-01"))).claims
    await client.describe_run(held.attempt_id, RunRequest(token=held.token, agent="codex"))
    used = UsageReport(usage=TokenUsage(input=2_000, output=412, cache_read=100), cost_usd=0.0184)
    entries: list[Entry] = [Message("Mend the pipe.", role="user"), Thinking("Where is it?")]
    for number in range(1_248):
        entries += [
            Message(f"Step {number}."),
            ToolCall(f"t{number}", "Bash", tool=ToolKind.EXECUTE, command=f"echo {number}"),
            ToolResult(f"t{number}", output=str(number)),
            used,
        ]
    entries += [
        ToolCall("e", "Edit", tool=ToolKind.EDIT, paths=["/copy/tree/src/pipe.py"]),
        ToolResult("e", output="edited"),
        Message("The last word."),
        used,
        ToolCall("x", "Bash", tool=ToolKind.EXECUTE, command="make test"),
        ToolResult("x", status="failed", exit_code=2, output="1 test failed"),
    ]
    for first in range(0, len(entries), 1_000):
        await client.send_transcript(held.attempt_id, held.token, first, entries[first : first + 1_000])
    changed = FileChangeReport(path="src/pipe.py", change="modified", additions=1, deletions=0)
    await client.send_files(held.attempt_id, FilesRequest(token=held.token, files=[changed]))
    await client.fail(held.attempt_id, FailRequest(token=held.token, code="exit_nonzero", message="no"))
    return str(made["id"])


async def test_a_long_conversation_opens_as_a_short_one_does(server: KillableServer) -> None:
    """OD-27, OD-28: what is made does not depend on its length; what steps used, and what calls changed"""
    client = Client(HttpTransport(server.url))
    task = await long_conversation(client)
    await client.close()
    run_in_browser(server, "conversation.test.js", MUSTER_TASK=task)


async def test_every_attempt_is_on_the_timeline(server: KillableServer) -> None:
    """OD-6: bars of all attempts, lines of what waited for what"""
    run_in_browser(server, "timeline.test.js")
