"""Requests that the recordings do not hold, and signs that only the end of a program gives."""

from __future__ import annotations

from typing import Any

import pytest

from muster.agents.adapter import Answer, Ended, Step
from muster.agents.claude_code import ClaudeCode
from muster.agents.codex import Codex
from muster.agents.codex_server import CodexConversation
from muster.agents.jsonl import decode, encode
from muster.agents.verdict import Signs
from muster.domain.transcript import OptionKind, PermissionRequest, Problem, Question, TurnEnded
from tests.agents.recordings import spec

ALLOW = Answer(kind=OptionKind.ALLOW_ONCE)
ALWAYS = Answer(kind=OptionKind.ALLOW_ALWAYS)
REJECT = Answer(kind=OptionKind.REJECT_ONCE, text="no")


def can_use(tool: str, tool_input: dict[str, Any], **more: Any) -> bytes:
    request = {"subtype": "can_use_tool", "tool_name": tool, "input": tool_input, **more}
    return encode({"type": "control_request", "request_id": "r", "request": request})


def reply(step: Step) -> dict[str, Any]:
    message = decode(step.send)
    assert message is not None
    return message


def test_claudes_questions_are_answered_together_once_all_are_answered() -> None:
    claude = ClaudeCode().converse(spec())
    claude.start()
    asked = [{"question": "Colour?", "options": [{"label": "Red"}]}, {"question": "Size?", "options": []}]
    step = claude.feed(can_use("AskUserQuestion", {"questions": asked}))
    assert [entry.id for entry in step.entries if isinstance(entry, Question)] == ["r#0", "r#1"]
    assert claude.answer("r", ALLOW) == claude.answer("r#7", ALLOW) == Step()
    assert claude.answer("r#0", Answer(kind=OptionKind.CHOICE, option="Red")) == Step()
    response = reply(claude.answer("r#1", Answer(kind=OptionKind.CHOICE, text="large")))["response"][
        "response"
    ]
    assert response["updatedInput"]["answers"] == {"Colour?": "Red", "Size?": "large"}
    assert claude.answer("r#1", ALLOW) == Step()


def test_claudes_rule_for_good_stays_in_its_session() -> None:
    claude = ClaudeCode().converse(spec())
    rule = {"type": "addRules", "destination": "localSettings"}
    step = claude.feed(can_use("Bash", {"command": "ls"}, permission_suggestions=[rule]))
    request = step.entries[0]
    assert isinstance(request, PermissionRequest)
    assert [option.kind for option in request.options][1] is OptionKind.ALLOW_ALWAYS
    response = reply(claude.answer("r", ALWAYS))["response"]["response"]
    assert response["updatedPermissions"] == [{"type": "addRules", "destination": "session"}]


def test_claude_is_refused_what_we_do_not_serve_and_may_withdraw_a_request() -> None:
    claude = ClaudeCode().converse(spec())
    hook = encode({"type": "control_request", "request_id": "h", "request": {"subtype": "hook_callback"}})
    assert reply(claude.feed(hook))["response"]["subtype"] == "error"
    claude.feed(can_use("Bash", {"command": "ls"}))
    claude.feed(encode({"type": "control_cancel_request", "request_id": "r"}))
    assert claude.answer("r", ALLOW) == Step()


def test_a_follow_up_that_claude_has_not_taken_up_keeps_the_turn_open() -> None:
    claude = ClaudeCode().converse(spec())
    claude.start()
    echo = encode({"type": "user", "isReplay": True, "message": {"content": "x"}})
    result = encode({"type": "result", "subtype": "success", "is_error": False, "result": "done"})
    claude.feed(echo)
    claude.say("more")
    assert not claude.feed(result).turn_over
    assert claude.feed(echo + result).turn_over


def test_a_used_up_window_of_claude_says_when_it_opens_again() -> None:
    claude = ClaudeCode().converse(spec())
    info = {"status": "rejected", "rateLimitType": "five_hour", "resetsAt": 1795226000}
    error = {"type": "result", "subtype": "success", "is_error": True, "terminal_reason": "api_error"}
    claude.feed(
        encode(
            {"type": "rate_limit_event", "rate_limit_info": info}, error | {"result": "hit your usage limit"}
        )
    )
    _, verdict = claude.finish(Ended(code=1))
    assert (verdict.code, verdict.resets_at) == ("quota_exhausted", 1795226000.0)


