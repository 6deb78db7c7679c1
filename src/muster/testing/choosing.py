"""Which scenario a call belongs to and which of its turns comes next: read off the conversation alone.

Nothing is remembered from call to call, so any number of agents can share a server. A prompt chooses by a marker,
`[[scenario:NAME]]` or `[[steps:JSON]]`; the last prompt with one counts. The turn is the number of tool results since.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.testing.conversation import Asked, Item
from muster.testing.scenarios import Scenario, Turn, read_scenario

SCENARIO: Final = re.compile(r"\[\[scenario:([A-Za-z0-9_-]+)\]\]")
RUN: Final = re.compile(r"\[\[run:([A-Za-z0-9_.-]+)\]\]")
_STEPS: Final = "[[steps:"
_REMINDERS: Final = re.compile(
    r"<(system-reminder|environment_context|user_instructions)>.*?</\1>", re.DOTALL
)
_decode: Final = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A turn of a scenario. `run` is what the prompt calls itself by `[[run:NAME]]`."""

    scenario: Scenario
    at: int
    run: str = ""

    @property
    def turn(self) -> Turn:
        """The turn itself."""
        return self.scenario.turns[self.at]


def choose(asked: Asked, scenarios: Mapping[str, Scenario], otherwise: str) -> Choice:
    """The turn that answers it; BadScenario when the steps in the prompt are none. `otherwise`: where no prompt has a marker."""
    scenario: Scenario | None = None
    start, last, run = -1, -1, ""
    for at, item in enumerate(asked.items):
        if item.role != "user":
            continue
        run = ([run, *RUN.findall(item.text)])[-1]
        if spoken_in(item.text):
            last = at
        found = _marked(item.text, scenarios)
        if found is not None:
            scenario, start = found, at
    if scenario is None:
        scenario, start = _named(otherwise, scenarios), last
    return Choice(scenario=scenario, at=_next(scenario, asked.items[start + 1 :]), run=run)


def has_marker(text: str) -> bool:
    """Whether a prompt chooses a scenario."""
    return _STEPS in text or SCENARIO.search(text) is not None


def spoken_in(text: str) -> str:
    """What a person said, without what the agent wraps around it."""
    return _REMINDERS.sub("", text).strip()


def _marked(text: str, scenarios: Mapping[str, Scenario]) -> Scenario | None:
    _, found, rest = text.rpartition(_STEPS)
    if found:
        steps = _steps(rest)
        if steps is not None:
            return read_scenario("inline", steps)
    names = SCENARIO.findall(text)
    return _named(names[-1], scenarios) if names else None


def _steps(text: str) -> Any:
    try:
        return _decode(text)[0]
    except ValueError:
        return None


def _named(name: str, scenarios: Mapping[str, Scenario]) -> Scenario:
    return scenarios.get(name) or read_scenario(name, [{"final": f"There is no scenario named {name!r}."}])


def _next(scenario: Scenario, since: Sequence[Item]) -> int:
    results = sum(item.role == "result" for item in since)
    at, seen = 0, 0
    # Calls made at once give several results for one turn.
    while at < len(scenario.turns) - 1 and seen < results:
        seen += max(1, len(scenario.turns[at].calls))
        at += 1
    return at
