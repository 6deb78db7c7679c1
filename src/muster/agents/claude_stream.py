"""The conversation with Claude Code: lines of stream-json with its control protocol.

Sources: streams recorded of version 2.1.329. Every `assistant` line holds one block of a message and
repeats the message's usage as it was at its start: summing these up is wrong, only the `result` counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from muster.agents.adapter import Answer, Ended, Step, Verdict
from muster.agents.failures import Failure, failure_of
from muster.agents.jsonl import Lines, child, children, number, read_object, shown, word, write_object
from muster.agents.judgement import ended_badly
from muster.domain.transcript import (
    Entry,
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
    ToolStatus,
    TurnEnded,
    Unknown,
    UsageReport,
)
from muster.domain.usage import TokenUsage

Json = dict[str, Any]
STDERR_KEPT: Final = 4_000
TOOLS: Final = {
    "Read": ToolKind.READ,
    "Glob": ToolKind.SEARCH,
    "Grep": ToolKind.SEARCH,
    "ToolSearch": ToolKind.SEARCH,
    "Edit": ToolKind.EDIT,
    "Write": ToolKind.EDIT,
    "NotebookEdit": ToolKind.EDIT,
    "Bash": ToolKind.EXECUTE,
    "WebFetch": ToolKind.FETCH,
    "WebSearch": ToolKind.FETCH,
    "TodoWrite": ToolKind.THINK,
}
OPTIONS: Final = (
    Option("allow", "Allow once", OptionKind.ALLOW_ONCE),
    Option("allow_always", "Always allow exactly this", OptionKind.ALLOW_ALWAYS),
    Option("deny", "Deny", OptionKind.REJECT_ONCE),
)
REASONS: Final = {
    "prompt_too_long": "context_overflow",
    "budget_exhausted": "budget_exceeded",
}
DENIED: Final = "The person who was asked says no."
QUESTION_TOOL: Final = "AskUserQuestion"


class ClaudeConversation:
    """One run of Claude Code. A turn ends with a `result` line; the process stays for the next."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt
        self._lines = Lines()
        self._waiting: dict[str, Json] = {}
        self._denied: set[str] = set()
        self._messages: set[str] = set()
        self._requests = 0
        self._session: str | None = None
        self._result: Json | None = None
        self._failure: Failure | None = None
        self._failure_words = ""
        self._errors = ""
        self._handlers: Mapping[str, Callable[[Json, Step], None]] = {
            "system": self._system,
            "assistant": self._assistant,
            "user": self._user,
            "result": self._ended,
            "control_request": self._asked,
            "control_cancel_request": self._withdrawn,
            # The blocks these announce come whole on lines of their own.
            "stream_event": _nothing,
            "control_response": _nothing,
            "keep_alive": _nothing,
        }

    def start(self) -> bytes:
        """Introduce ourselves, then the prompt."""
        return self._control({"subtype": "initialize", "hooks": None}) + _user(self._prompt)

    def feed(self, data: bytes) -> Step:
        """Standard output."""
        step = Step()
        for line in self._lines.feed(data):
            self._line(line, step)
        return step

    def feed_error(self, data: bytes) -> Step:
        """Standard error: kept for the judgement."""
        self._errors = (self._errors + data.decode("utf-8", "replace"))[-STDERR_KEPT:]
        return Step()

    def answer(self, request: str, answer: Answer) -> Step:
        """Allow or deny; an answer to its question goes in as the tool's input."""
        asked = self._waiting.pop(request, None)
        if asked is None:
            return Step()
        given = child(asked, "input")
        if asked.get("tool_name") == QUESTION_TOOL:
            reply = _chosen(given, answer)
        elif answer.kind in (OptionKind.ALLOW_ONCE, OptionKind.ALLOW_ALWAYS):
            reply = {"behavior": "allow", "updatedInput": given}
        else:
            reply = {"behavior": "deny", "message": answer.text or DENIED}
        response = {"subtype": "success", "request_id": request, "response": reply}
        return Step(send=write_object({"type": "control_response", "response": response}))

    def say(self, text: str) -> Step:
        """The next message of ours, in the same session."""
        return Step(send=_user(text))

    def interrupt(self) -> Step:
        """Stop the turn, and what its tools run."""
        return Step(send=self._control({"subtype": "interrupt"}))

    def finish(self, ended: Ended) -> tuple[Step, Verdict]:
        """Judge by the last result, by how the program ended and by what failed on the way."""
        step = Step()
        for line in self._lines.flush():
            self._line(line, step)
        return step, self._verdict(ended)

    def _control(self, request: Json) -> bytes:
        self._requests += 1
        return write_object(
            {"type": "control_request", "request_id": f"muster-{self._requests}", "request": request}
        )

    def _line(self, line: bytes, step: Step) -> None:
        found = read_object(line)
        handler = None if found is None else self._handlers.get(found.get("type", ""))
        if found is None or handler is None:
            step.entries.append(Unknown(shown(line)))
            return
        try:
            handler(found, step)
        except (AttributeError, KeyError, TypeError, ValueError):
            # A known line of an unknown shape: a newer version speaks.
            step.entries.append(Unknown(shown(line)))

    def _system(self, line: Json, step: Step) -> None:
        match line.get("subtype"):
            case "init":
                first = self._session != line["session_id"]
                self._session = line["session_id"]
                if first:
                    step.entries.append(_session(line))
            case "api_retry":
                self._retry(line, step)
            case "permission_denied":
                self._denied.add(line["tool_use_id"])
            case "compact_boundary":
                step.entries.append(Message("The context was compacted.", role="system"))
            case _:
                pass

    def _retry(self, line: Json, step: Step) -> None:
        status, words = line.get("error_status"), str(line.get("error") or "")
        self._failure = failure_of(status, words) if status else Failure("provider_unavailable")
        self._failure_words = f"{words} (status {status})" if status else f"no answer: {words}"
        message = f"attempt {line.get('attempt')} of {line.get('max_retries')}: {self._failure_words}"
        step.entries.append(Problem(self._failure.code, message, retrying=True, status=status))

    def _assistant(self, line: Json, step: Step) -> None:
        message = child(line, "message")
        parent = word(line, "parent_tool_use_id")
        failed = line.get("is_api_error_message") or line.get("isApiErrorMessage")
        for block in children(message, "content"):
            if failed and block.get("type") == "text":
                self._failed(line, block["text"], step)
            else:
                step.entries.extend(_block(block, parent))
        if not failed and not parent and message["id"] not in self._messages:
            self._messages.add(message["id"])
            self._failure = None
            step.entries.append(_context(message))

    def _failed(self, line: Json, words: str, step: Step) -> None:
        status = line.get("api_error_status")
        self._failure = failure_of(status, words)
        self._failure_words = words
        step.entries.append(
            Problem(self._failure.code, words, status=status, resets_at=self._failure.resets_at)
        )

    def _user(self, line: Json, step: Step) -> None:
        message = child(line, "message")
        parent = word(line, "parent_tool_use_id")
        if isinstance(message["content"], str):
            step.entries.append(Message(message["content"], role="user", parent=parent))
            return
        for block in children(message, "content"):
            if block["type"] == "tool_result":
                step.entries.append(self._tool_result(block, line, parent))
            elif block["type"] == "text":
                step.entries.append(Message(block["text"], role="user", parent=parent))

    def _tool_result(self, block: Json, line: Json, parent: str) -> ToolResult:
        ident = block["tool_use_id"]
        detail = child(line, "tool_use_result")
        status: ToolStatus = "failed" if block.get("is_error") else "completed"
        for meta in children(line, "tool_result_meta"):
            decision = word(child(meta, "permission_decision"), "decision")
            if meta.get("id") == ident and decision == "reject":
                self._denied.add(ident)
        if ident in self._denied:
            status = "denied"
        elif detail.get("interrupted"):
            status = "cancelled"
        return ToolResult(ident, status, _text(block), diff=_diff(detail), parent=parent)

    def _asked(self, line: Json, step: Step) -> None:
        request, ident = child(line, "request"), str(line["request_id"])
        if request.get("subtype") != "can_use_tool":
            reply = {"subtype": "error", "request_id": ident, "error": "muster does not offer this"}
            step.send += write_object({"type": "control_response", "response": reply})
            return
        self._waiting[ident] = request
        step.entries.append(
            _question(ident, request)
            if request["tool_name"] == QUESTION_TOOL
            else _permission(ident, request)
        )

    def _withdrawn(self, line: Json, _: Step) -> None:
        self._waiting.pop(str(line.get("request_id")), None)

    def _ended(self, line: Json, step: Step) -> None:
        self._result = line
        step.entries.append(_total(line))
        step.entries.append(
            TurnEnded(
                ok=not line["is_error"] and line.get("subtype") == "success",
                text=str(line.get("result") or ""),
                reason=str(line.get("terminal_reason") or line.get("subtype") or ""),
                turns=line.get("num_turns"),
            )
        )
        step.turn_over = True

    def _verdict(self, ended: Ended) -> Verdict:
        result = self._result
        if result is None:
            return ended_badly(ended, self._failure, self._failure_words, self._errors, self._session)
        total = _total(result)
        text = str(result.get("result") or "")
        facts: Json = {"session": self._session, "usage": total.usage, "cost_usd": total.cost_usd}
        if not result["is_error"] and result.get("subtype") == "success" and not ended.stopped:
            if result.get("stop_reason") == "refusal":
                return Verdict(ok=False, code="refused", message=text, text=text, **facts)
            return Verdict(ok=True, text=text, **facts)
        if ended.stopped:
            verdict = ended_badly(ended, self._failure, self._failure_words, self._errors, self._session)
            return Verdict(ok=False, code=verdict.code, message=verdict.message, text=text, **facts)
        words = text or "; ".join(map(str, result.get("errors") or ())) or "it ended with an error"
        failure = failure_of(result.get("api_error_status"), words)
        code = REASONS.get(result.get("terminal_reason", ""), failure.code)
        return Verdict(ok=False, code=code, message=words, text=text, resets_at=failure.resets_at, **facts)


