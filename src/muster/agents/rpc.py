"""JSON-RPC as agents speak it: one message a line, requests both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from muster.agents.jsonl import encode

METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602


@dataclass(slots=True)
class Calls:
    """Numbers our requests, and knows which ones wait for an answer. `frame` is part of every message."""

    frame: Mapping[str, Any] = field(default_factory=dict[str, Any])
    _next: int = 0
    _open: dict[int, str] = field(default_factory=dict[int, str])

    def call(self, method: str, params: Mapping[str, Any]) -> bytes:
        """A request."""
        number, self._next = self._next, self._next + 1
        self._open[number] = method
        return encode({**self.frame, "id": number, "method": method, "params": params})

    def notify(self, method: str, params: Mapping[str, Any] | None = None) -> bytes:
        """A message without an answer."""
        body = {} if params is None else {"params": params}
        return encode({**self.frame, "method": method, **body})

    def settled(self, identity: Any) -> str:
        """The method that a message answers, once; empty when it answers none."""
        return self._open.pop(identity, "") if isinstance(identity, int) else ""

    def result(self, identity: Any, result: Mapping[str, Any]) -> bytes:
        """An answer to a request of the other side."""
        return encode({**self.frame, "id": identity, "result": result})

    def error(self, identity: Any, code: int, message: str) -> bytes:
        """A refusal of a request of the other side."""
        return encode({**self.frame, "id": identity, "error": {"code": code, "message": message}})
