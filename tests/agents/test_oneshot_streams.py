"""The facts of the recorded streams of one-shot agents that matter, by hand."""

from __future__ import annotations

import json

import pytest

from muster.agents.adapter import Conversation, Ended, Verdict
from muster.agents.aider import Aider
from muster.agents.gemini import Gemini
from muster.agents.mini import Mini
from muster.agents.openclaw import OpenClaw
from muster.agents.opencode import OpenCode
from muster.agents.plain import Plain
from muster.agents.programs.mini import last_line, lines_of
from muster.agents.qwen import Qwen
from muster.domain.transcript import (
    ChangeKind,
    FileChange,
    Message,
    Plan,
    Problem,
    SessionStarted,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    UsageReport,
)
from muster.domain.usage import TokenUsage
from tests.agents.players import Played
from tests.agents.recordings import STREAMS, Recording, spec

GEMINI, OPENCODE, QWEN, MINI, AIDER, OPENCLAW = (
    "gemini-0.61.0",
    "opencode-1.18.33",
    "qwen-0.24.4",
    "mini-2.4.6",
    "aider-0.86.2",
    "openclaw-2026.9.6",
)
DONE = "Done: hello() now returns 'hello, fleet' and the script ran."


def played(folder: str, scenario: str) -> tuple[Played, Verdict]:
    found = Recording(folder, scenario).play()
    assert found.verdict is not None
    return found, found.verdict


def judged(conversation: Conversation, lines: str, ended: Ended | None = None) -> Verdict:
    conversation.feed(lines.encode())
    return conversation.finish(ended or Ended(code=0))[1]


CODES = [
    (GEMINI, "auth", "auth_failed"),
    (GEMINI, "toolong", "context_overflow"),
    (GEMINI, "loop.max-turns-3", "agent_error"),
    (GEMINI, "long.SIGTERM", "agent_error"),
    (GEMINI, "long.SIGKILL", "killed_by_signal"),
    (OPENCODE, "auth", "auth_failed"),
    (OPENCODE, "toolong", "context_overflow"),
    (OPENCODE, "maxtokens", "agent_error"),
    (OPENCODE, "permission.ask", "agent_error"),
    (OPENCODE, "long.SIGINT", "killed_by_signal"),
    (QWEN, "auth", "auth_failed"),
    (QWEN, "toolong", "context_overflow"),
    (QWEN, "loop.max-turns-3", "agent_error"),
    (MINI, "auth", "auth_failed"),
    (MINI, "toolong", "context_overflow"),
    (MINI, "long.SIGINT", "exit_nonzero"),
    (MINI, "long.SIGTERM", "killed_by_signal"),
    (AIDER, "auth", "auth_failed"),
    (OPENCLAW, "auth", "auth_failed"),
    (AIDER, "toolong", "context_overflow"),
    (AIDER, "maxtokens", "agent_error"),
]


@pytest.mark.parametrize(("folder", "scenario", "code"), CODES)
def test_a_failed_run_has_its_code(folder: str, scenario: str, code: str) -> None:
    """SW-4e: OpenCode, Gemini CLI and aider end with status 0 after some of these."""
    _, verdict = played(folder, scenario)
    assert (verdict.ok, verdict.code) == (False, code)
    assert verdict.message


@pytest.mark.parametrize("folder", [GEMINI, OPENCODE, QWEN, MINI, AIDER])
def test_a_run_that_recovered_is_well(folder: str) -> None:
    _, verdict = played(folder, "fail429")
    assert (verdict.ok, verdict.text) == (True, "Recovered after 429.")


USAGE = [
    (GEMINI, TokenUsage(input=12611, output=131, cache_read=37577), None),
    (OPENCODE, TokenUsage(input=8004, output=109, cache_read=23860), 0.032805),
    (QWEN, TokenUsage(input=20257, output=122, cache_read=60524), None),
    (MINI, TokenUsage(input=1058, output=132, cache_read=3102), None),
]


@pytest.mark.parametrize(("folder", "usage", "cost"), USAGE)
def test_an_edit_is_told_with_its_tools_words_and_exact_usage(
    folder: str, usage: TokenUsage, cost: float | None
) -> None:
    """SA-4a"""
    found, verdict = played(folder, "edit")
    assert (verdict.ok, verdict.text, verdict.usage) == (True, DONE, usage)
    assert verdict.cost_usd == (None if cost is None else pytest.approx(cost))
    assert ToolKind.EXECUTE in {call.tool for call in found.of(ToolCall)}
    results = {result.id: result for result in found.of(ToolResult)}
    assert set(results) == {call.id for call in found.of(ToolCall)}
    assert {result.status for result in results.values()} == {"completed"}
    if folder != MINI:
        assert [change.path for change in found.of(FileChange)] == ["/repo/hello.py"]