def opened() -> CodexConversation:
    codex = Codex().converse(spec())
    codex.start()
    codex.feed(encode({"id": 0, "result": {}}, {"id": 1, "result": {"thread": {"id": "t"}}}))
    codex.feed(encode({"id": 2, "result": {"turn": {"id": "u"}}}))
    return codex


ASKED: list[tuple[str, dict[str, Any], Answer, dict[str, Any]]] = [
    ("item/commandExecution/requestApproval", {"command": "ls"}, ALWAYS, {"decision": "acceptForSession"}),
    (
        "item/permissions/requestApproval",
        {"permissions": {"x": 1}},
        ALLOW,
        {"permissions": {"x": 1}, "scope": "turn"},
    ),
    ("item/permissions/requestApproval", {"permissions": {"x": 1}}, REJECT, {"permissions": {}}),
    ("mcpServer/elicitation/request", {"message": "ok?"}, ALLOW, {"action": "accept", "content": {}}),
    ("mcpServer/elicitation/request", {"message": "ok?"}, REJECT, {"action": "decline", "content": None}),
]


@pytest.mark.parametrize(("method", "params", "answer", "result"), ASKED)
def test_codexs_requests_are_answered_in_its_words(
    method: str, params: dict[str, Any], answer: Answer, result: dict[str, Any]
) -> None:
    codex = opened()
    step = codex.feed(encode({"id": 9, "method": method, "params": params}))
    assert isinstance(step.entries[0], PermissionRequest)
    assert reply(codex.answer("9", answer)) == {"id": 9, "result": result}
    assert codex.answer("9", answer) == Step()


def test_codexs_questions_are_answered_by_their_ids() -> None:
    codex = opened()
    asked = [{"id": "a", "question": "Colour?", "options": [{"label": "Red"}]}]
    codex.feed(encode({"id": 9, "method": "item/tool/requestUserInput", "params": {"questions": asked}}))
    said = reply(codex.answer("9#0", Answer(kind=OptionKind.CHOICE, option="Red")))
    assert said["result"] == {"answers": {"a": {"answers": ["Red"]}}}


def test_codex_is_refused_what_we_do_not_serve() -> None:
    assert (
        reply(opened().feed(encode({"id": 9, "method": "item/tool/call", "params": {}})))["error"]["code"]
        == -32601
    )


def test_codexs_own_names_of_failures_and_its_windows_are_known() -> None:
    codex = opened()
    window = {"usedPercent": 100, "resetsAt": 1795226000}
    limits = {"method": "account/rateLimits/updated", "params": {"rateLimits": {"primary": window}}}
    error = {"message": "stop", "codexErrorInfo": "usageLimitExceeded"}
    turn = {
        "method": "turn/completed",
        "params": {"threadId": "t", "turn": {"status": "failed", "error": error}},
    }
    assert codex.feed(encode(limits, turn)).turn_over
    _, verdict = codex.finish(Ended(code=0))
    assert (verdict.code, verdict.resets_at) == ("quota_exhausted", 1795226000.0)


ENDS = [
    (Ended(code=0), "agent_error"),
    (Ended(code=3, stderr="broken"), "exit_nonzero"),
    (Ended(code=1, stderr="Invalid API key"), "auth_failed"),
    (Ended(signal=11), "killed_by_signal"),
    (Ended(signal=9, stopped="timeout"), "timeout"),
    (Ended(signal=9, stopped="limit"), "output_limit"),
    (Ended(signal=9, stopped="cancelled"), "killed_by_signal"),
]


@pytest.mark.parametrize(("ended", "code"), ENDS)
def test_a_program_that_never_finished_its_turn_is_judged_by_its_end(ended: Ended, code: str) -> None:
    assert Signs().judge(ended).code == code


def test_a_run_stopped_while_the_provider_refused_it_waits_for_the_provider() -> None:
    signs = Signs()
    signs.see([Problem(code="rate_limited", message="slow down", retrying=True)])
    assert signs.judge(Ended(signal=9, stopped="timeout")).code == "rate_limited"


def test_a_finished_turn_is_well_even_if_the_program_had_to_be_killed_afterwards() -> None:
    signs = Signs()
    signs.see([TurnEnded(ok=True, text="done")])
    verdict = signs.judge(Ended(signal=15))
    assert (verdict.ok, verdict.text) == (True, "done")
