"""A run's log files, made of its transcript: `prompt.txt`, `text.txt`, `tools.jsonl`, `summary.jsonl` (OD-8)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from muster.domain.times import iso
from muster.domain.transcript import (
    FileChange,
    Message,
    PermissionRequest,
    Problem,
    Question,
    SessionStarted,
    ToolCall,
    ToolKind,
    ToolResult,
    TurnEnded,
    UsageReport,
)
from muster.domain.transcript_flow import Stored, joined
from muster.domain.transcript_json import document_of

Parts = Callable[[Iterable[Stored]], Iterator[str]]
_SUMMED: Final = (SessionStarted, UsageReport, FileChange, Problem, TurnEnded, PermissionRequest, Question)


def prompt_text(entries: Iterable[Stored]) -> Iterator[str]:
    """The prompt exactly as it was sent: what the system and the user said before anything else happened."""
    first = True
    for stored in joined(entries):
        entry = stored.entry
        if isinstance(entry, SessionStarted):
            continue
        if not isinstance(entry, Message) or entry.role == "agent":
            return
        yield entry.text if first else f"\n\n{entry.text}"
        first = False


def agent_text(entries: Iterable[Stored]) -> Iterator[str]:
    """What the agent said, a blank line between messages."""
    first = True
    for stored in joined(entries):
        entry = stored.entry
        if isinstance(entry, Message) and entry.role == "agent":
            yield entry.text if first else f"\n\n{entry.text}"
            first = False


def tool_lines(entries: Iterable[Stored]) -> Iterator[str]:
    """A JSON object a line for each tool call, with what it came to; `status` is null for one without a result."""
    for call in tool_uses(entries):
        yield json.dumps(call, ensure_ascii=False) + "\n"


def tool_uses(entries: Iterable[Stored]) -> Iterator[dict[str, Any]]:
    """Each tool call with its result, in the order the results came; those without one last."""
    called: dict[str, dict[str, Any]] = {}
    for stored in joined(entries):
        entry = stored.entry
        if isinstance(entry, ToolCall):
            known = called.get(entry.id)
            called[entry.id] = _called(entry, stored) | _known_place(known)
        elif isinstance(entry, ToolResult):
            call = called.setdefault(entry.id, _called(ToolCall(id=entry.id, name=""), stored))
            call["output"], call["diff"] = entry.output, entry.diff
            if not entry.more:
                ended = {
                    "status": str(entry.status),
                    "exit_code": entry.exit_code,
                    "finished_at": iso(stored.at),
                }
                yield called.pop(entry.id) | ended
    yield from called.values()


def _called(entry: ToolCall, stored: Stored) -> dict[str, Any]:
    return {
        "position": stored.position,
        "at": iso(stored.at),
        "id": entry.id,
        "name": entry.name,
        "title": entry.title,
        "tool": str(entry.tool),
        "command": entry.command,
        "paths": entry.paths,
        "input": entry.input,
        "parent": entry.parent,
        "status": None,
        "exit_code": None,
        "output": "",
        "diff": "",
        "finished_at": None,
    }


def _known_place(known: dict[str, Any] | None) -> dict[str, Any]:
    return {} if known is None else {name: known[name] for name in ("position", "at")}


def summary_lines(entries: Iterable[Stored]) -> Iterator[str]:
    """A JSON object a line for everything but words and tools: session, usage, files, problems, ends of turns."""
    for stored in joined(entries):
        if isinstance(stored.entry, _SUMMED):
            place = {"position": stored.position, "at": iso(stored.at)}
            yield json.dumps(place | document_of(stored.entry), ensure_ascii=False) + "\n"


def files_read(entries: Iterable[Stored]) -> dict[str, tuple[int, int]]:
    """Files that tools of kind `read` named: path -> (how often, position of the first time)."""
    found: dict[str, tuple[int, int]] = {}
    seen: set[str] = set()
    for stored in entries:
        entry = stored.entry
        if not isinstance(entry, ToolCall) or entry.tool != ToolKind.READ:
            continue
        again = entry.id in seen
        seen.add(entry.id)
        for path in dict.fromkeys(entry.paths):
            times, first = found.get(path, (0, stored.position))
            found[path] = (max(times + (0 if again else 1), 1), first)
    return found


LOG_FILES: Final[Mapping[str, tuple[str, Parts]]] = MappingProxyType(
    {
        "prompt.txt": ("The prompt exactly as it was sent.", prompt_text),
        "text.txt": ("What the agent said.", agent_text),
        "tools.jsonl": ("Each tool call with its result.", tool_lines),
        "summary.jsonl": ("Session, usage, files, problems and ends of turns.", summary_lines),
    }
)
"""Name -> what is in it, and how it is made."""
