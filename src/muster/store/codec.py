"""Events to rows and back; task specs to documents and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypedDict

import msgspec

from muster.domain.agent_task import ToolServer
from muster.domain.events import CATALOGUE, Payload
from muster.domain.role import Role
from muster.domain.task import TaskSpec

_ENCODER: Final = msgspec.json.Encoder()
_BY_KIND: Final = {payload.kind: payload for payload in CATALOGUE}
_DECODERS: Final = {payload.kind: msgspec.json.Decoder(payload) for payload in CATALOGUE}
_SPEC: Final = msgspec.json.Decoder(TaskSpec)


@dataclass(slots=True)
class Event:
    """A fact at its position in the log. `data` is the payload's JSON text."""

    seq: int
    at: int
    kind: str
    task_id: int | None
    attempt_id: int | None
    agent_id: str | None
    project_id: int | None
    amount: int | None
    data: str

    def payload(self) -> Payload:
        """The typed payload."""
        return _DECODERS[self.kind].decode(self.data)


def encode_payload(payload: Payload) -> str:
    """The payload's JSON text."""
    return _ENCODER.encode(payload).decode()


def encode_spec(spec: TaskSpec) -> str:
    """A task spec's JSON text."""
    return _ENCODER.encode(spec).decode()


def decode_spec(document: str) -> TaskSpec:
    """The task spec of its JSON text."""
    return _SPEC.decode(document)


class _RoleDoc(TypedDict):
    system_prompt: str
    instructions: str
    agent: str | None
    model: str | None
    permissions: str | None
    tools: tuple[str, ...] | None
    mcp: tuple[ToolServer, ...]


_ROLE: Final = msgspec.json.Decoder(_RoleDoc)


def encode_role(role: Role) -> str:
    """A role's JSON text, without what has columns of its own."""
    return to_json({name: getattr(role, name) for name in _RoleDoc.__annotations__})


def decode_role(name: str, kind: str, description: str, document: str) -> Role:
    """The role of its columns."""
    return Role(name=name, kind=kind, description=description, **_ROLE.decode(document))


def to_json(value: Any) -> str:
    """JSON text of plain values and dataclasses."""
    return _ENCODER.encode(value).decode()


def from_json(document: str) -> Any:
    """Plain values of JSON text."""
    return msgspec.json.decode(document)
