"""The isolation level that a task demands: its own, else its queue's, else its project's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from muster.domain.agent_task import AGENT_LABEL, SANDBOX_LABEL
from muster.domain.checks import check_name
from muster.domain.errors import InvalidInput
from muster.domain.task import PROGRAMS, TaskKind

RUN_BY_WORKERS: Final = PROGRAMS | {TaskKind.LLM}
MAX_LEVEL: Final = 50


def check_level(level: str | None) -> None:
    """InvalidInput for what cannot be the name of a level. Which levels there are is for the workers to say."""
    if level is None:
        return
    check_name("sandbox", level, MAX_LEVEL)
    if "," in level:
        raise InvalidInput(field="sandbox", problem="must be the name of one isolation level")


def with_level(requires: Sequence[str], kind: str, *usual: str | None) -> tuple[str, ...]:
    """The labels a task requires of its worker, with the first level of `usual` where it demands none itself.

    What people and agents elsewhere do runs in no sandbox of ours, so that nothing is demanded for it.
    """
    level = next((level for level in usual if level is not None), None)
    named = any(label.startswith(SANDBOX_LABEL) for label in requires)
    ours = kind in RUN_BY_WORKERS or any(label.startswith(AGENT_LABEL) for label in requires)
    return (*requires, f"{SANDBOX_LABEL}{level}") if level and ours and not named else tuple(requires)