def test_openclaw_tells_all_at_its_end() -> None:
    _, verdict = played(OPENCLAW, "edit")
    assert (verdict.ok, verdict.text) == (True, DONE)
    assert verdict.usage == TokenUsage(input=10850, output=107, cache_read=31909)
    assert verdict.cost_usd == pytest.approx(0.0437277)
    assert not judged(
        OpenClaw().converse(spec()), '{"meta": {"aborted": true, "agentMeta": {"sessionId": "s"}}}'
    ).ok


def test_aider_tells_round_numbers_and_the_files_it_changed() -> None:
    found, verdict = played(AIDER, "edit")
    assert verdict.ok
    assert verdict.text.startswith("I change it.")
    assert [change.path for change in found.of(FileChange)] == ["hello.py"]
    assert verdict.usage == TokenUsage(input=2500, output=31)


def test_aiders_counts_with_caches_and_costs_are_read() -> None:
    said = "Aider v1\nhi\nTokens: 12k sent, 2.0k cache write, 1M cache hit, 85 received. Cost: $0.0105 message, $0.02 session.\n"
    verdict = judged(Aider().converse(spec()), said)
    assert verdict.usage == TokenUsage(input=0, output=85, cache_read=1_000_000, cache_write=2_000)
    assert verdict.cost_usd == pytest.approx(0.0105)


def test_a_failure_of_aiders_that_is_tried_again_is_forgiven() -> None:
    said = (
        "Aider v1\nlitellm.RateLimitError: 429\nRetrying in 0.2 seconds...\nhi\nTokens: 1 sent, 1 received.\n"
    )
    assert judged(Aider().converse(spec()), said).ok
    silent = judged(Aider().converse(spec()), "Aider v1\n")
    assert (silent.ok, silent.message) == (False, "it ended without an answer of the model")


def test_status_success_after_an_error_that_ended_the_run_is_none() -> None:
    """Gemini CLI says so when the model's stream was no good."""
    error = {
        "type": "error",
        "severity": "error",
        "message": "Invalid stream: the model returned an empty response",
    }
    end = {"type": "result", "status": "success", "stats": {}}
    lines = "".join(json.dumps(line) + "\n" for line in (error, end))
    verdict = judged(Gemini().converse(spec()), lines)
    assert (verdict.ok, verdict.code) == (False, "provider_unavailable")
    word = {"type": "message", "role": "assistant", "content": "well", "delta": True}
    lines = "".join(json.dumps(line) + "\n" for line in (error, word, end))
    assert judged(Gemini().converse(spec()), lines).ok


@pytest.mark.parametrize(("status", "code"), [(429, "rate_limited"), (500, "provider_unavailable")])
def test_a_provider_that_refuses_until_the_time_is_up_is_waited_for(status: int, code: str) -> None:
    """SW-4d: Gemini CLI tells of its retries on standard error; the task must not burn a try."""
    conversation = Gemini().converse(spec())
    said = f"Attempt 2 failed with status {status}. Retrying with backoff... _ApiError: {{}}\n    at x\n"
    for byte in said.encode():
        conversation.feed_error(bytes([byte]))
    _, verdict = conversation.finish(Ended(signal=9, stopped="timeout"))
    assert (verdict.ok, verdict.code) == (False, code)
    conversation = Gemini().converse(spec())
    step = conversation.feed_error(said.encode())
    assert [entry.status for entry in step.entries if isinstance(entry, Problem)] == [status]
    word = {"type": "message", "role": "assistant", "content": "well", "delta": True}
    conversation.feed((json.dumps(word) + "\n").encode())
    conversation.feed(b'{"type": "result", "status": "success", "stats": {}}\n')
    assert conversation.finish(Ended(code=0))[1].ok


def test_a_provider_that_is_down_until_the_time_is_up_is_waited_for_with_aider() -> None:
    """SW-4d"""
    said = "Aider v1\nlitellm.InternalServerError: Internal server error\nRetrying in 8.0 seconds...\n"
    verdict = judged(Aider().converse(spec()), said, Ended(signal=9, stopped="timeout"))
    assert (verdict.ok, verdict.code) == (False, "provider_unavailable")


