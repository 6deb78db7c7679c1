"""Entries from the updates of an ACP session (protocol 1), of whatever agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from muster.agents.diffs import unified
from muster.agents.jsonl import encode
from muster.agents.plan_items import plan_item
from muster.agents.wire import amount, count, number, obj, objs, text
from muster.domain.transcript import (
    ChangeKind,
    Entry,
    FileChange,
    Message,
    Plan,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    ToolStatus,
    UsageReport,
)
from muster.domain.usage import TokenUsage

_QUIET: Final = frozenset(
    {
        "available_commands_update",
        "config_option_update",
        "current_mode_update",
        "session_info_update",
        "user_message_chunk",
    }
)
_KINDS: Final = {kind.value: kind for kind in ToolKind}
_OVER: Final = frozenset({"completed", "failed"})
_MERGED: Final = frozenset({"title", "kind", "name", "rawInput", "locations", "content", "rawOutput"})


@dataclass(slots=True)
class _Call:
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    told: ToolCall | None = None
    terminal: list[str] = field(default_factory=list[str])
    exit_code: int | None = None
    parent: str = ""

    def merge(self, update: Mapping[str, Any]) -> bool:
        """Take in an update; whether it may have changed what is to be told of the call."""
        fields, changed = self.fields, self.told is None
        for name, value in update.items():
            if value and name in _MERGED:
                fields[name] = value
                changed = True
        if "rawInput" not in fields and isinstance(update.get("rawInput"), dict):
            fields["rawInput"] = {}
            changed = True
        if meta := update.get("_meta"):
            self._mind(obj(meta))
            return True
        return changed

    def _mind(self, meta: Mapping[str, Any]) -> None:
        """What some agents say beside the protocol."""
        claude = obj(meta.get("claudeCode"))
        self.parent = text(claude.get("parentToolUseId")) or self.parent
        if tool := text(claude.get("toolName")):
            self.fields.setdefault("name", tool)
        if piece := text(obj(meta.get("terminal_output_delta")).get("data")):
            self.terminal.append(piece)
        ended = number(obj(meta.get("terminal_exit")).get("exit_code"))
        self.exit_code = self.exit_code if ended is None else ended


class Updates:
    """Remembers open messages and tool calls, which come in pieces."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}
        self._message: tuple[type[Message] | type[Thinking], str, str] | None = None
        self._usage: UsageReport | None = None
        self._ended: set[str] = set()
        self.denied: set[str] = set()
        self.cancelled = False
        self.last = ""
        """The last message."""
        self.failed = False
        """The agent says that its session is broken, though the turn may end as if nothing were wrong."""

    def take(self, update: Mapping[str, Any]) -> list[Entry] | None:
        """Entries of an update; None when its kind is not known."""
        match update.get("sessionUpdate"):
            case "agent_message_chunk":
                return self._chunk(Message, update)
            case "agent_thought_chunk":
                return self._chunk(Thinking, update)
            case "tool_call" | "tool_call_update":
                return self.close() + self.call(update)
            case "plan":
                return [*self.close(), Plan([plan_item(step) for step in objs(update.get("entries"))])]
            case "usage_update":
                return self._used(update)
            case kind:
                status = obj(obj(obj(update.get("_meta")).get("codex")).get("threadStatus"))
                self.failed = status.get("type") == "systemError" if status else self.failed
                return [] if text(kind) in _QUIET else None

    def close(self) -> list[Entry]:
        """The end of an open message."""
        if self._message is None:
            return []
        (kind, _, parent), self._message = self._message, None
        return [kind("", parent=parent)]

    def settle(self) -> list[Entry]:
        """The turn is over. Calls that were denied or cancelled are so, also where the agent does not say it."""
        return self.close() + self._end(
            [call for call in self._calls if self.cancelled or call in self.denied]
        )

    def _end(self, calls: list[str]) -> list[Entry]:
        self._ended.update(calls)
        return [entry for call in calls for entry in self._result(call, self._calls.pop(call), "failed")]

    def call(self, update: Mapping[str, Any]) -> list[Entry]:
        """A tool call, or more of one; also from a request for leave, as some agents tell of it only there."""
        identity = text(update.get("toolCallId"))
        call = self._calls.get(identity)
        if call is None:
            call = self._calls[identity] = _Call()
        changed = call.merge(update)
        if identity in self._ended:
            return []
        entries: list[Entry] = []
        if changed and (told := _told(identity, call)) != call.told:
            call.told = told
            entries.append(told)
        status = text(update.get("status"))
        if status in _OVER:
            self._ended.add(identity)
            entries += self._result(identity, call, status)
            del self._calls[identity]
        return entries

    def _chunk(self, kind: type[Message] | type[Thinking], update: Mapping[str, Any]) -> list[Entry]:
        piece = _said(obj(update.get("content")))
        message = kind, text(update.get("messageId")), _parent(update)
        same = self._message == message
        entries = self._end([call for call in self._calls if call in self.denied]) if self.denied else []
        if not same:
            entries += self.close()
        if piece:
            self.last = self.last + piece if same else piece
            self._message = message
            entries.append(kind(piece, more=True, parent=message[2]))
        return entries

    def _used(self, update: Mapping[str, Any]) -> list[Entry]:
        report = UsageReport(
            total=True,
            cost_usd=amount(obj(update.get("cost")).get("amount")),
            context_used=number(update.get("used")),
            context_window=number(update.get("size")),
        )
        if report == self._usage:
            return []
        self._usage = report
        return [report]

    def _result(self, identity: str, call: _Call, status: str) -> list[Entry]:
        content, output = objs(call.fields.get("content")), call.fields.get("rawOutput")
        raw = obj(output)
        exits = (
            (call.exit_code, raw.get("exit_code"), obj(raw.get("metadata")).get("exit"))
            if raw
            else (call.exit_code,)
        )
        end: ToolStatus = "completed" if status == "completed" else "failed"
        if end == "failed":
            end = "denied" if identity in self.denied else "cancelled" if self.cancelled else "failed"
        changes = [(part, _diff(part)) for part in content if part.get("type") == "diff"]
        result = ToolResult(
            id=identity,
            status=end,
            output=_output(content, output, "".join(call.terminal)),
            exit_code=next((code for value in exits if (code := number(value)) is not None), None),
            diff="".join([diff for _, diff in changes]),
            parent=call.parent,
        )
        if end != "completed":
            return [result]
        return [result, *(_change(identity, change, diff) for change, diff in changes)]


