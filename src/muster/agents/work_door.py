"""The way from an agent at work to muster's own tools, as whoever runs agents sees it; the MCP server provides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt and the token that proves it is the caller's."""

    attempt_id: str
    token: str
    task_id: str


class Listener(Protocol):
    """Whoever runs the agent hears here what the agent said by tool."""

    def waiting(self) -> None:
        """It waits for people from now on; the attempt's clock is to stand still. As often as this comes, so does `resumed`."""
        ...

    def resumed(self) -> None:
        """It goes on."""
        ...

    def done(self, output: str, result: Mapping[str, Any] | None) -> None:
        """It says that its task is done."""
        ...

    def failed(self, code: str, message: str) -> None:
        """It says that it cannot do its task."""
        ...


class WorkDoor(Protocol):
    """The way to the tools for attempts."""

    async def open_seat(self, attempt: Attempt, listener: Listener) -> str:
        """Let an agent use the tools for its attempt; the bearer token by which it is known."""
        ...

    def close_seat(self, bearer: str) -> None:
        """The token is worth nothing any more."""
        ...
