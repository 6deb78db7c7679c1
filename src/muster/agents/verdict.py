"""The judgement of an attempt, from all signs together: the turn's claim, errors, silence, exit status and stderr."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from muster.agents.adapter import Ended, Verdict
from muster.agents.failures import failure_of, reset_in
from muster.domain.transcript import (
    Entry,
    Message,
    Problem,
    SessionStarted,
    ToolCall,
    ToolResult,
    TurnEnded,
    UsageReport,
)
from muster.domain.usage import TokenUsage

PROVIDER: Final = frozenset({"auth_failed", "rate_limited", "quota_exhausted", "provider_unavailable"})
_GAVE_UP: Final = "it ended its turn without a word after a use of a tool was denied"
_SIGNALS: Final = {130: 2, 137: 9, 143: 15}
"""Exit codes of programs that end by themselves when a signal asks them to."""
_STDERR_LINES: Final = 5
_LONGEST_MESSAGE: Final = 2000


@dataclass(slots=True)
class Signs:
    """What the entries of a conversation say of how it went. Of several turns the last one decides."""

    session: str | None = None
    text: str = ""
    usage: TokenUsage | None = None
    cost_usd: float | None = None
    turn: TurnEnded | None = None
    problem: Problem | None = None
    _words: list[str] = field(default_factory=list[str])
    _open: bool = False
    _denied: bool = False

    @property
    def said(self) -> str:
        """The agent's last word, as far as it has come."""
        return "".join(self._words) if self._open else self.text

    @property
    def denied(self) -> bool:
        """Whether the last thing that happened is that a use of a tool was denied."""
        return self._denied

    def begin(self) -> None:
        """A turn begins; what was wrong before it is forgiven."""
        self.turn = None
        self.problem = None
        self._denied = False

    def see(self, entries: Iterable[Entry]) -> None:
        """Take in entries, in order."""
        for entry in entries:
            match entry:
                case Message():
                    if entry.role == "agent" and not entry.parent:
                        self._hear(entry)
                case ToolCall():
                    self._denied = False
                case ToolResult():
                    self._denied = entry.status == "denied"
                case Problem():
                    self._mind(entry)
                case UsageReport():
                    self._count(entry)
                case SessionStarted():
                    self.session = entry.session or self.session
                case TurnEnded():
                    self.turn = entry
                    self.text = entry.text or self.text
                case _:
                    pass

    def judge(self, ended: Ended) -> Verdict:
        """The verdict on the program's end."""
        code, message = self._failure(ended)
        problem = self.problem
        return Verdict(
            ok=not code,
            code=code,
            message=message[:_LONGEST_MESSAGE],
            text=self.text,
            session=self.session,
            usage=self.usage,
            cost_usd=self.cost_usd,
            resets_at=problem.resets_at if problem is not None and code else None,
        )

    def _failure(self, ended: Ended) -> tuple[str, str]:
        match ended.stopped:
            case "cancelled":
                return "killed_by_signal", "it was cancelled"
            case "timeout":
                return self._at_the_provider() or ("timeout", "it ran too long and was stopped")
            case "limit":
                return "output_limit", "it went over a limit of its sandbox and was stopped"
            case "":
                return self._own_end(ended)

    def _own_end(self, ended: Ended) -> tuple[str, str]:
        turn, problem = self.turn, self.problem
        if turn is not None and turn.ok:
            return ("agent_error", _GAVE_UP) if self._denied else ("", "")
        if problem is not None and (turn is not None or not problem.retrying):
            return problem.code, problem.message
        if turn is not None:
            return "agent_error", turn.text or f"its turn ended with {turn.reason or 'an error'}"
        return self._at_the_provider() or _exit(ended)

    def _at_the_provider(self) -> tuple[str, str] | None:
        """It was still trying to reach the provider."""
        problem = self.problem
        return (problem.code, problem.message) if problem is not None and problem.code in PROVIDER else None

    def _hear(self, message: Message) -> None:
        if not self._open:
            self._words.clear()
        self._words.append(message.text)
        self._denied = self._denied and not message.text
        self._open = message.more
        if not message.more:
            self.text = "".join(self._words)
            if self.problem is not None and self.problem.retrying:
                self.problem = None

    def _mind(self, problem: Problem) -> None:
        before = self.problem
        if problem.resets_at is None:
            known = before.resets_at if before is not None and before.code == problem.code else None
            problem = replace(problem, resets_at=known or reset_in(problem.message))
        self.problem = problem

    def _count(self, report: UsageReport) -> None:
        if report.usage is not None:
            self.usage = report.usage if report.total or self.usage is None else self.usage + report.usage
        if report.cost_usd is not None:
            before = 0.0 if report.total or self.cost_usd is None else self.cost_usd
            self.cost_usd = before + report.cost_usd


def _exit(ended: Ended) -> tuple[str, str]:
    """How a program ended that never finished its turn."""
    said = " / ".join(ended.stderr.strip().splitlines()[-_STDERR_LINES:])
    complaint = f": {said}" if said else ""
    signal = ended.signal if ended.signal is not None else _SIGNALS.get(ended.code or 0)
    if signal is not None:
        return (
            "killed_by_signal",
            f"it was ended by signal {signal} before its turn was over{complaint}",
        )
    if ended.code:
        code = failure_of(said, otherwise="exit_nonzero")
        return code, f"it ended with status {ended.code} before its turn was over{complaint}"
    return "agent_error", f"it ended before its turn was over{complaint}"
