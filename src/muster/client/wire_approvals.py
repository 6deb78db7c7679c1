"""Messages about requests of agents: what one asks, and how that stands."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from muster.client.wire import Token

Key = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Heading = Annotated[str, Meta(min_length=1, max_length=2_000, pattern=r"^[^\x00]+$")]


class AskRequest(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Ask people for leave or for an answer. Asked again under the same `key` it is the same request."""

    token: Token
    key: Key
    """The request's name in the agent's conversation."""
    kind: Literal["permission", "question"]
    title: Heading
    document: dict[str, Any] = {}
    """What is asked exactly: `tool`, `command`, `diff`, `input`, `text`, `options [{id, label, kind}]`."""
    expires_in_seconds: Annotated[float, Meta(gt=0, le=31_536_000)] | None = None
    """After which it expires and the agent is told so; null: it waits as long as it takes."""


class GivenAnswer(Struct, kw_only=True, omit_defaults=True):
    """An answer for the agent."""

    kind: str
    option: str | None = None
    text: str = ""
    scope: str = "once"


class AskAnswer(Struct, kw_only=True):
    """How the request stands. With a standing permission it is answered at once."""

    approval_id: str
    state: str
    answer: GivenAnswer | None = None
