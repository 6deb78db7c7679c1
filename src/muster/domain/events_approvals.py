"""Facts about what agents ask of people, and what people tell agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from muster.domain.payload import Payload


@dataclass(slots=True)
class ApprovalRequested(Payload):
    """An agent waits for leave or for an answer."""

    kind: ClassVar[str] = "approval.requested"
    approval_id: str
    key: str
    request: str
    title: str
    doc: str
    """All of the request, as JSON text."""
    expires_at: int | None = None
    grade: str | None = None
    """How risky leave is (`level`, `reasons`, `target`), as JSON text; None for questions."""
    voids: str | None = None
    """The request under the same key that this one takes the place of."""


@dataclass(slots=True)
class ApprovalExtended(Payload):
    """Somebody gave a request more time."""

    kind: ClassVar[str] = "approval.extended"
    approval_id: str
    expires_at: int
    by: str


@dataclass(slots=True)
class ApprovalAnswered(Payload):
    """A person, or a standing permission (`rule:...`), answered. `answer` is JSON text."""

    kind: ClassVar[str] = "approval.answered"
    approval_id: str
    answer: str
    by: str


@dataclass(slots=True)
class ApprovalExpired(Payload):
    """Nobody answered in time; the agent is told so."""

    kind: ClassVar[str] = "approval.expired"
    approval_id: str
    answer: str


@dataclass(slots=True)
class ApprovalWithdrawn(Payload):
    """The attempt ended, or its agent went on by itself."""

    kind: ClassVar[str] = "approval.withdrawn"
    approval_id: str
    reason: str


@dataclass(slots=True)
class PermissionGranted(Payload):
    """Exactly this use of a tool is allowed from now on, within the scope."""

    kind: ClassVar[str] = "permission.granted"
    permission_id: str
    fields: dict[str, Any]


@dataclass(slots=True)
class PermissionRevoked(Payload):
    """It has to be asked for again."""

    kind: ClassVar[str] = "permission.revoked"
    permission_id: str


@dataclass(slots=True)
class MessagePosted(Payload):
    """A person told an agent something, or to interrupt, pause or go on. Without an attempt: the next one is told."""

    kind: ClassVar[str] = "message.posted"
    message_id: str
    word: str
    text: str
    by: str


@dataclass(slots=True)
class MessageDelivered(Payload):
    """The agent has it."""

    kind: ClassVar[str] = "message.delivered"
    message_id: str