def test_a_denial_is_told_as_one() -> None:
    found, _ = played(OPENCODE, "permission.ask")
    assert [result.status for result in found.of(ToolResult)] == ["denied"]
    said = 'Tool "edit" requires user approval but cannot execute in non-interactive mode.'
    block = {"type": "tool_result", "tool_use_id": "c", "is_error": True, "content": said}
    line = json.dumps({"type": "user", "message": {"content": [block]}}) + "\n"
    step = Qwen().converse(spec()).feed(line.encode())
    assert isinstance(step.entries[0], ToolResult)
    assert step.entries[0].status == "denied"


def test_plans_thoughts_and_exit_codes_are_told() -> None:
    for folder in (GEMINI, OPENCODE):
        plan = played(folder, "plan")[0].of(Plan)[-1]
        assert [item.status for item in plan.items] == ["completed", "in_progress", "pending"], folder
    for folder in (OPENCODE, QWEN):
        assert played(folder, "think")[0].of(Thinking), folder
    for folder in (OPENCODE, QWEN, MINI):
        assert played(folder, "shellfail")[0].of(ToolResult)[-1].exit_code == 3, folder


def test_thoughts_are_counted_within_the_output() -> None:
    _, verdict = played(OPENCODE, "think")
    assert verdict.usage == TokenUsage(input=7894, output=87, cache_read=7876, reasoning=55)
    _, verdict = played(GEMINI, "think")
    assert verdict.usage is not None
    assert (verdict.usage.output, verdict.usage.reasoning) == (94, 55)


def test_a_session_keeps_its_name_when_it_is_gone_on_with() -> None:
    """SQ-11"""
    for folder in (GEMINI, OPENCODE):
        first, second = played(folder, "shell.resume1")[1], played(folder, "say.resume2")[1]
        assert first.session == second.session, folder
    assert played(QWEN, "edit")[0].of(SessionStarted)[0].version == "0.24.4"


def test_the_use_of_the_context_is_followed() -> None:
    for folder in (OPENCODE, QWEN, MINI):
        reports = played(folder, "edit")[0].of(UsageReport)
        used = [report.context_used for report in reports if report.context_used]
        assert used == sorted(used), folder
        assert len(used) == 4, folder


def test_a_new_file_is_told_as_created() -> None:
    part = {
        "tool": "write",
        "callID": "c",
        "state": {"status": "completed", "input": {"filePath": "/repo/x"}, "metadata": {"exists": False}},
    }
    step = OpenCode().converse(spec()).feed(json.dumps({"type": "tool_use", "part": part}).encode() + b"\n")
    assert [entry.change for entry in step.entries if isinstance(entry, FileChange)] == [ChangeKind.CREATED]


def test_the_trajectory_of_mini_is_told_message_by_message() -> None:
    """What the program tells of the recorded trajectory is the recorded stream, in two parts as well as in one."""
    trajectory = json.loads((STREAMS / MINI / "edit.traj.json").read_text())
    known = Recording(MINI, "edit").path.read_text().splitlines()
    assert [*lines_of(trajectory, 0), last_line(trajectory)] == known
    early = trajectory | {"messages": trajectory["messages"][:4]}
    assert [*lines_of(early, 0), *lines_of(trajectory, 4), last_line(trajectory)] == known


def test_mini_over_its_limit_has_spent_its_budget() -> None:
    told = {"role": "exit", "content": "LimitsExceeded", "extra": {"exit_status": "LimitsExceeded"}}
    assert judged(Mini().converse(spec()), json.dumps({"message": told}) + "\n").code == "budget_exceeded"


def test_a_plain_command_line_is_judged_by_its_status_and_its_last_words() -> None:
    said = "one\n\n\x1b[32mgreen\x1b[0m\nprogress 1\rprogress 2\n"
    conversation = Plain().converse(spec())
    step = conversation.feed(said.encode())
    assert [entry.text for entry in step.entries if isinstance(entry, Message)] == [
        "one\n",
        "\n",
        "green\n",
        "progress 2\n",
    ]
    assert conversation.finish(Ended(code=0))[1].text == "one\n\ngreen\nprogress 2"
    failed = judged(Plain().converse(spec()), "x\n", Ended(code=2, stderr="429 Too Many Requests\n"))
    assert (failed.ok, failed.code) == (False, "rate_limited")
    assert (
        judged(Plain().converse(spec()), "x\n", Ended(signal=9, stopped="cancelled")).code
        == "killed_by_signal"
    )


def test_retries_that_a_program_tells_of_are_no_failures() -> None:
    found, _ = played(AIDER, "fail429")
    assert all(problem.retrying for problem in found.of(Problem))
