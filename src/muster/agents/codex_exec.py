"""What `codex exec --json` writes. Nothing can be said to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from muster.agents.adapter import Answer, Ended, Step, Unsupported, Verdict
from muster.agents.codex_items import Items, of_exec, usage_of
from muster.agents.failures import failure_of, status_in
from muster.agents.jsonl import Lines, decode, shown
from muster.agents.verdict import Signs
from muster.agents.wire import obj, text
from muster.domain.transcript import Entry, Problem, SessionStarted, TurnEnded, Unknown, UsageReport

_RETRY: Final = re.compile(r"Reconnecting\.\.\. \d+/\d+")


class CodexExecConversation:
    """One run of `codex exec --json`."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._signs = Signs()
        self._items = Items()

    def start(self) -> bytes:
        """Nothing: what is on standard input would become part of the prompt."""
        return b""

    def feed(self, data: bytes) -> Step:
        """Standard output."""
        return self._read(self._lines.feed(data))

    def feed_error(self, data: bytes) -> Step:
        """Standard error: logs."""
        return Step()

    def answer(self, request: str, answer: Answer) -> Step:
        """It never asks."""
        return Step()

    def say(self, text: str) -> Step:
        """It takes no follow-up."""
        raise Unsupported(agent="codex-exec", what="take a message while it runs; use codex")

    def interrupt(self) -> Step:
        """Only by a signal."""
        return Step()

    def finish(self, ended: Ended) -> tuple[Step, Verdict]:
        """The rest, and the judgement."""
        step = self._read(self._lines.flush())
        return step, self._signs.judge(ended)

    def _read(self, lines: list[bytes]) -> Step:
        step = Step()
        for line in lines:
            message = decode(line)
            entries = self._entries(message) if message is not None else None
            entries = [Unknown(line=shown(line))] if entries is None else entries
            step.entries += entries
            step.turn_over = step.turn_over or any(isinstance(entry, TurnEnded) for entry in entries)
            self._signs.see(entries)
        return step

    def _entries(self, message: Mapping[str, Any]) -> list[Entry] | None:
        match message.get("type"):
            case "thread.started":
                return [SessionStarted(session=text(message.get("thread_id")))]
            case "turn.started":
                self._signs.begin()
                return []
            case "item.started":
                return self._items.started(of_exec(obj(message.get("item"))))
            case "item.updated":
                return self._updated(of_exec(obj(message.get("item"))))
            case "item.completed":
                return self._items.completed(of_exec(obj(message.get("item"))))
            case "error":
                return [_problem(text(message.get("message")))]
            case "turn.failed":
                problem = _problem(text(obj(message.get("error")).get("message")))
                told = problem == self._signs.problem
                return [*([] if told else [problem]), TurnEnded(ok=False, reason="failed")]
            case "turn.completed":
                # The usage is that of the whole thread, earlier runs included.
                used = usage_of(of_exec(obj(message.get("usage"))))
                return [
                    UsageReport(usage=used, total=True),
                    TurnEnded(ok=True, text=self._signs.text, reason="completed"),
                ]
            case _:
                return None

    def _updated(self, item: Mapping[str, Any]) -> list[Entry]:
        """Only a plan is told anew while it changes."""
        return (self._items.completed(item) or []) if item.get("type") == "todoList" else []


def _problem(said: str) -> Problem:
    status = status_in(said)
    return Problem(
        code=failure_of(said, status), message=said, retrying=bool(_RETRY.match(said)), status=status
    )
