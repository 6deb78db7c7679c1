"""An HTTP operation as an agent: one request, polled until it is done where it takes time; the answer is the result."""

from __future__ import annotations

from typing import Any, Final, cast
from urllib.parse import urlsplit

from muster.agents.adapter import AgentCommand, AgentSpec, BadAgentSpec, Conversation, Profile
from muster.agents.entry_lines import EntryConversation
from muster.agents.oneshot import check_options, refuse
from muster.agents.scripted import prompt_of, shipped

PROFILE: Final = Profile(name="http", title="An HTTP operation", driver="shipped")
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_OPTIONS: Final = ("url", "method", "headers", "body", "expect", "result", "seconds", "poll")
_POLL: Final = ("url", "every_seconds", "field", "done", "failed")
_FIELD: Final = "payload.agent_options"


class Http:
    """The adapter. The task must be allowed the host or a network.

    `{prompt}` in the body and `{env:NAME}` in headers are filled in.
    """

    profile = PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """Its program inside the sandbox. The task's variables are there, so that headers can name them."""
        request_of(spec)
        command = shipped(spec, "http")
        return AgentCommand(argv=command.argv, env={**spec.env, **command.env}, interactive=True)

    def converse(self, spec: AgentSpec) -> Conversation:
        """The conversation over its pipes."""
        return EntryConversation(prompt_of(spec) | {"request": request_of(spec)})


def request_of(spec: AgentSpec) -> dict[str, Any]:
    """The request, checked; BadAgentSpec names what is not as it must be."""
    check_options(spec, _OPTIONS)
    refuse(spec, "an HTTP operation", "fork", "max_turns", "mcp", "session", "tools")
    options = spec.options
    method = str(options.get("method", "GET" if "body" not in options else "POST")).upper()
    if method not in METHODS:
        raise BadAgentSpec(field=f"{_FIELD}.method", problem=f"is none of {', '.join(METHODS)}")
    return {
        "url": _url(f"{_FIELD}.url", options.get("url")),
        "method": method,
        "headers": _headers(options.get("headers", {})),
        "body": options.get("body"),
        "expect": _statuses(options.get("expect", [])),
        "result": _pointer(f"{_FIELD}.result", options.get("result", "")),
        "seconds": _seconds(f"{_FIELD}.seconds", options.get("seconds", 60)),
        "poll": _poll(options.get("poll")),
    }


def _poll(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    poll, field = _object(f"{_FIELD}.poll", value), f"{_FIELD}.poll"
    if unknown := sorted(set(poll) - set(_POLL)):
        raise BadAgentSpec(field=f"{field}.{unknown[0]}", problem=f"is not known; it has {', '.join(_POLL)}")
    if ("done" in poll or "failed" in poll) and "field" not in poll:
        raise BadAgentSpec(field=f"{field}.field", problem="must say where the state is, such as /status")
    url = poll.get("url", "")
    if not isinstance(url, str):
        raise BadAgentSpec(field=f"{field}.url", problem="must be text")
    return {
        "url": url,
        "every_seconds": _seconds(f"{field}.every_seconds", poll.get("every_seconds", 2)),
        "field": _pointer(f"{field}.field", poll.get("field", "")),
        "done": _list(f"{field}.done", poll.get("done", [])),
        "failed": _list(f"{field}.failed", poll.get("failed", [])),
    }


def _url(field: str, value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadAgentSpec(field=field, problem="must be an http or https URL")
    return str(value)


def _headers(value: Any) -> dict[str, str]:
    headers = _object(f"{_FIELD}.headers", value)
    for name, words in headers.items():
        if not isinstance(words, str) or any(sign in f"{name}{words}" for sign in "\r\n\0"):
            raise BadAgentSpec(field=f"{_FIELD}.headers.{name[:60]}", problem="must be text of one line")
    return headers


def _statuses(value: Any) -> list[int]:
    statuses = _list(f"{_FIELD}.expect", value)
    if not all(type(status) is int and 100 <= status <= 599 for status in statuses):
        raise BadAgentSpec(
            field=f"{_FIELD}.expect", problem="must be a list of HTTP statuses, such as [200, 201]"
        )
    return statuses


def _pointer(field: str, value: Any) -> str:
    if not isinstance(value, str) or (value and not value.startswith("/")):
        raise BadAgentSpec(field=field, problem="must be a JSON pointer, such as /status or /items/0/name")
    return value


def _seconds(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.05 <= value <= 86_400:
        raise BadAgentSpec(field=field, problem="must be a number of seconds from 0.05 to 86400")
    return value


def _object(field: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadAgentSpec(field=field, problem="must be an object")
    return cast(dict[str, Any], value)


def _list(field: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise BadAgentSpec(field=field, problem="must be a list")
    return cast(list[Any], value)
