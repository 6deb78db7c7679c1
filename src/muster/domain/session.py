"""Work sessions: named stretches of work that group tasks and carry context."""

from __future__ import annotations

from dataclasses import dataclass

from muster.domain.checks import check_name, check_text

ACTIVE = "active"
ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What can be set of a session."""

    name: str
    context: str = ""
    project_id: int | None = None

    def __post_init__(self) -> None:
        check_name("name", self.name)
        check_text("context", self.context, 262_144)
