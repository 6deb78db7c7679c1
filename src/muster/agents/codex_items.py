"""Entries from the items of Codex. Both of its protocols have them; `exec` writes names_like_this, the server namesLikeThis."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from muster.agents.diffs import unified
from muster.agents.jsonl import encode
from muster.agents.wire import count, number, obj, objs, text, texts
from muster.domain.transcript import (
    ChangeKind,
    Entry,
    FileChange,
    Message,
    Plan,
    PlanItem,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    ToolStatus,
)
from muster.domain.usage import TokenUsage

_UNDERSCORE: Final = re.compile(r"_([a-z])")
_CHANGES: Final = {
    "add": ChangeKind.CREATED,
    "update": ChangeKind.MODIFIED,
    "delete": ChangeKind.DELETED,
}
_ACTIONS: Final = {"read": ToolKind.READ, "listFiles": ToolKind.SEARCH, "search": ToolKind.SEARCH}
_ENDS: Final[dict[str, ToolStatus]] = {"completed": "completed", "declined": "denied", "failed": "failed"}
_NAMES: Final = {
    "commandExecution": ("shell", ToolKind.EXECUTE),
    "fileChange": ("apply_patch", ToolKind.EDIT),
    "mcpToolCall": ("", ToolKind.OTHER),
    "dynamicToolCall": ("", ToolKind.OTHER),
    "webSearch": ("web_search", ToolKind.FETCH),
    "collabAgentToolCall": ("agent", ToolKind.THINK),
    "imageView": ("view_image", ToolKind.READ),
    "imageGeneration": ("image_generation", ToolKind.OTHER),
}
SILENT: Final = frozenset(
    {
        "contextCompaction",
        "enteredReviewMode",
        "exitedReviewMode",
        "functionCallOutput",
        "hookPrompt",
        "plan",
        "sleep",
        "subAgentActivity",
        "userMessage",
    }
)
"""Items that repeat what other messages say."""


class Items:
    """Remembers which calls were told."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def started(self, item: Mapping[str, Any], parent: str = "") -> list[Entry]:
        """Entries of an item that begins."""
        if text(item.get("type")) not in _NAMES:
            return []
        self._told.add(text(item.get("id")))
        return [_call(item, parent)]

    def interrupted(self) -> list[Entry]:
        """Calls that were running when the turn was stopped are never told of again."""
        running, self._told = sorted(self._told), set()
        return [ToolResult(id=call, status="cancelled") for call in running]

    def completed(self, item: Mapping[str, Any], parent: str = "") -> list[Entry] | None:
        """Entries of an item that is complete; None when its type is not known."""
        kind, identity = text(item.get("type")), text(item.get("id"))
        if kind in _NAMES:
            told = identity in self._told
            self._told.discard(identity)
            calls: list[Entry] = [] if told else [_call(item, parent)]
            return [*calls, _result(item, parent), *_changes(item)]
        match kind:
            case "agentMessage":
                return [Message(text(item.get("text")), parent=parent)]
            case "reasoning":
                words = text(item.get("text")) or "\n".join(
                    texts(item.get("summary")) or texts(item.get("content"))
                )
                return [Thinking(words, parent=parent)] if words else []
            case "todoList":
                return [Plan([_step(todo) for todo in objs(item.get("items"))])]
            case "error":
                # A notice, such as a model without metadata; a failed turn says so itself.
                return [Message(text(item.get("message")), role="system", parent=parent)]
            case _:
                return [] if kind in SILENT else None


def of_exec(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of `exec` in the words of the server."""
    named = {_camel(key): value for key, value in item.items()}
    named["type"] = _camel(text(item.get("type")))
    return named


def file_diff(item: Mapping[str, Any]) -> str:
    """The changes of a fileChange item as one diff."""
    return "".join(_diff(change) for change in objs(item.get("changes")))


def usage_of(usage: Mapping[str, Any]) -> TokenUsage:
    """Tokens in the words of the server. Its input holds what came from a cache."""
    read, written = count(usage.get("cachedInputTokens")), count(usage.get("cacheWriteInputTokens"))
    return TokenUsage(
        input=max(count(usage.get("inputTokens")) - read - written, 0),
        output=count(usage.get("outputTokens")),
        cache_read=read,
        cache_write=written,
        reasoning=count(usage.get("reasoningOutputTokens")),
    )


def _call(item: Mapping[str, Any], parent: str) -> ToolCall:
    kind = text(item.get("type"))
    name, tool = _NAMES[kind]
    command, actions = text(item.get("command")), objs(item.get("commandActions"))
    paths = [text(change.get("path")) for change in objs(item.get("changes"))]
    tool_input = obj(item.get("arguments"))
    if kind == "mcpToolCall":
        name = f"{text(item.get('server'))}.{text(item.get('tool'))}"
    elif kind == "dynamicToolCall":
        name = text(item.get("tool"))
    elif actions:
        tool = _ACTIONS.get(text(actions[0].get("type")), tool)
        paths = [path for action in actions if (path := text(action.get("path")))]
    title = " && ".join(text(action.get("command")) for action in actions) or command
    return ToolCall(
        id=text(item.get("id")),
        name=name,
        title=title or text(item.get("query")) or text(item.get("prompt")) or " ".join([name, *paths]),
        tool=tool,
        input=tool_input,
        command=command,
        paths=paths,
        parent=parent,
    )


def _result(item: Mapping[str, Any], parent: str) -> ToolResult:
    error = text(obj(item.get("error")).get("message")) or text(item.get("error"))
    result = obj(item.get("result"))
    said = "\n".join(
        text(part.get("text")) for part in objs(result.get("content") or item.get("contentItems"))
    )
    status: ToolStatus = _ENDS.get(text(item.get("status")), "completed")
    return ToolResult(
        id=text(item.get("id")),
        status="failed" if error else status,
        output=text(item.get("aggregatedOutput")) or error or said or _json(result),
        exit_code=number(item.get("exitCode")),
        diff=file_diff(item),
        parent=parent,
    )


def _changes(item: Mapping[str, Any]) -> list[FileChange]:
    if item.get("status") != "completed":
        return []
    changes: list[FileChange] = []
    for change in objs(item.get("changes")):
        kind, path = _kind(change), text(change.get("path"))
        moved = text(obj(change.get("kind")).get("movePath")) or text(
            obj(change.get("kind")).get("move_path")
        )
        changes.append(
            FileChange(
                path=moved or path,
                change=ChangeKind.RENAMED if moved else _CHANGES.get(kind, ChangeKind.MODIFIED),
                old_path=path if moved else "",
                diff=_diff(change),
                tool_call=text(item.get("id")),
            )
        )
    return changes


def _diff(change: Mapping[str, Any]) -> str:
    """The server tells the hunks of an update, and the whole content of a file that is new or deleted."""
    path, said = text(change.get("path")), text(change.get("diff"))
    match _kind(change):
        case "add":
            return unified(path, None, said) if said else ""
        case "delete":
            return unified(path, said, None) if said else ""
        case _:
            shown = path.lstrip("/")
            return f"--- a/{shown}\n+++ b/{shown}\n{said}" if said else ""


def _kind(change: Mapping[str, Any]) -> str:
    return text(change.get("kind")) or text(obj(change.get("kind")).get("type"))


def _step(todo: Mapping[str, Any]) -> PlanItem:
    return PlanItem(text=text(todo.get("text")), status="completed" if todo.get("completed") else "pending")


def _json(value: Mapping[str, Any]) -> str:
    return encode(value).decode().strip() if value else ""


@lru_cache(maxsize=256)
def _camel(name: str) -> str:
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name) if "_" in name else name
