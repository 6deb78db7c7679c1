"""A transcript put together, as a document, and as log files."""

from __future__ import annotations

import json
from collections.abc import Sequence

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
from muster.domain.transcript_files import (
    LOG_FILES,
    agent_text,
    files_read,
    prompt_text,
    summary_lines,
    tool_lines,
    tool_uses,
)
from muster.domain.transcript_flow import Joiner, Stored, joined
from muster.domain.transcript_markdown import markdown_of, usage_words
from muster.domain.usage import TokenUsage


def stored(*entries: Entry) -> list[Stored]:
    return [Stored(position, position * 1_000_000, entry) for position, entry in enumerate(entries)]


def whole(*entries: Entry) -> Sequence[Entry]:
    return [one.entry for one in joined(stored(*entries))]


def markdown(*entries: Entry) -> str:
    return "".join(markdown_of("the\ntitle", stored(*entries)))


class TestPieces:
    def test_pieces_of_a_message_are_put_together(self) -> None:
        """OD-27"""
        assert whole(Message("a", more=True), Message("b", more=True), Message("c")) == [Message("abc")]
        assert whole(Thinking("a", more=True), Thinking("b")) == [Thinking("ab")]

    def test_something_else_in_between_ends_it(self) -> None:
        """OD-27"""
        pieces = [Message("a", more=True), UsageReport(), Message("b")]
        assert whole(*pieces) == pieces
        pieces = [Message("a", more=True), Message("b", role="user")]
        assert whole(*pieces) == pieces

    def test_pieces_of_a_tools_output_wait_for_its_end(self) -> None:
        """OD-27"""
        first, second = (
            ToolResult("1", output="a", diff="d", more=True),
            ToolResult("1", output="b", more=True),
        )
        said = Message("meanwhile", more=True)
        ended = ToolResult("1", output="ab", diff="d", exit_code=0)
        assert whole(first, said, second, ToolResult("1", exit_code=0)) == [said, ended]
        assert whole(first, ToolResult("2", more=True), ToolResult("1", output="b")) == [
            ToolResult("1", output="b", diff="d"),
            ToolResult("2", more=True),
        ]

    def test_the_end_of_a_tools_output_has_all_of_it(self) -> None:
        """OD-27"""
        pieces = (ToolResult("1", output="a", more=True), ToolResult("1", output="ab"))
        assert whole(*pieces) == [ToolResult("1", output="ab")]

    def test_a_pause_gives_the_message_so_far_and_the_end_gives_everything(self) -> None:
        """OD-27"""
        joiner = Joiner()
        said, printed, more = stored(
            Message("a", more=True), ToolResult("1", output="x", more=True), Message("b", more=True)
        )
        assert list(joiner.feed(said)) == []
        assert list(joiner.feed(printed)) == []
        assert list(joiner.feed(more)) == []
        assert list(joiner.pause()) == [Stored(0, 0, Message("ab", more=True))]
        assert list(joiner.pause()) == []
        assert list(joiner.rest()) == [printed]
        assert list(joiner.rest()) == []


class TestMarkdown:
    def test_speakers_are_headings(self) -> None:
        """OD-27"""
        text = markdown(Message("sys", role="system"), Message("a"), Message("b"), Message("c", role="user"))
        assert text == (
            "# the title\n\n## System (1970-01-01T00:00:00.000Z)\n\nsys\n"
            "\n## Agent (1970-01-01T00:00:01.000Z)\n\na\n\nb\n"
            "\n## User (1970-01-01T00:00:03.000Z)\n\nc\n"
        )

    def test_thinking_is_folded_away(self) -> None:
        """OD-27"""
        assert "<details><summary>Thinking</summary>\n\n```\nhm\n```\n\n</details>" in markdown(
            Thinking("hm")
        )

    def test_tools_show_what_went_in_and_what_came_out(self) -> None:
        """OD-27"""
        text = markdown(
            ToolCall("1", "Bash", title="tests", command="pytest"),
            ToolResult("1", status="failed", output="no\n", exit_code=1),
            ToolCall("2", "Edit", input={"path": "a"}),
            ToolResult("2", diff="-a\n+b"),
            ToolCall("3", "Think"),
        )
        assert "**Bash** tests\n\n```sh\npytest\n```" in text
        assert "*failed, exit code 1*\n\n```\nno\n```" in text
        assert '**Edit**\n\n```json\n{\n  "path": "a"\n}\n```' in text
        assert "*completed*\n\n```diff\n-a\n+b\n```" in text
        assert text.endswith("**Think**\n")

    def test_a_fence_is_longer_than_any_within(self) -> None:
        """OD-27"""
        assert "\n````\n```\nx\n```\n````\n" in markdown(ToolResult("1", output="```\nx\n```"))

    def test_plans_are_check_lists(self) -> None:
        """OD-27"""
        items = [PlanItem("a", "completed"), PlanItem("b", "in_progress"), PlanItem("c")]
        assert "- [x] a\n- [~] b\n- [ ] c\n" in markdown(Plan(items))

    def test_requests_and_questions_show_their_answers(self) -> None:
        """OD-27"""
        options = [Option("y", "Yes", OptionKind.ALLOW_ONCE)]
        text = markdown(PermissionRequest("1", "Run it?", command="rm -r x", diff="-a", options=options))
        assert "**Permission asked**: Run it?\n\n```sh\nrm -r x\n```\n\n```diff\n-a\n```\n\n- Yes\n" in text
        assert markdown(Question("1", "Which\none?")).endswith("**Question**: Which one?\n")

    def test_everything_else_has_a_line(self) -> None:
        """OD-27"""
        text = markdown(
            SessionStarted("s`1", model="m", version="2", mode="default"),
            FileChange("b", ChangeKind.RENAMED, old_path="a"),
            FileChange("c", ChangeKind.CREATED, diff="+c"),
            Problem("rate_limited", "slow\ndown", retrying=True),
            Problem("auth", "no"),
            Unknown("???"),
            UsageReport(),
            UsageReport(context_used=5),
            TurnEnded(ok=True),
            TurnEnded(ok=False, reason="max_turns"),
        )
        assert "*Session `` s`1 ``, m, 2, default*" in text
        assert "**Renamed** `b` from `a`" in text
        assert "**Created** `c`\n\n```diff\n+c\n```" in text
        assert "> **rate_limited**: slow down The agent tries again." in text
        assert "> **auth**: no\n" in text
        assert "<summary>Not understood</summary>" in text
        assert "\n*context 5*\n\n**Done**\n\n**Not done** max_turns\n" in text

    def test_usage_is_said_in_words(self) -> None:
        """OD-27"""
        report = UsageReport(
            TokenUsage(input=3, output=2, cache_read=4), cost_usd=0.5, context_used=7, context_window=200
        )
        assert usage_words(report) == "7 tokens in, 2 out, $0.5000, context 7 of 200"


