"""The facts of the recorded streams that matter, by hand."""

from __future__ import annotations

import pytest

from muster.agents.adapter import Verdict
from muster.domain.transcript import (
    ChangeKind,
    FileChange,
    Message,
    PermissionRequest,
    Plan,
    Problem,
    SessionStarted,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    TurnEnded,
    UsageReport,
)
from muster.domain.usage import TokenUsage
from tests.agents.players import Played
from tests.agents.recordings import Recording


def played(folder: str, scenario: str) -> tuple[Played, Verdict]:
    found = Recording(folder, scenario).play()
    assert found.verdict is not None
    return found, found.verdict


CLAUDE, CODEX, SERVER = "claude-2.1.329", "codex-0.169.0", "codex-app-server-0.169.0"

CODES = [
    (CLAUDE, "auth", "auth_failed"),
    (CLAUDE, "toolong", "context_overflow"),
    (CLAUDE, "down.max-retries-2", "provider_unavailable"),
    (CLAUDE, "hang.api-timeout-3s", "provider_unavailable"),
    (CLAUDE, "maxtokens", "agent_error"),
    (CLAUDE, "loop.max-budget", "budget_exceeded"),
    (CLAUDE, "loop.max-turns-3", "agent_error"),
    (CLAUDE, "long.SIGINT", "agent_error"),
    (CLAUDE, "long.SIGTERM", "killed_by_signal"),
    (CLAUDE, "long.SIGKILL", "killed_by_signal"),
    (CODEX, "auth", "auth_failed"),
    (CODEX, "drop", "provider_unavailable"),
    (CODEX, "maxtokens", "agent_error"),
    (CODEX, "toolong", "context_overflow"),
    (CODEX, "long.SIGINT", "exit_nonzero"),
    (CODEX, "long.SIGTERM", "killed_by_signal"),
    ("codex-acp-2.6.0", "toolong", "context_overflow"),
    ("claude-agent-acp-0.100.0", "toolong", "context_overflow"),
    ("gemini-acp-0.61.0", "toolong", "context_overflow"),
    ("opencode-acp-1.18.33", "toolong", "context_overflow"),
    ("gemini-acp-0.61.0", "say.loaded", "agent_error"),
]


@pytest.mark.parametrize(("folder", "scenario", "code"), CODES)
def test_a_failed_run_has_its_code(folder: str, scenario: str, code: str) -> None:
    _, verdict = played(folder, scenario)
    assert (verdict.ok, verdict.code) == (False, code)
    assert verdict.message


@pytest.mark.parametrize("scenario", ["fail429", "fail500", "fail529", "drop", "stall"])
def test_a_run_that_recovered_is_well(scenario: str) -> None:
    found, verdict = played(CLAUDE, scenario)
    assert verdict.ok
    assert all(problem.retrying for problem in found.of(Problem))


def test_retries_are_told_with_the_providers_status() -> None:
    found, _ = played(CLAUDE, "fail529")
    assert [(problem.code, problem.status) for problem in found.of(Problem)] == [
        ("provider_unavailable", 529),
        ("provider_unavailable", 529),
    ]
    found, _ = played(CODEX, "fail429")
    assert [(problem.code, problem.status) for problem in found.of(Problem)] == [("rate_limited", 429)] * 2


def test_claudes_usage_is_counted_once_and_its_cost_is_to_the_digit() -> None:
    """Every line of a message repeats its usage: the naive sum is 157 327 input tokens, the truth 90 023."""
    _, verdict = played(CLAUDE, "edit")
    assert verdict.usage == TokenUsage(input=12, output=118, cache_read=67459, cache_write=22552)
    assert verdict.usage.context == 90_023
    assert verdict.cost_usd == pytest.approx(0.1066137, abs=1e-12)


def test_usage_of_several_turns_adds_up() -> None:
    _, verdict = played(CLAUDE, "control.canuse")
    assert verdict.usage == TokenUsage(input=12, output=85, cache_read=47012, cache_write=47276)
    assert verdict.cost_usd == pytest.approx(0.1926996)


def test_codexs_input_leaves_out_what_came_from_the_cache() -> None:
    _, verdict = played(CODEX, "edit")
    assert verdict.usage == TokenUsage(input=40519 - 30411, output=107, cache_read=30411)
    _, verdict = played(SERVER, "session")
    assert verdict.usage is not None
    assert (verdict.usage.context, verdict.usage.output) == (79652, 163)


ACP_USAGE = [
    (
        "claude-agent-acp-0.100.0",
        TokenUsage(input=12, output=120, cache_read=65355, cache_write=21849),
        0.107574,
    ),
    ("codex-acp-2.6.0", TokenUsage(input=11085, output=107, cache_read=33340), None),
    ("gemini-acp-0.61.0", TokenUsage(input=50982, output=133), None),
    ("opencode-acp-1.18.33", TokenUsage(input=55, output=16, cache_read=8070), 0.032871),
    ("qwen-acp-0.24.4", None, None),
]


