"""What `codex exec --json` writes. Nothing can be said to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from muster.agents.codex_items import Items, of_exec, usage_of
from muster.agents.failures import failure_of, status_in
from muster.agents.oneshot import JsonOneShot
from muster.agents.wire import obj, text
from muster.domain.transcript import Entry, Problem, SessionStarted, TurnEnded, UsageReport

_RETRY: Final = re.compile(r"Reconnecting\.\.\. \d+/\d+")


class CodexExecConversation(JsonOneShot):
    """One run of `codex exec --json`."""

    agent = "codex-exec"

    def __init__(self) -> None:
        super().__init__()
        self._items = Items()

    def entries_in(self, message: Mapping[str, Any]) -> list[Entry] | None:
        """What a message says."""
        match message.get("type"):
            case "thread.started":
                return [SessionStarted(session=text(message.get("thread_id")))]
            case "turn.started":
                self.signs.begin()
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
                told = problem == self.signs.problem
                return [*([] if told else [problem]), TurnEnded(ok=False, reason="failed")]
            case "turn.completed":
                # The usage is that of the whole thread, earlier runs included.
                used = usage_of(of_exec(obj(message.get("usage"))))
                return [
                    UsageReport(usage=used, total=True),
                    TurnEnded(ok=True, text=self.signs.text, reason="completed"),
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
