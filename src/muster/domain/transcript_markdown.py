"""A transcript as a Markdown document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final, assert_never, cast

from muster.domain.times import iso
from muster.domain.transcript import (
    FileChange,
    Message,
    Option,
    PermissionRequest,
    Plan,
    Problem,
    Question,
    SessionStarted,
    Thinking,
    ToolCall,
    ToolResult,
    TurnEnded,
    Unknown,
    UsageReport,
)
from muster.domain.transcript_flow import Stored, joined

AnyEntry = (
    SessionStarted
    | Message
    | Thinking
    | ToolCall
    | ToolResult
    | Plan
    | UsageReport
    | PermissionRequest
    | Question
    | FileChange
    | Problem
    | TurnEnded
    | Unknown
)
_TICKS: Final = re.compile(r"`+")
_SPEAKERS: Final = {"agent": "Agent", "user": "User", "system": "System"}
_BOXES: Final = {"pending": "[ ]", "in_progress": "[~]", "completed": "[x]"}


def markdown_of(title: str, entries: Iterable[Stored]) -> Iterator[str]:
    """The document's parts; each ends with a newline."""
    yield f"# {_line(title)}\n"
    speaker = ""
    for stored in joined(entries):
        entry = cast(AnyEntry, stored.entry)
        if isinstance(entry, Message):
            said = _SPEAKERS.get(entry.role, entry.role)
            if said != speaker:
                yield f"\n## {said} ({iso(stored.at)})\n"
            speaker = said
        else:
            speaker = speaker if isinstance(entry, UsageReport) else ""
        part = "\n".join(_part(entry))
        if part:
            yield f"\n{part}\n"


def _part(entry: AnyEntry) -> Iterator[str]:
    match entry:
        case Message():
            yield entry.text
        case Thinking():
            yield from _folded("Thinking", entry.text)
        case ToolCall():
            yield from _call(entry)
        case ToolResult():
            yield from _result(entry)
        case PermissionRequest() | Question():
            yield from _asked(entry)
        case Unknown():
            yield from _folded("Not understood", entry.line)
        case _:
            yield from _note(entry)


def _note(
    entry: Plan | UsageReport | FileChange | Problem | SessionStarted | TurnEnded,
) -> Iterator[str]:
    match entry:
        case Plan():
            yield "**Plan**"
            yield ""
            yield from (f"- {_BOXES.get(item.status, '[ ]')} {_line(item.text)}" for item in entry.items)
        case UsageReport():
            words = usage_words(entry)
            yield from [f"*{words}*"] if words else []
        case FileChange():
            yield f"**{str(entry.change).capitalize()}** {_code(entry.path)}{_renamed(entry)}"
            yield from _fence(entry.diff, "diff")
        case Problem():
            again = " The agent tries again." if entry.retrying else ""
            yield f"> **{_line(entry.code)}**: {_line(entry.message)}{again}"
        case SessionStarted():
            parts = [f"Session {_code(entry.session)}", entry.model, entry.version, entry.mode]
            yield f"*{', '.join(_line(part) for part in parts if part)}*"
        case TurnEnded():
            yield f"**{'Done' if entry.ok else 'Not done'}** {_line(entry.reason)}".rstrip()
        case _:
            assert_never(entry)


def _call(entry: ToolCall) -> Iterator[str]:
    yield f"**{_line(entry.name)}** {_line(entry.title)}".rstrip()
    if entry.command:
        yield from _fence(entry.command, "sh")
    elif entry.input:
        yield from _fence(json.dumps(entry.input, indent=2, ensure_ascii=False), "json")


def _result(entry: ToolResult) -> Iterator[str]:
    exit_code = "" if entry.exit_code is None else f", exit code {entry.exit_code}"
    yield f"*{entry.status}{exit_code}*"
    yield from _fence(entry.output, "")
    yield from _fence(entry.diff, "diff")


def _asked(entry: PermissionRequest | Question) -> Iterator[str]:
    if isinstance(entry, PermissionRequest):
        yield f"**Permission asked**: {_line(entry.title)}"
        yield from _fence(entry.command, "sh")
        yield from _fence(entry.diff, "diff")
    else:
        yield f"**Question**: {_line(entry.text)}"
    yield from _options(entry.options)


def _options(options: Iterable[Option]) -> Iterator[str]:
    lines = [f"- {_line(option.label)}" for option in options]
    yield from ["", *lines] if lines else []


def _renamed(entry: FileChange) -> str:
    return f" from {_code(entry.old_path)}" if entry.old_path else ""


def _folded(title: str, text: str) -> Iterator[str]:
    yield f"<details><summary>{title}</summary>"
    yield from _fence(text, "")
    yield ""
    yield "</details>"


def _fence(text: str, language: str) -> Iterator[str]:
    if text:
        ticks = "`" * max(3, _longest(text) + 1)
        yield f"\n{ticks}{language}\n{text.rstrip(chr(10))}\n{ticks}"


def _longest(text: str) -> int:
    return max((len(run) for run in _TICKS.findall(text)), default=0)


def _code(text: str) -> str:
    ticks = "`" * (_longest(text) + 1)
    space = " " if len(ticks) > 1 else ""
    return f"{ticks}{space}{_line(text)}{space}{ticks}"


def _line(text: str) -> str:
    return " ".join(text.split())


def usage_words(entry: UsageReport) -> str:
    """What an agent says it used, in words; empty when it says nothing."""
    parts: list[str] = []
    if entry.usage is not None:
        parts.append(f"{entry.usage.context} tokens in, {entry.usage.output} out")
    if entry.cost_usd is not None:
        parts.append(f"${entry.cost_usd:.4f}")
    if entry.context_used is not None:
        window = "" if entry.context_window is None else f" of {entry.context_window}"
        parts.append(f"context {entry.context_used}{window}")
    return ", ".join(parts)
