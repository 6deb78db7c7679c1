"""Task classes: how long tasks of a kind may take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from muster.domain.checks import check_count, check_text
from muster.domain.errors import InvalidInput

BUILT_IN: Final = ("FAST_SCRIPT", "MEDIUM_SCRIPT", "LLM_LITE", "LLM_HEAVY")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_SHORTEST_US: Final = 1_000
_LONGEST_US: Final = 7 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class TaskClass:
    """A class: its timeout in microseconds, and whether its tasks may use the network unless they say otherwise."""

    name: str
    timeout_us: int
    description: str = ""
    network: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(
                field="name", problem="must be a letter and up to 63 letters, digits, dashes or underscores"
            )
        check_count("timeout_us", self.timeout_us, _SHORTEST_US, _LONGEST_US)
        check_text("description", self.description, 2_000)
