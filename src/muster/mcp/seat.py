"""Who uses the tools: its client of the server, and the attempt it speaks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from muster.agents.work_door import Attempt, Listener
from muster.client.client import Client
from muster.domain.errors import Conflict, InvalidInput

WAIT_SECONDS: Final = 50.0
"""Shorter than the minute after which most clients give a tool up."""
LONGEST_WAIT: Final = 86_400.0
AGENT: Final = "mcp"


class NoClaim(Conflict):
    """There is no task in hand. Use the tool `claim` first, and give the `claim` it answers with to this tool."""

    code = "no_claim"


class TaskInHand(Conflict):
    """You work on task {task} already: finish it first."""

    code = "task_in_hand"


def never() -> bool:
    """A server that does not stop."""
    return False


@dataclass(slots=True, kw_only=True)
class Seat:
    """One caller. `held` is what it has claimed and need not name; `listener` is set when muster itself runs the agent: then
    its attempt is the only one, and its worker keeps the lease."""

    client: Client
    agent: str = AGENT
    held: Attempt | None = None
    listener: Listener | None = None
    keeps: bool = False
    """A claim made here is held for later calls."""
    wait_seconds: float = WAIT_SECONDS
    stopping: Callable[[], bool] = never

    def attempt(self, claim: str | None) -> Attempt:
        """The attempt a call is about. NoClaim, or InvalidInput when `claim` is none."""
        if self.listener is not None or claim is None:
            if self.held is None:
                raise NoClaim()
            return self.held
        return read_claim(claim)

    def hold(self, attempt: Attempt | None) -> None:
        """Take a claim in hand, where this seat can; None: nothing any more."""
        if self.keeps:
            self.held = attempt


def claim_text(attempt: Attempt) -> str:
    """A claim in one word, for a model to hand back."""
    return f"{attempt.attempt_id}:{attempt.token}:{attempt.task_id}"


def read_claim(text: str) -> Attempt:
    """The attempt behind such a word; InvalidInput."""
    parts = text.split(":")
    if len(parts) != 3 or not all(parts):
        raise InvalidInput(field="claim", problem="must be as the tool `claim` answered it")
    return Attempt(attempt_id=parts[0], token=parts[1], task_id=parts[2])
