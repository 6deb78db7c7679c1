"""The verbs about an agent's run, against a real server."""

from __future__ import annotations

import hashlib
import http.client
import json
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muster.cli.connection import Connection, path
from muster.cli.conversation_text import FOLDED, Screen
from muster.cli.output import harmless
from muster.domain.transcript import (
    ChangeKind,
    Entry,
    FileChange,
    Message,
    Option,
    OptionKind,
    PermissionRequest,
    Plan,
    PlanItem,
    Problem,
    Question,
    SessionStarted,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    TurnEnded,
    Unknown,
    UsageReport,
)
from muster.domain.transcript_flow import Stored
from muster.domain.transcript_json import document_of
from tests.cli.conftest import Muster
from tests.cli.live import LiveServer

ENTRIES: list[Entry] = [
    Message("Fix it.", role="user"),
    Thinking("Let me look."),
    Message("I look ", more=True),
    Message("at \x1b[31mit\u202e."),
    ToolCall("t1", "Read", tool=ToolKind.READ, paths=["src/a.py"]),
    ToolResult("t1", output="\n".join(f"line {n}" for n in range(30))),
    ToolCall("t2", "Bash", command="pytest -q"),
    ToolResult("t2", status="failed", output="1 failed", exit_code=1),
    TurnEnded(ok=True, reason="end_turn"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("live"))
    (live.folder / "scripts").mkdir()
    started = live.muster("start", "--json")
    assert started.returncode == 0, started.stderr
    try:
        yield live
    finally:
        stopped = live.muster("stop", "--timeout", "20")
        if stopped.returncode != 0:
            live.muster("stop", "--kill")


@pytest.fixture
def live(muster: Muster, server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Muster:
    """`muster` in this process, talking to the server."""
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    return muster


@pytest.fixture
def connection(server: LiveServer) -> Iterator[Connection]:
    opened = Connection(f"http://127.0.0.1:{server.port}")
    yield opened
    opened.close()


class Run:
    """A task that an agent of this test works on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        queue = f"q-{secrets.token_hex(4)}"
        connection.post(path("queues"), {"name": queue, "mode": "external"})
        task = connection.post(
            path("tasks"), {"kind": "prompt", "title": "mend", "queue": queue, "payload": {"prompt": "x"}}
        )
        self.task = str(task["id"])
        claim = {"agent_id": "ann", "queues": [queue]}
        (self.held,) = connection.post(path("claims"), claim)["claims"]
        self.tell("run", agent="claude", model="m-1", branch="muster/x")

    def tell(self, noun: str, **fields: Any) -> None:
        body = {"token": self.held["token"], **fields}
        self._connection.post(path("attempts", str(self.held["attempt_id"]), noun), body)

    def say(self, position: int, *entries: Entry) -> None:
        self.tell("transcript", position=position, entries=[document_of(entry) for entry in entries])

    def blob(self, content: bytes, port: int) -> str:
        name = hashlib.sha256(content).hexdigest()
        http_connection = http.client.HTTPConnection("127.0.0.1", port)
        fence = {"x-muster-attempt": str(self.held["attempt_id"]), "x-muster-token": str(self.held["token"])}
        http_connection.request("PUT", f"/api/v1/blobs/{name}", content, fence)
        assert http_connection.getresponse().status == 200
        http_connection.close()
        return name


@pytest.fixture
def run(connection: Connection) -> Run:
    return Run(connection)


class TestConversation:
    def test_a_conversation_reads_like_one(self, live: Muster, run: Run) -> None:
        """OD-27, SQ-20"""
        run.say(0, *ENTRIES)
        shown = live("conversation", run.task).out
        assert "~ Let me look.\n" in shown
        assert "I look at \ufffd[31mit\ufffd.\n" in shown
        assert "> Read src/a.py\n  | line 0\n" in shown
        assert "  | ... 22 more lines\n" in shown
        assert "> Bash pytest -q\n  failed, exit code 1\n  | 1 failed\n= done end_turn\n" in shown
        assert "line 29" in live("conversation", run.task, "--full").out

    def test_programs_get_every_entry_as_a_line(self, live: Muster, run: Run) -> None:
        """SQ-20"""
        run.say(0, *ENTRIES)
        lines = [json.loads(line) for line in live("conversation", run.task, "--json").out.splitlines()]
        assert [line["entry"]["kind"] for line in lines] == [entry.kind for entry in ENTRIES]
        assert (lines[0]["attempt"], lines[3]["position"]) == (1, 3)

    def test_it_is_exported_as_markdown(self, live: Muster, run: Run) -> None:
        """OD-27"""
        run.say(0, *ENTRIES)
        assert live("conversation", run.task, "--markdown").out.startswith("# mend\n\n## User (")

    def test_it_is_followed_until_the_task_is_over(self, live: Muster, server: LiveServer, run: Run) -> None:
        """OD-6"""
        run.say(0, Message("first"))
        watching = server.begin("conversation", run.task, "-f")
        assert watching.process.stdout is not None
        while "first" not in watching.process.stdout.readline():
            pass
        run.say(1, Message("second, in ", more=True))
        run.say(2, Message("pieces"))
        run.tell("complete", output="done")
        rest, _ = watching.process.communicate(timeout=30)
        assert "second, in" in rest
        assert "pieces" in rest
        assert watching.process.returncode == 0

    def test_a_task_that_did_not_run_has_none(self, live: Muster, connection: Connection) -> None:
        """OD-27"""
        task = connection.post(path("tasks"), {"kind": "manual", "title": "later"})
        ended = live("conversation", str(task["id"]))
        assert (ended.code, ended.out) == (0, "")
        assert "has not run yet" in ended.err

    def test_an_agent_that_told_nothing_is_said_to_have(self, live: Muster, run: Run) -> None:
        """OD-27"""
        assert "No agent told of what it did" in live("conversation", run.task).err


class TestFilesAndCalls:
    def test_files_and_their_diffs_are_shown(self, live: Muster, server: LiveServer, run: Run) -> None:
        """OD-7, SQ-20"""
        run.say(0, *ENTRIES)
        before, after = run.blob(b"one\n", server.port), run.blob(b"two\n", server.port)
        changed = {"path": "src/a.py", "change": "modified", "additions": 1, "deletions": 1}
        files = [
            {**changed, "before_blob": before, "after_blob": after},
            {"path": "logo.png", "change": "created", "binary": True, "outside": True},
        ]
        run.tell("files", files=files)
        shown = live("files", run.task)
        assert "modified  src/a.py" in shown.out
        assert "1 of them are not among the files the task may change" in shown.err
        assert live("files", run.task, "--json").json["consumed"][0]["path"] == "src/a.py"
        diff = "--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1 @@\n-one\n+two\n"
        assert live("diff", run.task).out == diff
        assert live("diff", run.task, "src/a.py").out == diff
        assert live("diff", run.task, "src/a.py", "--json").json == {
            "items": [{"path": "src/a.py", "diff": diff}]
        }
        assert live("diff", run.task, "other").code == 4

        saved = live("bundle", run.task, "--json").json
        assert saved["file"] == f"{run.task}.1.zip"
        with zipfile.ZipFile(saved["file"]) as archive:
            assert archive.read(f"{run.task}.1/files/src/a.py") == b"two\n"
        assert live("bundle", run.task).code == 5
        assert live("bundle", run.task, "--force", "-o", "mine.zip").out.startswith("mine.zip, ")
        assert live("bundle", run.task, "--attempt", "7").code == 4
        assert sorted(
            place.name for place in Path.cwd().iterdir() if place.name.endswith((".zip", ".part"))
        ) == sorted(["mine.zip", f"{run.task}.1.zip"])

    def test_a_run_without_files_says_so(self, live: Muster, run: Run) -> None:
        """OD-7"""
        assert "changed no files" in live("files", run.task).err
        assert "changed no files" in live("diff", run.task).err

    def test_calls_show_what_they_cost(self, live: Muster, run: Run) -> None:
        """SA-4a, SQ-20"""
        call = {
            "key": "a",
            "at": "2026-01-31T09:30:00Z",
            "provider": "p",
            "model": "m-1",
            "dialect": "d",
            "status": 200,
            "input_tokens": 100,
            "output_tokens": 10,
        }
        priced = {**call, "key": "b", "pricing": "priced", "cost_usd": 0.25}
        run.tell("calls", calls=[call, priced])
        run.tell("run", reported={"input_tokens": 150}, context_used=5, context_window=10)
        shown = live("calls", run.task)
        assert "unpriced" in shown.out
        assert "$0.25" in shown.out
        assert shown.err == (
            "claude: 2 calls for $0.25, 1 without a known price; the agent reports another sum (input -50)\n"
        )
        found = live("calls", run.task, "--json").json
        assert ([one["key"] for one in found["items"]], found["runs"][0]["calls"]) == (["a", "b"], 2)
        task = live("task", run.task).out
        assert "claude m-1\n" in task
        assert "2 for $0.25, 1 without a known price" in task
        assert "5 of 10 tokens" in task


def lines_of(*entries: Entry) -> list[str]:
    screen = Screen()
    return [
        text for number, entry in enumerate(entries) for text, _ in screen.lines(Stored(number, 0, entry))
    ]


def test_every_kind_of_entry_has_its_lines() -> None:
    """OD-27"""
    options = [Option("y", "Yes", OptionKind.ALLOW_ONCE), Option("n", "No", OptionKind.REJECT_ONCE)]
    assert lines_of(
        SessionStarted("s", model="m", mode="default"),
        Plan([PlanItem("a", "completed"), PlanItem("b")]),
        UsageReport(),
        UsageReport(context_used=5),
        PermissionRequest("p", "Run it?", command="rm x", options=options),
        Question("q", "Which?"),
        FileChange("b", ChangeKind.RENAMED, old_path="a"),
        Problem("overloaded", "busy", retrying=True),
        TurnEnded(ok=False, reason="max_turns"),
        Unknown("?"),
        ToolCall("t", "Edit", input={"a": "b" * 400}),
    ) == [
        "session s m, default",
        "plan",
        "  [x] a",
        "  [ ] b",
        "  context 5",
        "? Run it?",
        "  rm x",
        "  [Yes | No]",
        "? Which?",
        "  renamed b from a",
        "! overloaded: busy (it tries again)",
        "= not done max_turns",
        "  ?",
        '> Edit {"a": "' + "b" * 292 + "\u2026",
    ]


def test_one_line_too_many_is_not_worth_folding() -> None:
    """OD-27"""
    output = "\n".join("x" * (FOLDED + 1))
    assert len(lines_of(ToolResult("t", output=output))) == FOLDED + 1


@pytest.mark.parametrize("bad", ["\x1b", "\x9b", "\x07", "\r", "\u202e", "\u2066", "\u200f", "\x00"])
def test_what_a_terminal_would_obey_is_replaced(bad: str) -> None:
    """SW-4f"""
    assert harmless(f"a{bad}b\n\tc") == "a\ufffdb\n\tc"


class TestRun:
    def test_an_agents_run_is_followed_in_words_and_its_raw_lines_say_where_these_are(
        self, live: Muster
    ) -> None:
        """SQ-20: muster run"""
        ended = live("run", "--prompt", "Tidy", "--agent", "scripted")
        assert "~ No script was given" in ended.out
        assert "> run ls" in ended.out
        assert '{"kind"' not in ended.out
        task = ended.err.split()[0]
        logs = live("logs", task)
        assert '{"kind": "session"' in logs.out
        assert f"muster conversation {task}" in logs.err

    def test_a_task_for_an_agent_that_nobody_has_says_so_when_it_is_queued(self, live: Muster) -> None:
        """SQ-20: whatever waits says why"""
        made = live("enqueue", "--prompt", "Tidy", "--agent", "nosuch")
        assert made.code == 0
        assert "waiting: no connected worker has agent nosuch" in made.err
