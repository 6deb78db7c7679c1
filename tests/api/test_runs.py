"""Runs over the API: conversations, calls to models, files and their contents."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from typing import Any, get_args

import pytest

from muster.api.app import App
from muster.api.file_diff import unified
from muster.api.native import create_native_app
from muster.api.schemas.runs import EntryKind
from muster.api.services import Services
from muster.client.client import Client
from muster.client.errors import ApiError
from muster.client.in_process import InProcessTransport
from muster.client.wire_runs import (
    CallsRequest,
    FileChangeReport,
    FilesRequest,
    ModelCallReport,
    ReportedTotals,
    RunRequest,
    ToldTotals,
)
from muster.domain.transcript import ENTRIES as ENTRIES_OF_ALL_KINDS
from muster.domain.transcript import (
    Entry,
    Message,
    SessionStarted,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    TurnEnded,
)
from muster.projections.file_changes import FileRow
from muster.store.database import Store
from tests.api.asgi import Api, Connection
from tests.api.live import LiveServer
from tests.api.test_claims import claim, end, submit

Held = dict[str, Any]
ENTRIES: list[Entry] = [
    Message("Be brief.", role="system"),
    Message("Fix it.", role="user"),
    SessionStarted("s-1", model="m"),
    Thinking("Let me look."),
    Message("I look ", more=True),
    Message("at it."),
    ToolCall("t1", "Read", tool=ToolKind.READ, paths=["src/a.py", "src/b.py"]),
    ToolResult("t1", output="print(1)\n"),
    ToolCall("t2", "Bash", tool=ToolKind.EXECUTE, command="pytest -q"),
    ToolResult("t2", status="failed", output="1 failed", exit_code=1),
    TurnEnded(ok=True, text="Done."),
]


@pytest.fixture
def worker(app: App) -> Client:
    return Client(InProcessTransport(app))


@pytest.fixture
async def held(api: Api, store: Store, worker: Client) -> Held:
    """A claimed task whose run was described."""
    await submit(store, "Mend the *pipe*")
    (claimed,) = await claim(api)
    request = RunRequest(token=claimed["token"], agent="claude", model="m", branch="muster/x")
    assert (await worker.describe_run(claimed["attempt_id"], request)).position == 0
    return claimed


async def say(worker: Client, held: Held, position: int, *entries: Entry) -> int:
    answer = await worker.send_transcript(held["attempt_id"], held["token"], position, entries)
    return answer.position


def task(held: Held, *rest: str) -> str:
    return "/".join((f"/api/v1/tasks/{held['task_id']}", *rest))


class TestConversation:
    async def test_a_conversation_is_read_page_by_page(self, api: Api, worker: Client, held: Held) -> None:
        """OD-27, OD-40"""
        assert await say(worker, held, 0, *ENTRIES) == len(ENTRIES)
        page = (await api.get(task(held, "conversation") + "?limit=4")).json
        assert [item["entry"]["kind"] for item in page["items"]] == [
            "message",
            "message",
            "session",
            "thinking",
        ]
        assert page["items"][1]["entry"] == {"kind": "message", "text": "Fix it.", "role": "user"}
        assert (page["attempt"], page["next_after"], page["total"]) == (1, 4, 11)
        assert page["finished"] is False
        rest = (await api.get(task(held, "conversation") + "?after=4&attempt=1")).json
        assert [item["position"] for item in rest["items"]] == list(range(4, 11))

    async def test_only_some_kinds_or_words_can_be_asked_for(
        self, api: Api, worker: Client, held: Held
    ) -> None:
        """OD-27"""
        await say(worker, held, 0, *ENTRIES)
        page = (
            await api.get(task(held, "conversation") + "?kinds=tool_call&kinds=tool_result&search=PYTEST")
        ).json
        assert [item["entry"]["id"] for item in page["items"]] == ["t2"]
        refused = await api.get(task(held, "conversation") + "?kinds=nonsense")
        assert refused.status == 422

    async def test_a_reader_waits_for_the_next_entry(self, api: Api, worker: Client, held: Held) -> None:
        """OD-6"""
        connection = Connection(b"")
        asked = asyncio.ensure_future(
            api.get(task(held, "conversation") + "?wait_seconds=30", connection=connection)
        )
        await say(worker, held, 0, Message("now"))
        page = (await asyncio.wait_for(asked, 10)).json
        assert [item["entry"]["text"] for item in page["items"]] == ["now"]

    async def test_a_reader_of_a_finished_attempt_does_not_wait(self, api: Api, held: Held) -> None:
        """OD-27"""
        await end(api, held)
        page = (await api.get(task(held, "conversation") + "?wait_seconds=30")).json
        assert (page["items"], page["finished"]) == ([], True)

    async def test_a_task_that_did_not_run_has_an_empty_conversation(self, api: Api, store: Store) -> None:
        """OD-27"""
        waiting = await submit(store)
        page = (await api.get(f"/api/v1/tasks/{waiting}/conversation")).json
        assert (page["items"], page["attempt"], page["attempt_id"]) == ([], 0, None)
        markdown = await api.get(f"/api/v1/tasks/{waiting}/conversation?format=markdown")
        assert markdown.body == b"# work\n"

    @pytest.mark.parametrize("how", ["query", "header"])
    async def test_a_conversation_is_exported_as_markdown(
        self, api: Api, worker: Client, held: Held, how: str
    ) -> None:
        """OD-27"""
        await say(worker, held, 0, *ENTRIES)
        query, headers = ("?format=markdown", {}) if how == "query" else ("", {"accept": "text/markdown"})
        reply = await api.get(task(held, "conversation") + query, headers=headers)
        assert reply.headers["content-type"] == "text/markdown; charset=utf-8"
        text = reply.body.decode()
        assert text.startswith("# Mend the *pipe*\n\n## System (")
        assert "I look at it." in text
        assert "```sh\npytest -q\n```" in text

    async def test_long_texts_are_cut_with_a_mark(self, api: Api, held: Held) -> None:
        """SA-4a"""
        body = {
            "token": held["token"],
            "position": 0,
            "entries": [{"kind": "tool_result", "id": "1", "output": "x" * 100_000}],
        }
        assert (await api.post(f"/api/v1/attempts/{held['attempt_id']}/transcript", body)).status == 200
        (item,) = (await api.get(task(held, "conversation"))).json["items"]
        assert item["entry"]["output"].endswith("of 100000 characters cut]")
        assert len(item["entry"]["output"]) < 65_600

    @pytest.mark.parametrize(
        "entry",
        [
            {"kind": "message", "text": "x", "colour": "red"},
            {"kind": "nonsense"},
            {"kind": "plan", "items": [{"text": "a", "status": "perhaps"}]},
            {"kind": "message"},
        ],
    )
    async def test_entries_of_another_shape_are_refused(
        self, api: Api, held: Held, entry: dict[str, Any]
    ) -> None:
        """SA-4a"""
        body = {"token": held["token"], "position": 0, "entries": [entry]}
        reply = await api.post(f"/api/v1/attempts/{held['attempt_id']}/transcript", body)
        assert reply.status == 422

    async def test_any_text_of_an_agent_can_be_sent(self, api: Api, worker: Client, held: Held) -> None:
        """SA-4a"""
        deep: Any = "end"
        for _ in range(60):
            deep = {"in": deep}
        odd = ToolCall("t", "x", input={"deep": deep, "nul\x00": "a\x00\ud800b"})
        await say(worker, held, 0, odd, Message("\x1b[31mred\u202e"))
        (item, other) = (await api.get(task(held, "conversation"))).json["items"]
        assert item["entry"]["input"]["nul\ufffd"] == "a\ufffd?b"
        assert other["entry"]["text"] == "\x1b[31mred\u202e"

    async def test_more_than_fits_into_a_request_is_sent_in_several(
        self, api: Api, worker: Client, held: Held
    ) -> None:
        """SA-4a"""
        assert await say(worker, held, 0, *(Thinking("x" * 60_000) for _ in range(300))) == 300
        assert await say(worker, held, 300, *(Message(str(n)) for n in range(2_500))) == 2_800
        page = (await api.get(task(held, "conversation") + "?after=2799")).json
        assert (page["total"], page["items"][0]["entry"]["text"]) == (2_800, "2499")
        assert (await worker.send_transcript(held["attempt_id"], held["token"], 7, [])).position == 7

    async def test_an_agents_conversation_is_that_of_its_last_run(
        self, api: Api, worker: Client, held: Held
    ) -> None:
        """OD-40"""
        await say(worker, held, 0, *ENTRIES)
        page = (await api.get("/api/v1/agents/ann/conversation?kinds=thinking")).json
        assert page["task_id"] == held["task_id"]
        assert [item["position"] for item in page["items"]] == [3]
        tools = (await api.get("/api/v1/agents/ann/logs/tools?limit=1")).json
        assert [(one["id"], one["status"], one["exit_code"]) for one in tools["items"]] == [
            ("t1", "completed", None)
        ]
        assert tools["next_after"] == 8
        lines = {"token": held["token"], "position": 0, "lines": [{"text": "raw"}]}
        await api.post(f"/api/v1/attempts/{held['attempt_id']}/record", lines)
        logs = (await api.get("/api/v1/agents/ann/logs")).json
        assert [line["text"] for line in logs["items"]] == ["raw"]
        files = (await api.get("/api/v1/agents/ann/files")).json
        assert [one["path"] for one in files["consumed"]] == ["src/a.py", "src/b.py"]
        assert files["tracked"] is True
        assert (await api.get("/api/v1/agents/nobody/conversation")).status == 404
        await api.post("/api/v1/agents", {"name": "idle"})
        for place in ("conversation", "logs", "logs/tools", "files"):
            reply = await api.get(f"/api/v1/agents/idle/{place}")
            assert reply.status == 200, reply.json


def test_every_kind_of_entry_can_be_asked_for() -> None:
    """OD-27"""
    assert get_args(EntryKind) == tuple(entry.kind for entry in ENTRIES_OF_ALL_KINDS)


class TestLogFiles:
    async def test_an_attempts_log_files_are_made_of_its_transcript(
        self, api: Api, worker: Client, held: Held
    ) -> None:
        """OD-8"""
        await say(worker, held, 0, *ENTRIES)
        names = [one["name"] for one in (await api.get(task(held, "logs", "files"))).json["items"]]
        assert names == ["prompt.txt", "text.txt", "tools.jsonl", "summary.jsonl"]
        found = {name: (await api.get(task(held, "logs", "files", name))).body.decode() for name in names}
        assert found["prompt.txt"] == "Be brief.\n\nFix it."
        assert found["text.txt"] == "I look at it."
        tools = [json.loads(line) for line in found["tools.jsonl"].splitlines()]
        assert [(one["name"], one["output"], one["exit_code"]) for one in tools] == [
            ("Read", "print(1)\n", None),
            ("Bash", "1 failed", 1),
        ]
        kinds = [json.loads(line)["kind"] for line in found["summary.jsonl"].splitlines()]
        assert kinds == ["session", "result"]
        reply = await api.get(task(held, "logs", "files", "prompt.txt"))
        assert reply.headers["content-disposition"] == (
            f'attachment; filename="{held["task_id"]}.1.prompt.txt"'
        )
        assert (await api.get(task(held, "logs", "files", "other.txt"))).status == 404


def a_call(key: str, **more: Any) -> ModelCallReport:
    values: dict[str, Any] = {
        "at": "2026-01-31T09:30:00Z",
        "provider": "anthropic",
        "model": "m",
        "dialect": "anthropic",
        "status": 200,
        "duration_ms": 12.5,
        "first_byte_ms": 3,
        "input_tokens": 100,
        "output_tokens": 10,
        "cost_usd": 0.25,
        "pricing": "priced",
        "price_version": "v1",
    }
    return ModelCallReport(key=key, **(values | more))


async def send_calls(worker: Client, held: Held, *calls: ModelCallReport) -> int:
    request = CallsRequest(token=held["token"], calls=list(calls))
    return (await worker.send_calls(held["attempt_id"], request)).recorded


class TestCalls:
    async def test_calls_are_counted_while_the_run_goes_on(
        self, api: Api, worker: Client, held: Held
    ) -> None:
        """SA-4a"""
        unpriced = a_call("b", cost_usd=None, pricing="unpriced", price_version=None)
        free = a_call("c", cost_usd=None, pricing="free", price_version=None)
        assert await send_calls(worker, held, a_call("a"), unpriced, free) == 3
        assert await send_calls(worker, held, a_call("a")) == 0
        reported = ReportedTotals(input_tokens=310, cost_usd=0.3)
        await worker.describe_run(
            held["attempt_id"], RunRequest(token=held["token"], reported=reported, context_used=5)
        )
        run = (await api.get(task(held))).json["attempt"]["run"]
        assert (run["calls"], run["unpriced_calls"], run["cost_usd"]) == (3, 1, 0.25)
        assert (run["tokens"]["input_tokens"], run["context_used"]) == (300, 5)
        assert (run["difference"]["input_tokens"], run["difference"]["cost_usd"]) == (10, 0.05)
        assert run["difference"]["output_tokens"] is None
        assert (run["telemetry"], run["telemetry_difference"]) == (None, None)
        listed = (await api.get(task(held, "calls") + "?limit=2")).json
        assert [(one["key"], one["cost_usd"], one["pricing"]) for one in listed["items"]] == [
            ("a", 0.25, "priced"),
            ("b", None, "unpriced"),
        ]
        assert listed["runs"][0]["unpriced_calls"] == 1
        rest = (await api.get(task(held, "calls") + f"?attempt=1&cursor={listed['next_cursor']}")).json
        assert [(one["key"], one["cost_usd"]) for one in rest["items"]] == [("c", 0)]
        assert (await api.get(task(held, "calls") + "?attempt=7")).json["items"] == []

    async def test_what_the_telemetry_tells_is_held_against_what_was_metered(
        self, api: Api, worker: Client, held: Held
    ) -> None:
        """SW-4d: a second source beside the agent's own totals"""
        await send_calls(worker, held, a_call("a"))
        told = ToldTotals(input_tokens=100, output_tokens=12)
        reported = ReportedTotals(telemetry=told)
        await worker.describe_run(held["attempt_id"], RunRequest(token=held["token"], reported=reported))
        run = (await api.get(task(held))).json["attempt"]["run"]
        assert (run["reported"], run["difference"]) == (None, None)
        assert run["telemetry"] == {"input_tokens": 100, "output_tokens": 12}
        difference = run["telemetry_difference"]
        assert (difference["input_tokens"], difference["output_tokens"]) == (0, 2)
        assert difference["cost_usd"] is None

    @pytest.mark.parametrize("more", [{"cost_usd": None}, {"pricing": "unpriced"}])
    async def test_a_price_is_there_exactly_when_it_is_known(
        self, worker: Client, held: Held, more: dict[str, Any]
    ) -> None:
        """SA-4a"""
        with pytest.raises(ApiError) as refused:
            await send_calls(worker, held, a_call("a", **more))
        assert refused.value.status == 422

    async def test_what_was_sent_and_answered_is_read_through_the_call(
        self, api: Api, worker: Client, held: Held
    ) -> None:
        """SA-4a"""
        name = await worker.put_blob(held["attempt_id"], held["token"], b'{"messages":[]}')
        await send_calls(worker, held, a_call("a", request_blob=name))
        (call,) = (await api.get(task(held, "calls"))).json["items"]
        assert (call["has_request"], call["has_answer"]) == (True, False)
        reply = await api.get(task(held, "calls", call["id"], "request"))
        assert (reply.status, reply.body) == (200, b'{"messages":[]}')
        assert (await api.get(task(held, "calls", call["id"], "answer"))).status == 404