def diff_of(update: Mapping[str, Any]) -> str:
    """The changes that a tool call shows."""
    given = text(obj(update.get("rawInput")).get("diff"))
    return given or "".join(_diff(part) for part in objs(update.get("content")) if part.get("type") == "diff")


def kind_of(update: Mapping[str, Any]) -> ToolKind:
    """The kind of tool."""
    kind = update.get("kind")
    return _KINDS.get(kind, ToolKind.OTHER) if isinstance(kind, str) else ToolKind.OTHER


def command_of(update: Mapping[str, Any]) -> str:
    """The command line. Gemini tells it as the title, and no input."""
    if "rawInput" in update:
        return text(obj(update.get("rawInput")).get("command"))
    return text(update.get("title")) if kind_of(update) is ToolKind.EXECUTE else ""


def paths_of(update: Mapping[str, Any]) -> list[str]:
    """Files that a tool call names."""
    paths: dict[str, None] = {}
    for place in objs(update.get("locations")):
        if path := text(place.get("path")):
            paths[path] = None
    for part in objs(update.get("content")):
        if part.get("type") == "diff" and (path := text(part.get("path"))):
            paths[path] = None
    return list(paths)


def turn_usage(result: Mapping[str, Any]) -> UsageReport | None:
    """What the answer to a prompt says of its turn. Gemini tells it as a quota, without what came from a cache."""
    usage = obj(result.get("usage"))
    if usage:
        return UsageReport(
            usage=TokenUsage(
                input=count(usage.get("inputTokens")),
                output=count(usage.get("outputTokens")),
                cache_read=count(usage.get("cachedReadTokens")),
                cache_write=count(usage.get("cachedWriteTokens")),
                reasoning=count(usage.get("thoughtTokens")),
            )
        )
    quota = obj(obj(obj(result.get("_meta")).get("quota")).get("token_count"))
    if quota:
        return UsageReport(
            usage=TokenUsage(input=count(quota.get("input_tokens")), output=count(quota.get("output_tokens")))
        )
    return None


def _told(identity: str, call: _Call) -> ToolCall:
    fields, kind = call.fields, kind_of(call.fields)
    return ToolCall(
        id=identity,
        name=text(fields.get("name")) or kind.value,
        title=text(fields.get("title")),
        tool=kind,
        input=obj(fields.get("rawInput")),
        command=command_of(fields),
        paths=paths_of(fields),
        parent=call.parent,
    )


def _parent(update: Mapping[str, Any]) -> str:
    meta = update.get("_meta")
    return text(obj(obj(meta).get("claudeCode")).get("parentToolUseId")) if meta else ""


def _said(content: Mapping[str, Any]) -> str:
    return text(content.get("text")) or text(obj(content.get("resource")).get("text"))


def _output(content: list[dict[str, Any]], raw: Any, terminal: str) -> str:
    if terminal:
        return terminal
    if isinstance(raw, str) and raw:
        return raw
    said = "\n".join(
        words
        for part in content
        if part.get("type") == "content" and (words := _said(obj(part.get("content"))))
    )
    given = obj(raw)
    return said or text(given.get("output")) or text(given.get("error")) or (_json(given) if given else "")


def _json(value: Mapping[str, Any]) -> str:
    return encode(value).decode().strip()


def _diff(change: Mapping[str, Any]) -> str:
    old = change.get("oldText")
    created = obj(change.get("_meta")).get("kind") == "add" or not isinstance(old, str)
    return unified(text(change.get("path")), None if created else text(old), text(change.get("newText")))


def _change(identity: str, change: Mapping[str, Any], diff: str) -> FileChange:
    old, meta = change.get("oldText"), obj(change.get("_meta")).get("kind")
    kind = ChangeKind.MODIFIED
    if meta == "add" or (meta is None and not isinstance(old, str)):
        kind = ChangeKind.CREATED
    elif meta == "delete":
        kind = ChangeKind.DELETED
    return FileChange(path=text(change.get("path")), change=kind, diff=diff, tool_call=identity)
