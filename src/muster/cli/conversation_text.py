"""A conversation as lines for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, assert_never, cast

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
from muster.domain.transcript_flow import Stored
from muster.domain.transcript_markdown import AnyEntry, usage_words

Line = tuple[str, str]
"""Text and its style."""
FOLDED: Final = 8
_BOXES: Final = {"pending": "[ ]", "in_progress": "[~]", "completed": "[x]"}


class Screen:
    """Turns entries into lines. `whole`: nothing is folded."""

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._speaker = ""

    def lines(self, stored: Stored) -> Iterator[Line]:
        """The lines of an entry."""
        entry = cast(AnyEntry, stored.entry)
        if isinstance(entry, Message):
            yield from self._message(entry, stored.at)
            return
        if not isinstance(entry, UsageReport | Thinking):
            self._speaker = ""
        yield from self._other(entry)

    def _message(self, entry: Message, at: int) -> Iterator[Line]:
        if entry.role != self._speaker:
            yield "", ""
            yield f"{entry.role}  {_clock(at)}", "bold"
        self._speaker = entry.role
        for line in entry.text.splitlines() or [""]:
            yield line, "dim" if entry.role == "system" else ""

    def _other(self, entry: AnyEntry) -> Iterator[Line]:
        match entry:
            case Thinking():
                yield from self._folded(entry.text, "~ ", "dim")
            case ToolCall():
                yield f"> {entry.name} {_of_call(entry)}".rstrip(), "cyan"
            case ToolResult():
                yield from self._result(entry)
            case PermissionRequest() | Question():
                yield from _asked(entry)
            case Unknown():
                yield from self._folded(entry.line, "  ", "dim")
            case Message():
                return
            case _:
                yield from _note(entry)

    def _result(self, entry: ToolResult) -> Iterator[Line]:
        bad = entry.status != "completed"
        code = f", exit code {entry.exit_code}" if entry.exit_code else ""
        if bad or code:
            yield f"  {entry.status}{code}", "red" if bad else "yellow"
        yield from self._folded(entry.output or entry.diff, "  | ", "dim")

    def _folded(self, text: str, mark: str, style: str) -> Iterator[Line]:
        lines = text.splitlines()
        shown = lines if self._whole or len(lines) <= FOLDED + 1 else lines[:FOLDED]
        yield from ((f"{mark}{line}", style) for line in shown)
        if len(shown) < len(lines):
            yield f"{mark}... {len(lines) - len(shown)} more lines", style


def _note(entry: Plan | UsageReport | FileChange | Problem | SessionStarted | TurnEnded) -> Iterator[Line]:
    match entry:
        case Plan():
            yield "plan", "bold"
            yield from (
                (f"  {_BOXES.get(item.status, '[ ]')} {_line(item.text)}", "") for item in entry.items
            )
        case UsageReport():
            words = usage_words(entry)
            yield from [(f"  {words}", "dim")] if words else []
        case FileChange():
            moved = f" from {_line(entry.old_path)}" if entry.old_path else ""
            yield f"  {entry.change} {_line(entry.path)}{moved}", "green"
        case Problem():
            again = " (it tries again)" if entry.retrying else ""
            yield f"! {_line(entry.code)}: {_line(entry.message)}{again}", "red"
        case SessionStarted():
            parts = [entry.model, entry.version, entry.mode]
            yield (
                f"session {_line(entry.session)} {', '.join(_line(part) for part in parts if part)}".rstrip(),
                "dim",
            )
        case TurnEnded():
            said = "done" if entry.ok else "not done"
            yield f"= {said} {_line(entry.reason)}".rstrip(), "green" if entry.ok else "red"
        case _:
            assert_never(entry)


def _of_call(entry: ToolCall) -> str:
    shown = entry.command or entry.title or ", ".join(entry.paths)
    if not shown and entry.input:
        shown = json.dumps(entry.input, ensure_ascii=False)
    text = _line(shown)
    return text if len(text) <= 300 else text[:299] + "\u2026"


def _asked(entry: PermissionRequest | Question) -> Iterator[Line]:
    if isinstance(entry, PermissionRequest):
        yield f"? {_line(entry.title)}", "yellow"
        for line in (entry.command or entry.diff).splitlines():
            yield f"  {line}", "yellow"
    else:
        yield f"? {_line(entry.text)}", "yellow"
    if entry.options:
        yield f"  [{' | '.join(_label(option) for option in entry.options)}]", "yellow"


def _label(option: Option) -> str:
    return _line(option.label)


def _line(text: str) -> str:
    return " ".join(text.split())


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000_000, UTC).astimezone().strftime("%H:%M:%S")
