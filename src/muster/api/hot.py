"""The hot routes: calls every claimer makes all the time, answered before the router.

A route is one line in a table; the OpenAPI document is made of the same table. At most one part
of a path is variable, and it is the one before the last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar
from urllib.parse import unquote

import msgspec

from muster.api.body import check_nul, check_shape
from muster.api.longpoll import Caller

Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A", bound=msgspec.Struct)

MAX_ID: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HotRoute(Generic[Q, A]):
    """One hot call. The handler gets the variable part of the path ("" when there is none), the decoded
    body and the caller; None answers 204 without a body."""

    path: str
    operation_id: str
    tag: str
    summary: str
    request: type[Q]
    answer: type[A]
    handler: Callable[[str, Q, Caller], Awaitable[A | None]]
    example: Mapping[str, Any]
    errors: tuple[int, ...] = ()
    description: str = ""
    free_form: bool = False
    """The body may hold JSON of any shape, so its depth and its numbers are checked."""
    large: bool = False
    """The larger limit of the body's size applies."""
    empty_answer: bool = False
    """The handler may answer 204."""
    undeclared: bool = False
    """Bodies of clients that do not say what they send (`curl -d`) are read as JSON too."""
    method: str = "POST"


@dataclass(slots=True)
class HotEntry:
    """A route made ready: its decoder, its key in the metrics."""

    route: HotRoute[Any, Any]
    decode: Callable[[bytes], Any]
    depth: int
    label: str = field(init=False)

    def __post_init__(self) -> None:
        self.label = self.route.path

    def read(self, body: bytes) -> Any:
        """The typed body; msgspec's errors and refusals of `body` when it is not acceptable."""
        if self.route.free_form:
            check_shape(body, self.depth)
        check_nul(body)
        return self.decode(body)


class HotTable:
    """Finds the route of a path without a router."""

    def __init__(self, routes: Sequence[HotRoute[Any, Any]], depth: int) -> None:
        self._fixed: dict[str, HotEntry] = {}
        self._variable: dict[tuple[str, str], HotEntry] = {}
        for route in routes:
            entry = HotEntry(route, msgspec.json.Decoder(route.request).decode, depth)
            head, _, last = route.path.rpartition("/")
            base, _, name = head.rpartition("/")
            if "{" not in route.path:
                self._fixed[route.path] = entry
            elif name.startswith("{") and name.endswith("}") and "{" not in base + last:
                self._variable[(base, last)] = entry
            else:
                raise ValueError(f"hot route {route.path}: only the part before the last may be variable")

    def find(self, scope: Mapping[str, Any]) -> tuple[HotEntry, str] | None:
        """The route of a request's path and the variable part, or None."""
        path: str = scope["path"]
        entry = self._fixed.get(path)
        if entry is not None:
            return entry, ""
        raw: bytes = scope.get("raw_path") or b""
        escaped = b"%" in raw
        head, _, last = (raw.decode("latin-1") if escaped else path).rpartition("/")
        base, _, name = head.rpartition("/")
        entry = self._variable.get((base, last))
        if entry is None or not name:
            return None
        return entry, unquote(name) if escaped else name
