"""What OpenAI's two dialects share: tools, tokens, errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from muster.agents.wire import obj, objs, text
from muster.domain.usage import TokenUsage
from muster.testing.conversation import Json, Tool
from muster.testing.scenarios import Failure

_ERRORS: Final = {
    401: ("invalid_request_error", "invalid_api_key"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", "server_error"),
}


def tools_of(declared: Any, namespace: str = "") -> Iterator[tuple[str, Tool]]:
    """Tools by name, those of a group by `group.name`."""
    for entry in objs(declared):
        kind = text(entry.get("type")) or "function"
        if kind == "namespace":
            group = text(entry.get("name"))
            yield from tools_of(entry.get("tools"), "" if group == "functions" else group)
            continue
        fields = obj(entry.get("function")) or entry
        name = text(fields.get("name")) or kind
        tool = Tool(name=name, schema=obj(fields.get("parameters")), kind=kind, namespace=namespace)
        yield f"{namespace}.{name}" if namespace else name, tool


def usage_of(usage: TokenUsage, given: str, made: str) -> Json:
    """Tokens as OpenAI tells them: `given` holds the cached ones, `made` those of reasoning."""
    return {
        f"{given}_tokens": usage.context,
        f"{given}_tokens_details": {"cached_tokens": usage.cache_read},
        f"{made}_tokens": usage.output,
        f"{made}_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }


def failure_of(failure: Failure) -> tuple[int, Json]:
    """An error; there is no 529."""
    status = 503 if failure.status == 529 else failure.status
    kind, code = _ERRORS.get(status, (failure.kind, failure.kind))
    if failure.kind == "insufficient_quota":
        kind = code = failure.kind
    return status, {"error": {"message": failure.message, "type": kind, "code": code, "param": None}}
