"""OpenCode as a one-shot: `opencode run --format json`. Nobody can be asked: what would be asked is denied."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from muster.agents.adapter import (
    AgentCommand,
    AgentSpec,
    BadAgentSpec,
    Dialect,
    Ended,
    McpServer,
    Permissions,
    Profile,
)
from muster.agents.failures import failure_of
from muster.agents.oneshot import JsonOneShot, check_options, environment, prompt_argument, refuse
from muster.agents.plan_items import plan_item
from muster.agents.wire import amount, count, number, obj, objs, text
from muster.domain.transcript import (
    ChangeKind,
    Entry,
    FileChange,
    Message,
    Plan,
    Problem,
    SessionStarted,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    TurnEnded,
    UsageReport,
)
from muster.domain.usage import TokenUsage

PROFILE: Final = Profile(
    name="opencode",
    title="OpenCode, one-shot",
    driver="command",
    programs=("opencode",),
    dialects=(Dialect.OPENAI,),
    sign_in_files=(".local/share/opencode/auth.json",),
    resumes=True,
    forks=True,
)
TOKEN: Final = "MUSTER_MODEL_TOKEN"
"""Variable with the run's token: settings name it."""
_OWN: Final = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "NO_COLOR": "1"}
_GUARDED: Final = ("edit", "bash", "webfetch", "external_directory")
_FREE: Final = {
    Permissions.READ: (),
    Permissions.ASK: (),
    Permissions.EDIT: ("edit",),
    Permissions.FULL: _GUARDED,
}
_KINDS: Final = {
    "bash": ToolKind.EXECUTE,
    "edit": ToolKind.EDIT,
    "glob": ToolKind.SEARCH,
    "grep": ToolKind.SEARCH,
    "list": ToolKind.SEARCH,
    "multiedit": ToolKind.EDIT,
    "patch": ToolKind.EDIT,
    "read": ToolKind.READ,
    "task": ToolKind.THINK,
    "todoread": ToolKind.THINK,
    "todowrite": ToolKind.THINK,
    "webfetch": ToolKind.FETCH,
    "websearch": ToolKind.FETCH,
    "write": ToolKind.EDIT,
}
_REJECTED: Final = ("rejected permission", "prevents you from using", "denied")
_ENDS: Final = {"stop": True, "length": False, "content-filter": False, "error": False}


class OpenCode:
    """The adapter of `opencode run`. `agent_options`: `variant`, the model's effort in its own words."""

    profile = PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """What to start for an attempt. A denial leaves the loop running, where a question would end it."""
        check_options(spec, ("variant",))
        refuse(spec, "OpenCode", "max_turns", "tools")
        config = settings(
            spec, dict.fromkeys(_GUARDED, "deny") | dict.fromkeys(_FREE[spec.permissions], "allow")
        )
        if spec.mcp:
            config["mcp"] = servers(spec)
        argv = [*spec.program, "run", "--format", "json", "--thinking"]
        argv += ["--session", spec.session] if spec.session is not None else []
        argv += ["--fork"] if spec.fork else []
        argv += ["--variant", str(spec.options["variant"])] if "variant" in spec.options else []
        argv += ["--", prompt_argument(spec)]
        way = {"OPENCODE_CONFIG_CONTENT": json.dumps(config), **token_of(spec)}
        return AgentCommand(argv=argv, env=environment(spec, _OWN, way))

    def converse(self, spec: AgentSpec) -> OpenCodeConversation:
        """A new conversation."""
        return OpenCodeConversation()


def settings(spec: AgentSpec, permission: Mapping[str, str]) -> dict[str, Any]:
    """Settings of the attempt. Without a model named, OpenCode takes one that its maker hosts."""
    config: dict[str, Any] = {"autoupdate": False, "share": "disabled", "permission": dict(permission)}
    if spec.access is not None:
        if not spec.model:
            raise BadAgentSpec(field="payload.model", problem="must name a model for this agent")
        config["model"] = config["small_model"] = f"muster/{spec.model}"
        config["provider"] = {
            "muster": {
                "npm": "@ai-sdk/openai-compatible",
                "options": {"baseURL": spec.access.urls[Dialect.OPENAI], "apiKey": f"{{env:{TOKEN}}}"},
                "models": {spec.model: {"name": spec.model}},
            }
        }
    elif spec.model:
        config["model"] = spec.model
    return config


def token_of(spec: AgentSpec) -> dict[str, str]:
    """The variable that the settings name."""
    return {} if spec.access is None else {TOKEN: spec.access.token}


def servers(spec: AgentSpec) -> dict[str, Any]:
    """The task's tool servers. Their secrets are in the environment with the settings."""
    return {server.name: _server(server) for server in spec.mcp}


