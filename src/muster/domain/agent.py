"""Agents: who does the work, under an id of their own choosing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from muster.domain.checks import check_choice, check_count, check_name, check_text


class ReportedStatus(StrEnum):
    """What an agent says of itself. That it is busy is never said but seen: it has a running task."""

    ONLINE = "online"
    OFFLINE = "offline"
    ERROR = "error"


BUSY = "busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """What can be set of an agent. Counts are absolute."""

    name: str
    status: str = ReportedStatus.ONLINE
    model: str = ""
    max_tokens: int = 0
    tokens_used: int = 0
    sessions_count: int = 0
    memory_bytes: int = 0

    def __post_init__(self) -> None:
        check_name("name", self.name, blank=True)
        check_choice("status", self.status, ReportedStatus)
        check_text("model", self.model, 200)
        for field in ("max_tokens", "tokens_used", "sessions_count", "memory_bytes"):
            check_count(field, getattr(self, field))


def status_shown(reported: str, running: int) -> str:
    """`busy` while it has a running task, else what it reported."""
    return BUSY if running else reported
