"""Gemini CLI as a one-shot, `gemini -p PROMPT -o stream-json`. What would have to be asked is not offered to the model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from muster.agents.adapter import AgentCommand, AgentSpec, Dialect, McpServer, Permissions, Profile
from muster.agents.failures import failure_of, status_in
from muster.agents.oneshot import JsonOneShot, check_options, environment, prompt_argument, refuse
from muster.agents.wire import count, obj, objs, text
from muster.domain.transcript import (
    ChangeKind,
    Entry,
    FileChange,
    Message,
    Plan,
    PlanItem,
    Problem,
    SessionStarted,
    ToolCall,
    ToolKind,
    ToolResult,
    TurnEnded,
    UsageReport,
)
from muster.domain.usage import TokenUsage

PROFILE: Final = Profile(
    name="gemini",
    title="Gemini CLI, one-shot",
    driver="command",
    programs=("gemini",),
    dialects=(Dialect.GEMINI,),
    provider="google",
    key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    sign_in_files=(".gemini/oauth_creds.json",),
    resumes=True,
    models=("gemini-2.5-pro", "gemini-2.5-flash"),
)
KINDS: Final = {
    "agent": ToolKind.THINK,
    "edit": ToolKind.EDIT,
    "glob": ToolKind.SEARCH,
    "google_web_search": ToolKind.FETCH,
    "grep_search": ToolKind.SEARCH,
    "list_directory": ToolKind.SEARCH,
    "notebook_edit": ToolKind.EDIT,
    "read_file": ToolKind.READ,
    "read_many_files": ToolKind.READ,
    "replace": ToolKind.EDIT,
    "run_shell_command": ToolKind.EXECUTE,
    "search_file_content": ToolKind.SEARCH,
    "web_fetch": ToolKind.FETCH,
    "write_file": ToolKind.EDIT,
    "write_todos": ToolKind.THINK,
}
"""Tools of Gemini CLI and of those that descend from it."""
_MODES: Final = {
    Permissions.READ: "plan",
    Permissions.ASK: "default",
    Permissions.EDIT: "auto_edit",
    Permissions.FULL: "yolo",
}
_PATHS: Final = ("file_path", "path", "dir_path", "absolute_path")
_RETRY: Final = re.compile(rb"Attempt \d+ failed with status (\d{3})\. Retrying")
_DENIED: Final = frozenset({"policy_violation", "permission_denied", "tool_not_registered"})


class Gemini:
    """The adapter of Gemini CLI in its headless mode."""

    profile = PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """What to start for an attempt."""
        check_options(spec, ())
        refuse(spec, "Gemini CLI", "fork")
        argv = [
            *spec.program,
            f"--prompt={prompt_argument(spec)}",
            "--output-format=stream-json",
            "--skip-trust",
        ]
        argv.append(f"--approval-mode={_MODES[spec.permissions]}")
        if spec.model:
            argv.append(f"--model={spec.model}")
        if spec.session is not None:
            argv.append(f"--resume={spec.session}")
        way = (
            {} if spec.access is None else way_to_models(spec.access.urls[Dialect.GEMINI], spec.access.token)
        )
        if spec.access is not None and spec.access.telemetry:
            way |= telemetry(spec.access.telemetry)
        return AgentCommand(argv=argv, env=environment(spec, OWN, way), files=settings_file(spec))

    def converse(self, spec: AgentSpec) -> GeminiConversation:
        """A new conversation."""
        return GeminiConversation()


OWN: Final = {"GEMINI_CLI_NO_RELAUNCH": "true", "NO_COLOR": "1"}
"""Started anew by itself, it would leave a parent that hears no signal."""


def way_to_models(url: str, token: str) -> dict[str, str]:
    """The variables that lead to the gateway."""
    return {"GEMINI_API_KEY": token, "GOOGLE_GEMINI_BASE_URL": url}


def telemetry(url: str) -> dict[str, str]:
    """The variables by which it tells what it spends, without prompts."""
    return {
        "GEMINI_TELEMETRY_ENABLED": "true",
        "GEMINI_TELEMETRY_TARGET": "local",
        "GEMINI_TELEMETRY_OTLP_ENDPOINT": url,
        "GEMINI_TELEMETRY_OTLP_PROTOCOL": "http",
        "GEMINI_TELEMETRY_LOG_PROMPTS": "false",
    }


def settings_file(spec: AgentSpec) -> dict[Path, str]:
    """Settings of the attempt, below the agent's own HOME."""
    settings: dict[str, Any] = {
        "general": {"disableAutoUpdate": True},
        "privacy": {"usageStatisticsEnabled": False},
    }
    if spec.access is not None:
        settings["security"] = {"auth": {"selectedType": "gemini-api-key"}}
    if spec.max_turns is not None:
        settings["model"] = {"maxSessionTurns": spec.max_turns}
    if spec.tools is not None:
        settings["tools"] = {"core": list(spec.tools)}
    if spec.mcp:
        settings["mcpServers"] = {server.name: server_setting(server) for server in spec.mcp}
    return {spec.home / ".gemini" / "settings.json": json.dumps(settings)}