class TestFiles:
    async def test_changed_files_come_with_their_diff_and_contents(
        self, api: Api, worker: Client, held: Held
    ) -> None:
        """OD-7"""
        await say(worker, held, 0, *ENTRIES)

        async def blob(text: str) -> str:
            return await worker.put_blob(held["attempt_id"], held["token"], text.encode())

        files = [
            FileChangeReport(
                path="src/a.py",
                change="modified",
                additions=1,
                deletions=1,
                before_blob=await blob("one\ntwo"),
                after_blob=await blob("one\nthree\n"),
            ),
            FileChangeReport(path="new.txt", change="created", diff_blob=await blob("+++ b/new.txt\n")),
            FileChangeReport(path="logo.png", change="modified", binary=True, outside=True),
        ]
        kept = await worker.send_files(held["attempt_id"], FilesRequest(token=held["token"], files=files))
        assert kept.files == 3
        found = (await api.get(task(held, "files"))).json
        assert [one["path"] for one in found["produced"]] == ["logo.png", "new.txt", "src/a.py"]
        assert found["totals"] == {
            "created": 1,
            "modified": 2,
            "deleted": 0,
            "renamed": 0,
            "outside": 1,
            "additions": 1,
            "deletions": 1,
        }
        assert found["consumed"][0] == {"path": "src/a.py", "times": 1, "position": 6}
        diff = (await api.get(task(held, "files", "diff") + "?path=src/a.py")).body.decode()
        assert diff == (
            "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,2 +1,2 @@\n one\n-two\n\\ No newline at end of file\n+three\n"
        )
        assert (await api.get(task(held, "files", "diff") + "?path=new.txt")).body == b"+++ b/new.txt\n"
        assert (await api.get(task(held, "files", "diff") + "?path=logo.png")).body == b""
        before = await api.get(task(held, "files", "content") + "?path=src/a.py&side=before")
        assert before.body == b"one\ntwo"
        assert before.headers["content-disposition"] == "attachment"
        assert (await api.get(task(held, "files", "content") + "?path=new.txt")).status == 404
        assert (await api.get(task(held, "files", "diff") + "?path=other")).status == 404

    async def test_a_content_is_taken_from_a_holder_and_under_its_name_only(
        self, api: Api, held: Held
    ) -> None:
        """SW-4f"""
        name = hashlib.sha256(b"x").hexdigest()

        async def put(sha: str, body: bytes, **more: str) -> int:
            fence = {"x-muster-attempt": held["attempt_id"], "x-muster-token": held["token"], **more}
            return (await api.call("PUT", f"/api/v1/blobs/{sha}", body=body, headers=fence)).status

        assert await put(name, b"x") == 200
        assert await put(name, b"y") == 422
        assert await put("../../etc/passwd", b"y") == 404
        assert await put(name, b"x", **{"x-muster-token": "1"}) == 409
        assert await put(name, b"x", **{"x-muster-attempt": "att_0000000000000"}) == 409
        assert await put(name, b"x" * (16 * 1_048_576 + 1)) == 413
        assert (await api.get(f"/api/v1/blobs/{name}")).status == 405

    async def test_long_contents_are_compared_as_a_whole(self) -> None:
        """OD-7"""
        row = FileRow("b", "renamed", "a", None, None, False, False, None, None, None)
        before, after = b"x\n" * 10_001, b"y\n" * 10_001
        lines = unified(row, before, after).decode().split("\n")
        assert lines[:4] == ["--- a/a", "+++ b/b", "@@ -1,10001 +1,10001 @@", "-x"]
        assert len(lines) == 3 + 20_002 + 1
        made = FileRow("b", "created", None, None, None, False, False, None, None, None)
        assert unified(made, b"", b"x\n").decode() == "--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+x\n"
        gone = FileRow("b", "deleted", None, None, None, False, False, None, None, None)
        assert unified(gone, b"x\n", b"").decode() == "--- a/b\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"

    async def test_a_server_without_a_place_for_contents_says_so(
        self, services: Services, held: Held
    ) -> None:
        """OD-7"""
        api = Api(create_native_app(replace(services, blobs=None)))
        fence = {"x-muster-attempt": held["attempt_id"], "x-muster-token": held["token"]}
        name = hashlib.sha256(b"x").hexdigest()
        reply = await api.call("PUT", f"/api/v1/blobs/{name}", body=b"x", headers=fence)
        assert (reply.status, reply.json["code"]) == (503, "store_unavailable")


