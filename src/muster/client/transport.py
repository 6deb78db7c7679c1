"""How a request gets to a server: the contract of the transports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

Query = Sequence[tuple[str, str]]

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
DEFAULT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer; header names are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Transport(Protocol):
    """Carries requests. Unreachable when no answer came."""

    @property
    def address(self) -> str:
        """Where it leads, for messages."""
        ...

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = DEFAULT_SECONDS,
        idempotent: bool | None = None,
    ) -> Response:
        """One request. `timeout` is in seconds, for the whole of it; `idempotent` defaults to what the method says."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...


@runtime_checkable
class StreamingTransport(Transport, Protocol):
    """A transport for answers without an end."""

    def stream(
        self, path: str, *, query: Query = (), headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[bytes | Response]:
        """A GET: first the head of the answer (the whole of it when it is an error), then its body as it comes."""
        ...
