"""muster's own line protocol: an agent that prints transcript entries as JSON, one a line.

Documented in docs/reference/agent-tasks.md. What we write: `{"type": "prompt", "text", "system", "session",
"fork", "model", "script"}` first, then `{"type": "answer", "id", "kind", "option", "text"}`,
`{"type": "say", "text"}` and `{"type": "interrupt"}`; the end of standard input ends the agent.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from muster.agents.adapter import Answer, Ended, Step, Verdict
from muster.agents.jsonl import Lines, decode, encode, shown
from muster.agents.verdict import Signs
from muster.domain.transcript import ENTRIES, Entry, PermissionRequest, Question, TurnEnded, Unknown

_BY_KIND: Final = {entry.kind: entry for entry in ENTRIES}


@dataclass(slots=True)
class EntryConversation:
    """A conversation with an agent that speaks the line protocol."""

    prompt: dict[str, Any]
    _lines: Lines = field(default_factory=Lines)
    _signs: Signs = field(default_factory=Signs)
    _waiting: set[str] = field(default_factory=set[str])

    def start(self) -> bytes:
        """The prompt."""
        return encode({"type": "prompt", **self.prompt})

    def feed(self, data: bytes) -> Step:
        """Standard output."""
        return self._read(self._lines.feed(data))

    def feed_error(self, data: bytes) -> Step:
        """Standard error: kept by whoever runs the program."""
        return Step()

    def answer(self, request: str, answer: Answer) -> Step:
        """Hand an answer over."""
        if request not in self._waiting:
            return Step()
        self._waiting.discard(request)
        told = {"type": "answer", "id": request, "kind": answer.kind, "option": answer.option}
        return Step(send=encode({**told, "text": answer.text}))

    def say(self, text: str) -> Step:
        """The next message of ours."""
        self._signs.begin()
        return Step(send=encode({"type": "say", "text": text}))

    def interrupt(self) -> Step:
        """Stop the turn."""
        return Step(send=encode({"type": "interrupt"}))

    def finish(self, ended: Ended) -> tuple[Step, Verdict]:
        """Judge by the last result, by how the program ended and by its errors."""
        step = self._read(self._lines.flush())
        verdict = self._signs.judge(ended)
        if verdict.ok and ended.code:
            # Its own end is part of the protocol: a status that says it failed is believed.
            words = f"it ended with status {ended.code} after its turn"
            return step, replace(verdict, ok=False, code="exit_nonzero", message=words)
        return step, verdict

    def _read(self, lines: list[bytes]) -> Step:
        entries = [_entry(line) for line in lines]
        self._signs.see(entries)
        self._waiting.update(
            entry.id for entry in entries if isinstance(entry, (PermissionRequest, Question))
        )
        return Step(entries=entries, turn_over=any(isinstance(entry, TurnEnded) for entry in entries))


def _entry(line: bytes) -> Entry:
    found = decode(line)
    shape = None if found is None else _BY_KIND.get(str(found.pop("kind", "")))
    if shape is None:
        return Unknown(shown(line))
    try:
        return msgspec.convert(found, shape)
    except msgspec.ValidationError:
        return Unknown(shown(line))
