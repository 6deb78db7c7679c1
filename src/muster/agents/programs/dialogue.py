"""The agent's side of muster's line protocol: entries out, the prompt, answers and follow-ups in."""

from __future__ import annotations

import json
import queue
import sys
import threading
from typing import Any, Final

Json = dict[str, Any]
END: Final[Json] = {"type": "end"}


class Interrupted(Exception):
    """The turn is to stop."""


class Dialogue:
    """Reads standard input in the background. `interrupted` says whether the turn is to stop."""

    def __init__(self) -> None:
        self._words: queue.Queue[Json] = queue.Queue()
        self._answers: queue.Queue[Json] = queue.Queue()
        self._requests = 0
        self.interrupted = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            word: Json = json.loads(line)
            if word["type"] == "interrupt":
                self.interrupted.set()
                self._answers.put(END)
            elif word["type"] == "answer":
                self._answers.put(word)
            else:
                self._words.put(word)
        self._answers.put(END)
        self._words.put(END)

    def next(self) -> Json:
        """The prompt or the next follow-up; `{"type": "end"}` when there is none any more. Waits for it."""
        word = self._words.get()
        self.interrupted.clear()
        return word

    def tell(self, kind: str, **fields: Any) -> None:
        """One entry."""
        sys.stdout.write(json.dumps({"kind": kind, **fields}, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def ask(self, kind: str, **fields: Any) -> Json:
        """Ask for leave or for an answer, and wait for it. Interrupted when the turn stops meanwhile."""
        self._requests += 1
        ident = f"ask-{self._requests}"
        self.tell(kind, id=ident, **fields)
        while True:
            answer = self._answers.get()
            if answer is END:
                raise Interrupted
            if answer.get("id") == ident:
                return answer

    def pause(self, seconds: float) -> None:
        """Wait, unless the turn is to stop."""
        if self.interrupted.wait(seconds):
            raise Interrupted