class TestLive:
    async def test_a_tasks_socket_tells_what_is_said_and_what_it_costs(
        self, live: LiveServer, held: Held, worker: Client
    ) -> None:
        """OD-6, OD-41"""
        async with live.socket(f"/ws/tasks/{held['task_id']}") as client:
            await client.greeted()
            assert (await client.next())["type"] == "run"
            await say(worker, held, 0, Message("hello"), Thinking("hm"))
            # What is said and what it comes to are read one after the other: either may be told first.
            frames = [await client.next(), await client.next()]
            (told,) = [one for one in frames if one["type"] == "transcript"]
            assert (told["entry"], told["next_entry"]) == (0, 2)
            assert [one["entry"]["kind"] for one in told["entries"]] == ["message", "thinking"]
            assert [one["run"]["entries"] for one in frames if one["type"] == "run"] == [2]
            await send_calls(worker, held, a_call("a"))
            assert (await client.next())["run"]["cost_usd"] == 0.25

    async def test_a_socket_begins_at_the_entry_it_is_told(
        self, live: LiveServer, held: Held, worker: Client
    ) -> None:
        """OD-41"""
        await say(worker, held, 0, *ENTRIES)
        async with live.socket(f"/ws/tasks/{held['task_id']}?entry=9") as client:
            await client.greeted()
            told = await client.next()
            assert [one["position"] for one in told["entries"]] == [9, 10]