def server_setting(server: McpServer) -> dict[str, Any]:
    """A given server is trusted: its tools are not asked for."""
    if server.url:
        return {"httpUrl": server.url, "headers": dict(server.headers), "trust": True}
    command, *args = server.argv
    return {"command": command, "args": args, "env": dict(server.env), "trust": True}


class GeminiConversation(JsonOneShot):
    """One run of `gemini -o stream-json`."""

    agent = "gemini"

    def __init__(self) -> None:
        super().__init__()
        self._speaking = False
        self._broken = False
        self._edits: dict[str, str] = {}

    def entries_in(self, message: Mapping[str, Any]) -> list[Entry] | None:
        """What a message says. Words come in pieces; whatever else comes ends them."""
        kind = message.get("type")
        if kind == "message" and message.get("role") == "assistant":
            return [self._say(text(message.get("content")), more=bool(message.get("delta")))]
        entries = self._entries(kind, message)
        if entries is not None and self._speaking:
            self._speaking = False
            entries.insert(0, Message(""))
        return entries

    def entries_of_error(self, line: bytes) -> list[Entry]:
        """Calls that are made again are told of here only."""
        told = _RETRY.match(line)
        if told is None:
            return []
        status = int(told[1])
        words = f"the call failed with status {status} and is made again"
        code = failure_of(words, status, otherwise="provider_unavailable")
        return [Problem(code=code, message=words, retrying=True, status=status)]

    def _say(self, words: str, *, more: bool) -> Message:
        self._speaking, self._broken = more, False
        return Message(words, more=more)

    def _entries(self, kind: Any, message: Mapping[str, Any]) -> list[Entry] | None:
        match kind:
            case "init":
                return [
                    SessionStarted(session=text(message.get("session_id")), model=text(message.get("model")))
                ]
            case "message":
                return []
            case "tool_use":
                return self._call(message)
            case "tool_result":
                return self._result(message)
            case "error":
                self._broken = message.get("severity") == "error"
                return [_problem(text(message.get("message")), retrying=not self._broken)]
            case "result":
                return self._end(message)
            case _:
                return None

    def _call(self, message: Mapping[str, Any]) -> list[Entry]:
        call = call_of(
            text(message.get("tool_id")), text(message.get("tool_name")), obj(message.get("parameters"))
        )
        if call.tool is ToolKind.EDIT and call.paths:
            self._edits[call.id] = call.paths[0]
        return [call, *plan_of(call)]

    def _result(self, message: Mapping[str, Any]) -> list[Entry]:
        error, call = obj(message.get("error")), text(message.get("tool_id"))
        path, ok = self._edits.pop(call, ""), message.get("status") == "success"
        denied = text(error.get("type")) in _DENIED
        result = ToolResult(
            id=call,
            status="completed" if ok else "denied" if denied else "failed",
            output=text(error.get("message")) or text(message.get("output")),
        )
        return [
            result,
            *([FileChange(path=path, change=ChangeKind.MODIFIED, tool_call=call)] if path and ok else []),
        ]

    def _end(self, message: Mapping[str, Any]) -> list[Entry]:
        """Its status may be `success` after an error that ended the run."""
        entries: list[Entry] = []
        if usage := usage_in(obj(message.get("stats"))):
            entries.append(UsageReport(usage=usage))
        ok = message.get("status") == "success" and not self._broken
        if not ok and not self._broken:
            entries.append(_problem(text(obj(message.get("error")).get("message"))))
        return [
            *entries,
            TurnEnded(ok=ok, text=self.signs.said if ok else "", reason=text(message.get("status"))),
        ]


def usage_in(stats: Mapping[str, Any]) -> TokenUsage | None:
    """Tokens of the run. What is in the total and nowhere else was thought."""
    given, said = count(stats.get("input_tokens")), count(stats.get("output_tokens"))
    thought = max(count(stats.get("total_tokens")) - given - said, 0)
    cached = min(count(stats.get("cached")), given)
    if not given and not said:
        return None
    return TokenUsage(input=given - cached, output=said + thought, cache_read=cached, reasoning=thought)


def call_of(identity: str, name: str, given: dict[str, Any]) -> ToolCall:
    """A call of a tool of Gemini CLI or of a descendant."""
    command = text(given.get("command"))
    paths = [path for key in _PATHS if (path := text(given.get(key)))]
    return ToolCall(
        id=identity,
        name=name,
        title=command or " ".join([name, *paths]),
        tool=KINDS.get(name, ToolKind.OTHER),
        input=given,
        command=command,
        paths=paths,
    )


def plan_of(call: ToolCall) -> list[Plan]:
    """The plan, when the call writes one."""
    todos = objs(call.input.get("todos"))
    if call.name not in {"write_todos", "todo_write"} or not todos:
        return []
    return [Plan([_item(todo) for todo in todos])]


def _item(todo: Mapping[str, Any]) -> PlanItem:
    words = text(todo.get("description")) or text(todo.get("content"))
    match todo.get("status"):
        case "in_progress" | "completed" as status:
            return PlanItem(text=words, status=status)
        case _:
            return PlanItem(text=words)


def _problem(said: str, *, retrying: bool = False) -> Problem:
    status = status_in(said)
    return Problem(
        code=failure_of(said, status), message=said or "it failed", status=status, retrying=retrying
    )
