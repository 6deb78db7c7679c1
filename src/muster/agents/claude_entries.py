"""Entries from the lines of Claude Code. The lines are those of its stream-json, version 2.1."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from muster.agents.diffs import hunks, unified
from muster.agents.failures import failure_of
from muster.agents.streamed import Streamed
from muster.agents.wire import amount, count, number, obj, objs, text, texts
from muster.domain.transcript import (
    ChangeKind,
    Entry,
    FileChange,
    Message,
    Plan,
    PlanItem,
    Problem,
    SessionStarted,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    ToolStatus,
    TurnEnded,
    UsageReport,
)
from muster.domain.usage import TokenUsage

KINDS: Final = {
    "Agent": ToolKind.THINK,
    "Bash": ToolKind.EXECUTE,
    "Edit": ToolKind.EDIT,
    "Glob": ToolKind.SEARCH,
    "Grep": ToolKind.SEARCH,
    "LS": ToolKind.SEARCH,
    "Monitor": ToolKind.EXECUTE,
    "MultiEdit": ToolKind.EDIT,
    "NotebookEdit": ToolKind.EDIT,
    "Read": ToolKind.READ,
    "Task": ToolKind.THINK,
    "TaskCreate": ToolKind.THINK,
    "TaskUpdate": ToolKind.THINK,
    "TodoWrite": ToolKind.THINK,
    "ToolSearch": ToolKind.SEARCH,
    "WebFetch": ToolKind.FETCH,
    "WebSearch": ToolKind.FETCH,
    "Write": ToolKind.EDIT,
}
_PATHS: Final = ("file_path", "notebook_path", "path")
_CONTEXT: Final = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_EXIT: Final = re.compile(r"Exit code (\d{1,3})(?:\n|\Z)")
_SYNTHETIC: Final = "<synthetic>"
"""The model's name in messages that Claude Code writes itself, such as those of errors."""
_STOPPED: Final = frozenset({"aborted_tools", "aborted_streaming", "aborted", "interrupted"})
_BY_REASON: Final = {
    "prompt_too_long": "context_overflow",
    "budget_exhausted": "budget_exceeded",
    "max_turns": "agent_error",
}


class Blocks:
    """Reads messages of the model and results of tools; remembers what was streamed or counted before."""

    def __init__(self) -> None:
        self._context = ""
        self._streamed = Streamed()
        self._tasks: dict[str, PlanItem] = {}
        self._calls: dict[str, tuple[str, dict[str, Any]]] = {}

    def assistant(self, line: Mapping[str, Any]) -> list[Entry]:
        """One block of a message of the model. Every line of a message repeats its usage, so it counts once."""
        message, parent = obj(line.get("message")), text(line.get("parent_tool_use_id"))
        if message.get("model") == _SYNTHETIC:
            return []
        entries: list[Entry] = []
        for block in objs(message.get("content")):
            match block.get("type"):
                case "text":
                    entries += self._words(text(block.get("text")), "text", parent)
                case "thinking":
                    entries += self._words(text(block.get("thinking")), "thinking", parent)
                case "tool_use" | "server_tool_use" | "mcp_tool_use":
                    entries += self._call(block, parent)
                case _:
                    pass
        return entries + self._used(message, parent)

    def user(self, line: Mapping[str, Any]) -> list[Entry]:
        """Results of tools, and words that Claude Code put into the conversation itself."""
        content, parent = obj(line.get("message")).get("content"), text(line.get("parent_tool_use_id"))
        if isinstance(content, str):
            return [Message(content, role="system", parent=parent)]
        entries: list[Entry] = []
        for block in objs(content):
            if block.get("type") == "tool_result":
                entries += self._result(block, line, parent)
            elif words := text(block.get("text")):
                entries.append(Message(words, role="user" if parent else "system", parent=parent))
        return entries

    def partial(self, line: Mapping[str, Any]) -> list[Entry]:
        """A piece of a message while it is streamed."""
        parent, delta = text(line.get("parent_tool_use_id")), obj(obj(line.get("event")).get("delta"))
        match delta.get("type"):
            case "text_delta":
                piece, kind = text(delta.get("text")), "text"
            case "thinking_delta":
                piece, kind = text(delta.get("thinking")), "thinking"
            case _:
                return []
        if not piece:
            return []
        self._streamed.piece(kind + parent, piece)
        return [_words(kind, piece, parent, more=True)]

    def _words(self, whole: str, kind: str, parent: str) -> list[Entry]:
        return [_words(kind, words, parent) for words in self._streamed.rest(kind + parent, whole)]

    def _call(self, block: Mapping[str, Any], parent: str) -> list[Entry]:
        name, tool_input, call = text(block.get("name")), obj(block.get("input")), text(block.get("id"))
        self._calls[call] = name, tool_input
        paths = [path for key in _PATHS if (path := text(tool_input.get(key)))]
        command = text(tool_input.get("command"))
        entry = ToolCall(
            id=call,
            name=name,
            title=text(tool_input.get("description")) or command or " ".join([name, *paths]),
            tool=KINDS.get(name, ToolKind.OTHER),
            input=tool_input,
            command=command,
            paths=paths,
            parent=parent,
        )
        if name == "TodoWrite" and not parent:
            return [entry, Plan([_item(todo, "content") for todo in objs(tool_input.get("todos"))])]
        return [entry]

    def _result(self, block: Mapping[str, Any], line: Mapping[str, Any], parent: str) -> Iterator[Entry]:
        call, said = text(block.get("tool_use_id")), _said(block.get("content"))
        name, tool_input = self._calls.pop(call, ("", {}))
        detail = obj(line.get("tool_use_result"))
        failed = bool(block.get("is_error"))
        exited = _EXIT.match(said) if failed else None
        change = None if failed else _change(call, detail)
        code = int(exited[1]) if exited else 0 if name == "Bash" and not failed else None
        yield ToolResult(
            id=call,
            status=_status(failed, call, line),
            output=said[exited.end() :] if exited else said,
            exit_code=code,
            diff=change.diff if change is not None else "",
            parent=parent,
        )
        if change is not None:
            yield change
        if name in {"TaskCreate", "TaskUpdate"} and not failed and not parent:
            yield from self._task(name, tool_input, detail)

    def _task(self, name: str, tool_input: Mapping[str, Any], detail: Mapping[str, Any]) -> Iterator[Plan]:
        if name == "TaskCreate":
            task = text(obj(detail.get("task")).get("id")) or str(len(self._tasks) + 1)
            self._tasks[task] = _item(tool_input, "subject")
        else:
            task = text(tool_input.get("taskId"))
            if tool_input.get("status") == "deleted":
                self._tasks.pop(task, None)
            elif task in self._tasks:
                self._tasks[task] = _item({"subject": self._tasks[task].text} | dict(tool_input), "subject")
        yield Plan(list(self._tasks.values()))

    def _used(self, message: Mapping[str, Any], parent: str) -> list[Entry]:
        identity = text(message.get("id"))
        if parent or identity == self._context:
            return []
        self._context = identity
        usage = obj(message.get("usage"))
        context = sum([count(usage.get(name)) for name in _CONTEXT])
        return [UsageReport(context_used=context, model=text(message.get("model")))]