def _nothing(_line: Json, _step: Step) -> None:
    """A line that says nothing new."""


def _user(text: str) -> bytes:
    return write_object(
        {
            "type": "user",
            "message": {"role": "user", "content": text},
            "parent_tool_use_id": None,
            "session_id": "",
        }
    )


def _session(line: Json) -> SessionStarted:
    return SessionStarted(
        session=line["session_id"],
        model=line.get("model", ""),
        version=line.get("claude_code_version", ""),
        mode=line.get("permissionMode", ""),
        tools=list(line.get("tools", ())),
        mcp={word(server, "name"): word(server, "status") for server in children(line, "mcp_servers")},
    )


def _block(block: Json, parent: str) -> list[Entry]:
    match block["type"]:
        case "text":
            return [Message(block["text"], parent=parent)]
        case "thinking":
            return [Thinking(block["thinking"], parent=parent)] if block["thinking"] else []
        case "tool_use" | "server_tool_use":
            call = _call(block, parent)
            plan = _plan(block)
            return [call] if plan is None else [call, plan]
        case _:
            return []


def _call(block: Json, parent: str) -> ToolCall:
    given = child(block, "input")
    path = given.get("file_path") or given.get("notebook_path") or ""
    command = given.get("command") if block["name"] == "Bash" else ""
    return ToolCall(
        id=block["id"],
        name=block["name"],
        title=str(given.get("description") or command or path or block["name"]),
        tool=TOOLS.get(block["name"], ToolKind.OTHER),
        input=given,
        command=str(command or ""),
        paths=[path] if path else [],
        parent=parent,
    )


