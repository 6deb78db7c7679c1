"""One run of a program that is given its prompt at the start, says what it does, and ends. Nothing can be said to it.

A parser is a subclass: it makes entries of a line, and of the end of the program where that is what ends the turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from muster.agents.adapter import AgentSpec, Answer, BadAgentSpec, Ended, Step, Unsupported, Verdict
from muster.agents.jsonl import Lines, decode, shown
from muster.agents.verdict import Signs
from muster.domain.transcript import Entry, TurnEnded, Unknown

LONGEST_ARGUMENT: Final = 120_000
"""Bytes; Linux takes 131 072 in one argument."""
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


class OneShot:
    """What all such conversations have in common. `entries_of` and `entries_at_end` are the parser."""

    agent: ClassVar[str]
    blank_lines: ClassVar[bool] = False
    """Whether empty lines mean something."""

    def __init__(self) -> None:
        self.signs = Signs()
        self._lines = Lines(blank=self.blank_lines)
        self._errors = Lines()

    def entries_of(self, line: bytes) -> list[Entry] | None:
        """What a line says; None when this version does not know it."""
        raise NotImplementedError

    def entries_of_error(self, line: bytes) -> list[Entry]:
        """What a line of standard error says: for most nothing, as its end is judged."""
        return []

    def entries_at_end(self, ended: Ended) -> list[Entry]:
        """What the end of the program says."""
        return []

    def start(self) -> bytes:
        """Nothing: standard input is empty."""
        return b""

    def feed(self, data: bytes) -> Step:
        """Standard output."""
        return self._read(self._lines.feed(data))

    def feed_error(self, data: bytes) -> Step:
        """Standard error."""
        step = Step()
        for line in self._errors.feed(data):
            self._take(self.entries_of_error(line), step)
        return step

    def answer(self, request: str, answer: Answer) -> Step:
        """It never asks."""
        return Step()

    def say(self, text: str) -> Step:
        """It takes no follow-up."""
        raise Unsupported(agent=self.agent, what="take a message while it runs")

    def interrupt(self) -> Step:
        """Only by a signal."""
        return Step()

    def finish(self, ended: Ended) -> tuple[Step, Verdict]:
        """The rest, and the judgement."""
        step = self._read(self._lines.flush())
        self._take(self.entries_at_end(ended), step)
        return step, self.signs.judge(ended)

    def _read(self, lines: list[bytes]) -> Step:
        step = Step()
        for line in lines:
            entries = self.entries_of(line)
            self._take([Unknown(line=shown(line))] if entries is None else entries, step)
        return step

    def _take(self, entries: list[Entry], step: Step) -> None:
        if entries:
            self.signs.see(entries)
            step.entries += entries
            step.turn_over = step.turn_over or isinstance(entries[-1], TurnEnded)


class JsonOneShot(OneShot):
    """One whose lines are JSON objects."""

    def entries_of(self, line: bytes) -> list[Entry] | None:
        """What a line says."""
        message = decode(line)
        return None if message is None else self.entries_in(message)

    def entries_in(self, message: Mapping[str, Any]) -> list[Entry] | None:
        """What a message says; None when this version does not know it."""
        raise NotImplementedError


def plain_text(line: bytes) -> str:
    """A line for people as text: without colours, and of what was written over itself the last."""
    words = line.decode("utf-8", "replace")
    if "\x1b" in words:
        words = _ESCAPES.sub("", words)
    return words.rstrip("\r").rpartition("\r")[2]


def check_options(spec: AgentSpec, known: tuple[str, ...]) -> None:
    """BadAgentSpec for an option that this agent does not have."""
    for name in spec.options:
        if name not in known:
            words = f"it has {', '.join(known)}" if known else "it has none"
            raise BadAgentSpec(field=f"payload.agent_options.{name}", problem=f"is not known; {words}")


def refuse(spec: AgentSpec, agent: str, *cannot: str) -> None:
    """BadAgentSpec for each of `fork`, `max_turns`, `mcp`, `session`, `tools` that is asked of an agent without it."""
    asked = {
        "fork": spec.fork,
        "max_turns": spec.max_turns is not None,
        "mcp": bool(spec.mcp),
        "session": spec.session is not None,
        "tools": spec.tools is not None,
    }
    for name in cannot:
        if asked[name]:
            field = "resume" if name == "session" else name
            raise BadAgentSpec(field=f"payload.{field}", problem=f"{agent} does not have this")
    if spec.fork and spec.session is None:
        raise BadAgentSpec(field="payload.fork", problem="needs a session to copy")


def prompt_argument(spec: AgentSpec) -> str:
    """The prompt for a command line, after the instructions where the agent has no other place for them."""
    first = spec.session is None and spec.system_prompt
    return fitting(f"{spec.system_prompt}\n\n{spec.prompt}" if first else spec.prompt)


def fitting(prompt: str) -> str:
    """The prompt, if it fits into one argument; BadAgentSpec otherwise."""
    if len(prompt.encode()) > LONGEST_ARGUMENT:
        problem = f"is longer than the {LONGEST_ARGUMENT} bytes this agent takes: put the rest into a file of the repository"
        raise BadAgentSpec(field="payload.prompt", problem=problem)
    return prompt


def environment(spec: AgentSpec, own: Mapping[str, str], way: Mapping[str, str]) -> dict[str, str]:
    """The agent's own variables, over them the task's, over those the way to models: a task does not lead past the gateway."""
    return {**own, **spec.env, **way}
