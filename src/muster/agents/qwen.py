"""Qwen Code as a one-shot: `qwen -o stream-json`. Nobody can be asked: what would be asked is denied."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from muster.agents.adapter import AgentCommand, AgentSpec, BadAgentSpec, Dialect, Ended, Permissions, Profile
from muster.agents.failures import failure_of
from muster.agents.gemini import call_of, plan_of, server_setting
from muster.agents.oneshot import JsonOneShot, check_options, environment, fitting, refuse
from muster.agents.wire import count, number, obj, objs, text, texts
from muster.domain.transcript import (
    ChangeKind,
    Entry,
    FileChange,
    Message,
    Problem,
    SessionStarted,
    Thinking,
    ToolKind,
    ToolResult,
    TurnEnded,
    UsageReport,
)
from muster.domain.usage import TokenUsage

PROFILE: Final = Profile(
    name="qwen",
    title="Qwen Code, one-shot",
    driver="command",
    programs=("qwen",),
    dialects=(Dialect.OPENAI,),
    key_variables=("OPENAI_API_KEY", "DASHSCOPE_API_KEY"),
    sign_in_files=(".qwen/oauth_creds.json",),
    resumes=True,
    forks=True,
)
_MODES: Final = {
    Permissions.READ: "plan",
    Permissions.ASK: "default",
    Permissions.EDIT: "auto-edit",
    Permissions.FULL: "yolo",
}
_OWN: Final = {"QWEN_CODE_SUPPRESS_YOLO_WARNING": "1", "NO_COLOR": "1"}
_FAILED: Final = "[API Error"
_EXIT: Final = re.compile(r"^Exit Code: (\d{1,3})$", re.MULTILINE)
_TOO_MANY_TURNS: Final = 53
_DENIALS: Final = ("requires permission", "requires user approval", "was denied", "permission denied by")


class Qwen:
    """The adapter of Qwen Code in its headless mode."""

    profile = PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """What to start for an attempt."""
        check_options(spec, ())
        refuse(spec, "Qwen Code")
        argv = [*spec.program, f"--prompt={fitting(spec.prompt)}", "--output-format=stream-json"]
        argv.append(f"--approval-mode={_MODES[spec.permissions]}")
        argv += [f"--model={spec.model}"] if spec.model else []
        argv += [f"--resume={spec.session}"] if spec.session is not None else []
        argv += ["--fork-session"] if spec.fork else []
        argv += [f"--append-system-prompt={spec.system_prompt}"] if spec.system_prompt else []
        argv += [f"--max-session-turns={spec.max_turns}"] if spec.max_turns is not None else []
        argv += [f"--core-tools={name}" for name in spec.tools or ()]
        return AgentCommand(
            argv=argv,
            env=environment(spec, _OWN, way_to_models(spec)),
            files={spec.home / ".qwen" / "settings.json": json.dumps(settings(spec))},
        )

    def converse(self, spec: AgentSpec) -> QwenConversation:
        """A new conversation."""
        return QwenConversation()


def way_to_models(spec: AgentSpec) -> dict[str, str]:
    """The variables that lead to the gateway."""
    if spec.access is None:
        return {}
    if not spec.model:
        raise BadAgentSpec(field="payload.model", problem="must name a model for this agent")
    return {
        "OPENAI_API_KEY": spec.access.token,
        "OPENAI_BASE_URL": spec.access.urls[Dialect.OPENAI],
        "OPENAI_MODEL": spec.model,
    }


def settings(spec: AgentSpec) -> dict[str, Any]:
    """Settings of the attempt."""
    found: dict[str, Any] = {
        "general": {"disableAutoUpdate": True},
        "privacy": {"usageStatisticsEnabled": False},
    }
    if spec.access is not None:
        found["security"] = {"auth": {"selectedType": "openai"}}
    if spec.mcp:
        found["mcpServers"] = {server.name: server_setting(server) for server in spec.mcp}
    return found


class QwenConversation(JsonOneShot):
    """One run of `qwen -o stream-json`. Its lines look like Claude Code's."""

    agent = "qwen"

    def __init__(self) -> None:
        super().__init__()
        self._edits: dict[str, str] = {}

    def entries_in(self, message: Mapping[str, Any]) -> list[Entry] | None:
        """What a message says."""
        match message.get("type"):
            case "system":
                return [_session(message)] if message.get("subtype") == "init" else []
            case "assistant":
                return self._assistant(obj(message.get("message")), text(message.get("parent_tool_use_id")))
            case "user":
                blocks = objs(obj(message.get("message")).get("content"))
                return [entry for block in blocks for entry in self._result(block)]
            case "result":
                return self._end(message)
            case "stream_event":
                return []
            case _:
                return None

    def entries_at_end(self, ended: Ended) -> list[Entry]:
        """It says nothing on standard output when it may take no more turns."""
        if ended.code != _TOO_MANY_TURNS or ended.stopped or self.signs.turn is not None:
            return []
        return [
            Problem(code="agent_error", message="it used up the turns it may take"),
            TurnEnded(ok=False, reason="max_turns"),
        ]

    def _assistant(self, message: Mapping[str, Any], parent: str) -> list[Entry]:
        entries: list[Entry] = []
        for block in objs(message.get("content")):
            match block.get("type"):
                case "text":
                    words = text(block.get("text"))
                    entries.append(
                        Message(words, role="system" if words.startswith(_FAILED) else "agent", parent=parent)
                    )
                case "thinking":
                    entries.append(Thinking(text(block.get("thinking")), parent=parent))
                case "tool_use":
                    entries += self._call(block, parent)
                case _:
                    pass
        if not parent and (context := count(obj(message.get("usage")).get("input_tokens"))):
            entries.append(UsageReport(context_used=context, model=text(message.get("model"))))
        return entries

    def _call(self, block: Mapping[str, Any], parent: str) -> list[Entry]:
        call = call_of(text(block.get("id")), text(block.get("name")), obj(block.get("input")))
        call.parent = parent
        if call.tool is ToolKind.EDIT and call.paths:
            self._edits[call.id] = call.paths[0]
        return [call, *plan_of(call)]

    def _result(self, block: Mapping[str, Any]) -> list[Entry]:
        if block.get("type") != "tool_result":
            return []
        call, failed, said = text(block.get("tool_use_id")), bool(block.get("is_error")), block.get("content")
        output = text(said) or "\n".join(text(part.get("text")) for part in objs(said))
        path, exited = self._edits.pop(call, ""), _EXIT.search(output) if failed else None
        denied = failed and any(words in output for words in _DENIALS)
        result = ToolResult(
            id=call,
            status="denied" if denied else "failed" if failed else "completed",
            output=output,
            exit_code=int(exited[1]) if exited else None,
        )
        changed = path and not failed
        return [
            result,
            *([FileChange(path=path, change=ChangeKind.MODIFIED, tool_call=call)] if changed else []),
        ]

    def _end(self, message: Mapping[str, Any]) -> list[Entry]:
        ok = message.get("subtype") == "success" and message.get("is_error") is False
        said = text(message.get("result")) or text(obj(message.get("error")).get("message"))
        usage = _usage(obj(message.get("usage")))
        # Of the whole session, earlier runs too.
        entries: list[Entry] = [UsageReport(usage=usage, total=True)] if usage.total else []
        if not ok:
            entries.append(Problem(code=failure_of(said), message=said or "it failed"))
        return [
            *entries,
            TurnEnded(
                ok=ok,
                text=said if ok else "",
                reason=text(message.get("subtype")),
                turns=number(message.get("num_turns")),
            ),
        ]


def _session(message: Mapping[str, Any]) -> SessionStarted:
    return SessionStarted(
        session=text(message.get("session_id")),
        model=text(message.get("model")),
        version=text(message.get("qwen_code_version")),
        mode=text(message.get("permission_mode")),
        tools=texts(message.get("tools")),
        mcp={
            text(server.get("name")): text(server.get("status"))
            for server in objs(message.get("mcp_servers"))
        },
    )


def _usage(usage: Mapping[str, Any]) -> TokenUsage:
    """Its input holds what came from a cache."""
    given, cached = count(usage.get("input_tokens")), count(usage.get("cache_read_input_tokens"))
    return TokenUsage(
        input=max(given - cached, 0), output=count(usage.get("output_tokens")), cache_read=cached
    )