def _plan(block: Json) -> Plan | None:
    if block["name"] != "TodoWrite":
        return None
    todos = children(child(block, "input"), "todos")
    return Plan([PlanItem(item["content"], item["status"]) for item in todos])


def _permission(ident: str, request: Json) -> PermissionRequest:
    given = child(request, "input")
    name = word(request, "tool_name")
    command = str(given.get("command") or "") if name == "Bash" else ""
    return PermissionRequest(
        id=ident,
        title=command or str(request.get("description") or given.get("file_path") or name),
        tool=name,
        tool_call=request.get("tool_use_id") or "",
        command=command,
        diff=_proposal(name, given),
        input=given,
        options=list(OPTIONS),
    )


def _proposal(name: str, given: Json) -> str:
    """What an edit would do, for the person who is asked."""
    if name == "Edit":
        old = "".join(f"-{line}\n" for line in str(given.get("old_string", "")).splitlines())
        return old + "".join(f"+{line}\n" for line in str(given.get("new_string", "")).splitlines())
    if name == "Write":
        return "".join(f"+{line}\n" for line in str(given.get("content", "")).splitlines())
    return ""


def _question(ident: str, request: Json) -> Question:
    questions = children(child(request, "input"), "questions")
    text = "\n".join(word(question, "question") for question in questions)
    options = [
        Option(word(choice, "label"), word(choice, "label"), OptionKind.CHOICE)
        for choice in children(questions[0], "options")
    ]
    return Question(ident, text, options if len(questions) == 1 else [])


def _chosen(given: Json, answer: Answer) -> Json:
    said = answer.option or answer.text
    if not said or answer.kind in (OptionKind.REJECT_ONCE, OptionKind.REJECT_ALWAYS):
        return {"behavior": "deny", "message": answer.text or DENIED}
    answers = {word(question, "question"): said for question in children(given, "questions")}
    return {"behavior": "allow", "updatedInput": {**given, "answers": answers}}


def _text(block: Json) -> str:
    content = block.get("content")
    if isinstance(content, str):
        return content
    parts = children(block, "content")
    return "\n".join(word(part, "text") or f"[{word(part, 'type')}]" for part in parts)


def _diff(detail: Json) -> str:
    return "\n".join(
        f"@@ -{hunk['oldStart']},{hunk['oldLines']} +{hunk['newStart']},{hunk['newLines']} @@\n"
        + "\n".join(hunk["lines"])
        for hunk in children(detail, "structuredPatch")
    )


def _context(message: Json) -> UsageReport:
    usage = child(message, "usage")
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    used = sum(number(usage, name) for name in names)
    return UsageReport(context_used=used, model=word(message, "model"))


def _total(line: Json) -> UsageReport:
    """The whole process so far: `usage` counts a turn only, `modelUsage` and the cost go on over the turns."""
    usage = TokenUsage()
    window: int | None = None
    models = child(line, "modelUsage")
    for name in models:
        model = child(models, name)
        usage += TokenUsage(
            input=number(model, "inputTokens"),
            output=number(model, "outputTokens"),
            cache_read=number(model, "cacheReadInputTokens"),
            cache_write=number(model, "cacheCreationInputTokens"),
            reasoning=number(model, "thinkingTokens"),
        )
        window = number(model, "contextWindow") or window
    return UsageReport(usage, total=True, cost_usd=line.get("total_cost_usd"), context_window=window)