@pytest.mark.parametrize(("folder", "usage", "cost"), ACP_USAGE)
def test_acp_agents_report_what_they_report(
    folder: str, usage: TokenUsage | None, cost: float | None
) -> None:
    found, verdict = played(folder, "edit")
    assert (verdict.usage, verdict.cost_usd) == (usage, cost)
    assert verdict.ok
    assert verdict.text == "Done: hello() now returns 'hello, fleet' and the script ran."
    assert any(change.path == "/repo/hello.py" and change.diff for change in found.of(FileChange))
    assert {ToolKind.READ, ToolKind.EDIT, ToolKind.EXECUTE} <= {call.tool for call in found.of(ToolCall)}


def test_an_edit_is_told_with_its_diff() -> None:
    found, _ = played(CLAUDE, "edit")
    change = found.of(FileChange)[0]
    assert (change.path, change.change) == ("/repo/hello.py", ChangeKind.MODIFIED)
    assert "-    return 'hello'\n+    return 'hello, fleet'\n" in change.diff
    assert found.of(SessionStarted)[0].version == "2.1.329"


def test_a_permission_is_asked_allowed_and_denied() -> None:
    for folder, scenario in [
        (CLAUDE, "control.canuse"),
        ("claude-agent-acp-0.100.0", "permission.deny-exec"),
        ("gemini-acp-0.61.0", "permission.deny-exec"),
    ]:
        found, verdict = played(folder, scenario)
        asked = found.of(PermissionRequest)
        assert asked[0].diff.endswith("+approved\n"), folder
        assert asked[1].command == "touch ran.txt && curl --version | head -1", folder
        assert [result.status for result in found.of(ToolResult)] == ["completed", "denied"], folder
        assert verdict.ok, folder


def test_codex_asks_for_a_change_with_its_diff_and_for_a_command() -> None:
    found, _ = played(SERVER, "session")
    change, command = found.of(PermissionRequest)
    assert change.diff.endswith("+approved\n")
    assert command.command == "/bin/bash -lc 'touch ran.txt'"
    assert {"id": 0, "result": {"decision": "accept"}} in found.sent
    assert {"id": 1, "result": {"decision": "decline"}} in found.sent
    statuses = [result.status for result in found.of(ToolResult)]
    assert statuses == ["completed", "denied", "cancelled"]


def test_a_turn_that_ends_at_a_denial_without_a_word_is_no_success() -> None:
    """OpenCode says end_turn, and its exit status is 0."""
    found, verdict = played("opencode-acp-1.18.33", "permission.deny-exec")
    assert found.of(TurnEnded)[0].ok
    assert not verdict.ok


def test_an_interrupted_session_goes_on() -> None:
    for folder, scenario in [
        (CLAUDE, "control.interrupt"),
        ("claude-agent-acp-0.100.0", "long.cancel"),
        ("codex-acp-2.6.0", "long.cancel"),
        ("gemini-acp-0.61.0", "long.cancel"),
        ("opencode-acp-1.18.33", "long.cancel"),
    ]:
        found, verdict = played(folder, scenario)
        assert [turn.ok for turn in found.of(TurnEnded)] == [False, True], folder
        assert verdict.ok, folder
        assert found.turns_over == 2, folder


def test_denied_without_anybody_to_ask_is_told() -> None:
    found, verdict = played(CLAUDE, "permission.default-denied")
    assert [result.status for result in found.of(ToolResult)] == ["denied", "denied"]
    assert verdict.ok


def test_exit_codes_of_commands_are_told() -> None:
    for folder in (CLAUDE, CODEX):
        found, _ = played(folder, "shellfail")
        result = found.of(ToolResult)[-1]
        assert result.exit_code == 3, folder
        assert "to-stderr" in result.output, folder


def test_plans_and_thoughts_are_told() -> None:
    found, _ = played(CLAUDE, "plan.todowrite")
    assert found.of(Plan)[-1].items[0].status == "completed"
    found, _ = played("claude-agent-acp-0.100.0", "plan.tasks")
    assert found.of(Plan)[-1].items
    for folder in (CLAUDE, CODEX, "gemini-acp-0.61.0", "opencode-acp-1.18.33", "codex-acp-2.6.0"):
        assert played(folder, "think")[0].of(Thinking), folder


def test_streamed_words_are_told_once() -> None:
    found, _ = played("claude-partial-2.1.329", "edit")
    pieces = [entry.text for entry in found.of(Message)]
    assert "".join(pieces) == (
        "I will read hello.py first.Now I edit it.Run it."
        "Done: hello() now returns 'hello, fleet' and the script ran."
    )


def test_the_use_of_the_context_is_followed() -> None:
    for folder in (
        CLAUDE,
        "claude-agent-acp-0.100.0",
        "codex-acp-2.6.0",
        "opencode-acp-1.18.33",
        "qwen-acp-0.24.4",
    ):
        used = [
            report.context_used for report in played(folder, "edit")[0].of(UsageReport) if report.context_used
        ]
        assert used == sorted(used), folder
        assert used[-1] > 5000, folder


def test_tool_servers_are_told_with_how_they_stand() -> None:
    found, _ = played(CLAUDE, "mcp-http")
    assert found.of(SessionStarted)[0].mcp == {"fleet": "connected"}
    names = {call.name for call in found.of(ToolCall)}
    assert {"mcp__fleet__claim", "mcp__fleet__ask_human", "mcp__fleet__complete"} <= names