class TestLogFiles:
    def test_there_are_four(self) -> None:
        """OD-8"""
        assert list(LOG_FILES) == ["prompt.txt", "text.txt", "tools.jsonl", "summary.jsonl"]

    def test_the_prompt_is_what_was_said_before_the_agent_did_anything(self) -> None:
        """OD-8"""
        entries = (
            SessionStarted("s"),
            Message("sys", role="system"),
            Message("do", role="user"),
            Message("ok"),
            Message("more", role="user"),
        )
        assert "".join(prompt_text(stored(*entries))) == "sys\n\ndo"
        assert "".join(prompt_text(stored(Message("do", role="user")))) == "do"
        assert "".join(prompt_text(stored(Thinking("hm"), Message("do", role="user")))) == ""

    def test_the_text_is_what_the_agent_said(self) -> None:
        """OD-8"""
        entries = (Message("do", role="user"), Message("a", more=True), Message("b"), Message("c"))
        assert "".join(agent_text(stored(*entries))) == "ab\n\nc"

    def test_each_tool_call_is_a_line_with_its_result(self) -> None:
        """OD-8"""
        entries = stored(
            ToolCall("1", "Bash"),
            ToolCall("2", "Read", paths=["a"]),
            ToolCall("1", "Bash", command="make"),
            ToolResult("1", output="x", more=True),
            Thinking("hm"),
            ToolResult("1", output="y", more=True),
            ToolResult("1", exit_code=0),
            ToolCall("3", "Bash"),
            ToolResult("3", output="p", more=True),
            ToolResult("3", output="pq"),
            ToolResult("9", status="failed", diff="d"),
        )
        lines = [json.loads(line) for line in tool_lines(entries)]
        assert [
            (one["id"], one["position"], one["command"], one["output"], one["status"]) for one in lines
        ] == [
            ("1", 0, "make", "xy", "completed"),
            ("3", 7, "", "pq", "completed"),
            ("9", 10, "", "", "failed"),
            ("2", 1, "", "", None),
        ]
        assert lines[2]["diff"] == "d"
        unfinished = list(tool_uses(stored(ToolCall("1", "x"), ToolResult("1", output="so far", more=True))))
        assert [(one["output"], one["status"]) for one in unfinished] == [("so far", None)]
        assert list(tool_uses([])) == []

    def test_the_summary_leaves_out_words_and_tools(self) -> None:
        """OD-8"""
        entries = stored(Message("a"), SessionStarted("s"), ToolCall("1", "x"), TurnEnded(ok=True))
        lines = [json.loads(line) for line in summary_lines(entries)]
        assert lines == [
            {"position": 1, "at": "1970-01-01T00:00:01.000Z", "kind": "session", "session": "s"},
            {"position": 3, "at": "1970-01-01T00:00:03.000Z", "kind": "result", "ok": True},
        ]


def test_files_read_are_those_that_reading_tools_named() -> None:
    """OD-7"""
    read = ToolCall("1", "Read", tool=ToolKind.READ, paths=["a", "a"])
    entries = stored(
        read,
        read,
        ToolCall("2", "Read", tool=ToolKind.READ, paths=["a", "b"]),
        ToolCall("3", "Edit", tool=ToolKind.EDIT, paths=["c"]),
        Message("d"),
    )
    assert files_read(entries) == {"a": (2, 0), "b": (1, 2)}