def _server(server: McpServer) -> dict[str, Any]:
    if server.url:
        return {"type": "remote", "url": server.url, "headers": dict(server.headers), "enabled": True}
    return {
        "type": "local",
        "command": list(server.argv),
        "environment": dict(server.env),
        "enabled": True,
    }


class OpenCodeConversation(JsonOneShot):
    """One run of `opencode run --format json`. A tool is told of when it has ended."""

    agent = "opencode"

    def __init__(self) -> None:
        super().__init__()
        self._session = ""

    def entries_in(self, message: Mapping[str, Any]) -> list[Entry] | None:
        """What a message says."""
        entries = self._entries(message)
        session = text(message.get("sessionID"))
        if entries is not None and session and session != self._session:
            self._session = session
            entries.insert(0, SessionStarted(session=session))
        return entries

    def entries_at_end(self, ended: Ended) -> list[Entry]:
        """A loop that stopped at a denial ends with status 0 and without a last word."""
        silent = self.signs.turn is None and self.signs.problem is None
        if ended.code == 0 and not ended.stopped and silent and self._session:
            return [TurnEnded(ok=True, reason="ended")] if self.signs.denied else []
        return []

    def _entries(self, message: Mapping[str, Any]) -> list[Entry] | None:
        part = obj(message.get("part"))
        match message.get("type"):
            case "step_start":
                return []
            case "text":
                return [Message(text(part.get("text")))]
            case "reasoning":
                return [Thinking(text(part.get("text")))]
            case "tool_use":
                return _tool(part)
            case "step_finish":
                return self._step(part)
            case "error":
                problem = _problem(obj(message.get("error")))
                return [] if problem == self.signs.problem else [problem]
            case _:
                return None

    def _step(self, part: Mapping[str, Any]) -> list[Entry]:
        reason, tokens = text(part.get("reason")), obj(part.get("tokens"))
        usage, cost = _usage(tokens), amount(part.get("cost"))
        entries: list[Entry] = [UsageReport(usage=usage, cost_usd=cost or None, context_used=usage.context)]
        if reason == "length":
            entries.append(
                Problem(code="agent_error", message="the answer was cut at the model's limit of tokens")
            )
        elif reason == "content-filter":
            entries.append(Problem(code="refused", message="the model's filter held the answer back"))
        if reason in _ENDS:
            ok = _ENDS[reason]
            entries.append(TurnEnded(ok=ok, text=self.signs.text if ok else "", reason=reason))
        return entries


def _tool(part: Mapping[str, Any]) -> list[Entry]:
    """The call and its end, which come together."""
    state, call, name = obj(part.get("state")), text(part.get("callID")), text(part.get("tool"))
    given, meta = obj(state.get("input")), obj(state.get("metadata"))
    command, path, diff = text(given.get("command")), text(given.get("filePath")), text(meta.get("diff"))
    tool = _KINDS.get(name, ToolKind.OTHER)
    error, failed = text(state.get("error")), state.get("status") == "error"
    denied = failed and any(words in error for words in _REJECTED)
    entries: list[Entry] = [
        ToolCall(
            id=call,
            name=name,
            title=text(state.get("title")) or command or f"{name} {path}".strip(),
            tool=tool,
            input=given,
            command=command,
            paths=[path] if path else [],
        ),
        ToolResult(
            id=call,
            status="denied" if denied else "failed" if failed else "completed",
            output=error or text(state.get("output")),
            exit_code=number(meta.get("exit")),
            diff=diff,
        ),
    ]
    if tool is ToolKind.EDIT and path and not failed:
        created = meta.get("exists") is False
        change = ChangeKind.CREATED if created else ChangeKind.MODIFIED
        entries.append(FileChange(path=path, change=change, diff=diff, tool_call=call))
    if name == "todowrite" and not failed:
        entries.append(Plan([plan_item(todo) for todo in objs(given.get("todos"))]))
    return entries


def _usage(tokens: Mapping[str, Any]) -> TokenUsage:
    """What was thought is counted apart from what was said."""
    cache, thought = obj(tokens.get("cache")), count(tokens.get("reasoning"))
    return TokenUsage(
        input=count(tokens.get("input")),
        output=count(tokens.get("output")) + thought,
        cache_read=count(cache.get("read")),
        cache_write=count(cache.get("write")),
        reasoning=thought,
    )


def _problem(error: Mapping[str, Any]) -> Problem:
    data = obj(error.get("data"))
    said, status = text(data.get("message")) or text(error.get("name")), number(data.get("statusCode"))
    words = f"{text(error.get('name'))}: {said} {text(data.get('responseBody'))}"
    return Problem(code=failure_of(words, status), message=said or "it failed", status=status)
