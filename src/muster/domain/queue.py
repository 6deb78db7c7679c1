"""Queues: lines of work, and who takes from them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from muster.domain import ids
from muster.domain.checks import check_choice, check_count, check_name, check_text
from muster.domain.errors import InvalidInput
from muster.domain.isolation import check_level
from muster.domain.project import MAX_CONCURRENCY
from muster.domain.review import Approval

AGENT_PREFIX: Final = "agent-"
MAX_QUEUE_NAME: Final = 250


class QueueMode(StrEnum):
    """Who works a queue: our workers, a person, or agents that claim over the API."""

    AUTO = "auto"
    MANUAL = "manual"
    EXTERNAL = "external"


DEFAULT_QUEUES: Final = {
    "default": QueueMode.AUTO,
    "agents": QueueMode.AUTO,
    "inbox": QueueMode.EXTERNAL,
    "by-hand": QueueMode.MANUAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What can be set of a queue. Project and session are ids; `agent_id` is its owner. `concurrency` None: no limit."""

    name: str
    instructions: str = ""
    mode: str = QueueMode.AUTO
    concurrency: int | None = None
    project_id: int | None = None
    session_id: int | None = None
    agent_id: str | None = None
    sandbox: str | None = None
    """The isolation level that its tasks demand unless they say otherwise; None: the project's."""
    approval: str = Approval.RELAXED
    """Whether every result needs a person's verdict."""

    def __post_init__(self) -> None:
        check_name("name", self.name, MAX_QUEUE_NAME)
        if ids.is_id(ids.QUEUE, self.name):
            raise InvalidInput(field="name", problem="must not look like an id")
        check_text("instructions", self.instructions)
        check_choice("mode", self.mode, QueueMode)
        check_choice("approval", self.approval, Approval)
        check_count("concurrency", self.concurrency, 1, MAX_CONCURRENCY)
        check_level(self.sandbox)
        if self.agent_id is not None:
            check_name("agent_id", self.agent_id, blank=True)


def agent_queue(agent_id: str) -> Queue:
    """The queue in which work for one agent waits."""
    check_name("agent_id", agent_id, blank=True)
    return Queue(name=AGENT_PREFIX + agent_id, mode=QueueMode.EXTERNAL, agent_id=agent_id)
