"""muster's own line protocol: an agent that prints transcript entries as JSON, one a line.

Documented in docs/reference/agent-protocol.md. What we write: `{"type": "prompt", "text", "system", "session",
"fork", "model", "script"}` first, then `{"type": "answer", "id", "kind", "option", "text"}`,
`{"type": "say", "text"}` and `{"type": "interrupt"}`; the end of standard input ends the agent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from muster.agents.adapter import Answer, Ended, Step, Verdict
from muster.agents.failures import Failure
from muster.agents.jsonl import Lines, read_object, shown, write_object
from muster.agents.judgement import ended_badly
from muster.domain.transcript import (
    ENTRIES,
    PermissionRequest,
    Problem,
    Question,
    SessionStarted,
    TurnEnded,
    Unknown,
    UsageReport,
)
from muster.domain.usage import TokenUsage

STDERR_KEPT: Final = 4_000
_BY_KIND: Final = {entry.kind: entry for entry in ENTRIES}


@dataclass(slots=True)
class EntryConversation:
    """A conversation with an agent that speaks the line protocol."""

    prompt: dict[str, Any]
    _lines: Lines = field(default_factory=Lines)
    _waiting: set[str] = field(default_factory=set[str])
    _session: str | None = None
    _result: TurnEnded | None = None
    _problem: Problem | None = None
    _usage: TokenUsage = field(default_factory=TokenUsage)
    _cost_usd: float | None = None
    _errors: str = ""

    def start(self) -> bytes:
        """The prompt."""
        return write_object({"type": "prompt", **self.prompt})

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
        """Hand an answer over."""
        if request not in self._waiting:
            return Step()
        self._waiting.discard(request)
        told = {"type": "answer", "id": request, "kind": answer.kind, "option": answer.option}
        return Step(send=write_object({**told, "text": answer.text}))

    def say(self, text: str) -> Step:
        """The next message of ours."""
        return Step(send=write_object({"type": "say", "text": text}))

    def interrupt(self) -> Step:
        """Stop the turn."""
        return Step(send=write_object({"type": "interrupt"}))

    def finish(self, ended: Ended) -> tuple[Step, Verdict]:
        """Judge by the last result, by how the program ended and by its errors."""
        step = Step()
        for line in self._lines.flush():
            self._line(line, step)
        return step, self._verdict(ended)

    def _line(self, line: bytes, step: Step) -> None:
        found = read_object(line)
        shape = None if found is None else _BY_KIND.get(str(found.pop("kind", "")))
        try:
            entry = None if shape is None else msgspec.convert(found, shape)
        except msgspec.ValidationError:
            entry = None
        if entry is None:
            step.entries.append(Unknown(shown(line)))
            return
        step.entries.append(entry)
        match entry:
            case SessionStarted(session=session):
                self._session = session
            case PermissionRequest(id=ident) | Question(id=ident):
                self._waiting.add(ident)
            case Problem():
                self._problem = entry
            case UsageReport():
                self._count(entry)
            case TurnEnded():
                self._result = entry
                step.turn_over = True
            case _:
                pass

    def _count(self, report: UsageReport) -> None:
        if report.usage is not None:
            self._usage = report.usage if report.total else self._usage + report.usage
        if report.cost_usd is not None:
            self._cost_usd = report.cost_usd if report.total else (self._cost_usd or 0) + report.cost_usd

    def _verdict(self, ended: Ended) -> Verdict:
        result, problem = self._result, self._problem
        used: dict[str, Any] = {"session": self._session, "usage": self._usage, "cost_usd": self._cost_usd}
        failure = None if problem is None else Failure(problem.code, problem.resets_at)
        if result is not None and result.ok and ended.code == 0 and not ended.stopped:
            return Verdict(ok=True, text=result.text, **used)
        if result is None or ended.stopped or (result.ok and ended.code != 0):
            words = "" if problem is None else problem.message
            bad = ended_badly(ended, failure, words, self._errors, self._session)
            return Verdict(ok=False, code=bad.code, message=bad.message, resets_at=bad.resets_at, **used)
        return Verdict(
            ok=False,
            code="agent_error" if failure is None else failure.code,
            message=result.text or result.reason or "it says that it failed",
            text=result.text,
            resets_at=None if failure is None else failure.resets_at,
            **used,
        )