def session_of(line: Mapping[str, Any]) -> SessionStarted:
    """The line at the start of every turn."""
    return SessionStarted(
        session=text(line.get("session_id")),
        model=text(line.get("model")),
        version=text(line.get("claude_code_version")),
        mode=text(line.get("permissionMode")),
        tools=texts(line.get("tools")),
        mcp={
            text(server.get("name")): text(server.get("status")) for server in objs(line.get("mcp_servers"))
        },
    )


def result_entries(line: Mapping[str, Any]) -> list[Entry]:
    """The line at the end of every turn. `subtype: success` is also said of failed calls: `is_error` counts."""
    reason = text(line.get("terminal_reason")) or text(line.get("subtype"))
    ok = line.get("subtype") == "success" and line.get("is_error") is False
    said = text(line.get("result")) or "; ".join(texts(line.get("errors")))
    entries: list[Entry] = []
    if (report := _total(line)) is not None:
        entries.append(report)
    if not ok and reason not in _STOPPED:
        status = number(line.get("api_error_status"))
        code = _BY_REASON.get(reason) or failure_of(said, status)
        entries.append(Problem(code=code, message=said or reason, status=status))
    refused = line.get("stop_reason") == "refusal"
    if ok and refused:
        entries.append(Problem(code="refused", message=said or "the model refused"))
    shown = said if ok else ""
    entries.append(
        TurnEnded(ok=ok and not refused, text=shown, reason=reason, turns=number(line.get("num_turns")))
    )
    return entries


def _total(line: Mapping[str, Any]) -> UsageReport | None:
    """Of all models, side calls and sub-agents too. `modelUsage` is of the session, with what it used before a resume;
    `usage` leaves out side calls and a call whose answer was not awaited.
    """
    since = obj(line.get("model_usage_since_last_result"))
    models = since or obj(line.get("modelUsage"))
    if not models:
        return None
    total, window, cost = TokenUsage(), 0, 0.0
    for used in map(obj, models.values()):
        window = max(window, count(used.get("contextWindow")))
        cost += amount(used.get("costUSD")) or 0.0
        total += TokenUsage(
            input=count(used.get("inputTokens")),
            output=count(used.get("outputTokens")),
            cache_read=count(used.get("cacheReadInputTokens")),
            cache_write=count(used.get("cacheCreationInputTokens")),
            reasoning=count(used.get("thinkingTokens")),
        )
    return UsageReport(
        usage=total,
        total=not since,
        cost_usd=cost if since else amount(line.get("total_cost_usd")),
        context_window=window or None,
    )


def _words(kind: str, words: str, parent: str, *, more: bool = False) -> Entry:
    if kind == "text":
        return Message(words, more=more, parent=parent)
    return Thinking(words, more=more, parent=parent)


def _item(task: Mapping[str, Any], words: str) -> PlanItem:
    match task.get("status"):
        case "in_progress" | "completed" as status:
            return PlanItem(text=text(task.get(words)), status=status)
        case _:
            return PlanItem(text=text(task.get(words)))


def _said(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(text(part.get("text")) or f"[{text(part.get('type'))}]" for part in objs(content))


def _status(failed: bool, call: str, line: Mapping[str, Any]) -> ToolStatus:
    if not failed:
        return "completed"
    for meta in objs(line.get("tool_result_meta")):
        if meta.get("id") == call:
            if obj(meta.get("permission_decision")).get("decision") == "reject":
                return "denied"
            if meta.get("non_execution_kind") == "user-rejected":
                return "cancelled"
    return "failed"


def _change(call: str, detail: Mapping[str, Any]) -> FileChange | None:
    """A changed file: results of Edit and Write have a patch, that of a new file its content."""
    path = text(detail.get("filePath"))
    if not path or "structuredPatch" not in detail:
        return None
    if detail.get("type") == "create":
        diff = unified(path, None, text(detail.get("content")))
        return FileChange(path=path, change=ChangeKind.CREATED, diff=diff, tool_call=call)
    diff = hunks(path, objs(detail.get("structuredPatch")))
    return FileChange(path=path, change=ChangeKind.MODIFIED, diff=diff, tool_call=call)
