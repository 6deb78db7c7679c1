"""Which request a line of the log belongs to."""

from __future__ import annotations

import itertools
import re
from contextvars import ContextVar
from typing import Final

_SANE: Final = re.compile(rb"[A-Za-z0-9._:@/+=-]{1,128}")
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

request_id_var: Final[ContextVar[str | None]] = ContextVar("muster_request_id", default=None)
traceparent_var: Final[ContextVar[str | None]] = ContextVar("muster_traceparent", default=None)


class RequestIds:
    """Takes the caller's request id when it is sane, else makes one. `prefix` tells server runs apart."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"req_{prefix}"
        self._numbers = itertools.count(1)

    def of(self, headers: dict[bytes, bytes]) -> str:
        """The id of a request with these headers; it also marks the log lines of this task."""
        given = headers.get(b"x-request-id")
        if given is not None and _SANE.fullmatch(given):
            request_id = given.decode("ascii")
        else:
            request_id = f"{self._prefix}{next(self._numbers):06x}"
        request_id_var.set(request_id)
        trace = headers.get(b"traceparent")
        if trace is not None and _TRACEPARENT.fullmatch(trace):
            traceparent_var.set(trace.decode("ascii"))
        return request_id
