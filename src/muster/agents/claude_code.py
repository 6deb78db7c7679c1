"""Claude Code by its stream of JSON lines and its control protocol: what to start, and whom to talk with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from muster.agents.adapter import (
    AgentCommand,
    AgentSpec,
    BadAgentSpec,
    Dialect,
    McpServer,
    ModelAccess,
    Permissions,
    Profile,
)
from muster.agents.claude_stream import ClaudeConversation

PROFILE: Final = Profile(
    name="claude",
    title="Claude Code",
    driver="native",
    programs=("claude",),
    dialects=(Dialect.ANTHROPIC,),
    provider="anthropic",
    key_variables=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
    sign_in_files=(".claude/.credentials.json",),
    asks=True,
    follow_ups=True,
    resumes=True,
    forks=True,
    patient=True,
    models=("sonnet", "opus", "haiku", "claude-sonnet-4-5", "claude-opus-4-5"),
)
OPTIONS: Final = ("effort", "max_budget_usd", "partial")
ENVIRONMENT: Final = {
    "API_TIMEOUT_MS": "600000",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION": "false",
    "CLAUDE_CODE_MAX_RETRIES": "3",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}
"""A refused key is retried for minutes unless told otherwise, and suggestions cost tokens nobody asked for."""
_MODES: Final = {
    Permissions.READ: "dontAsk",
    Permissions.ASK: "default",
    Permissions.EDIT: "acceptEdits",
    Permissions.FULL: "bypassPermissions",
}
_TALK: Final = (
    "-p",
    "--input-format=stream-json",
    "--output-format=stream-json",
    "--verbose",
    "--permission-prompt-tool=stdio",
    "--strict-mcp-config",
    "--replay-user-messages",
)


class ClaudeCode:
    """The adapter of Claude Code."""

    profile = PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """What to start for an attempt."""
        _check(spec)
        argv = [*spec.program, *_TALK, f"--permission-mode={_MODES[spec.permissions]}", *_session(spec)]
        files = dict[Path, str]()
        if spec.mcp:
            config = spec.home / ".claude" / "muster-mcp.json"
            files[config] = json.dumps({"mcpServers": {server.name: _server(server) for server in spec.mcp}})
            argv.append(f"--mcp-config={config}")
        argv += [*_choices(spec), *_tools(spec)]
        return AgentCommand(argv=argv, env=_environment(spec), files=files, interactive=True)

    def converse(self, spec: AgentSpec) -> ClaudeConversation:
        """A new conversation."""
        return ClaudeConversation(spec.prompt)


def _check(spec: AgentSpec) -> None:
    for name in spec.options:
        if name not in OPTIONS:
            raise BadAgentSpec(
                field=f"payload.agent_options.{name}",
                problem=f"is not known; Claude Code has {', '.join(OPTIONS)}",
            )
    if spec.fork and spec.session is None:
        raise BadAgentSpec(field="payload.fork", problem="needs a session to copy")


def _session(spec: AgentSpec) -> list[str]:
    if spec.session is None:
        return []
    return [f"--resume={spec.session}", *(["--fork-session"] if spec.fork else [])]


def _choices(spec: AgentSpec) -> list[str]:
    argv: list[str] = []
    if spec.model:
        argv.append(f"--model={spec.model}")
    if spec.system_prompt:
        argv.append(f"--append-system-prompt={spec.system_prompt}")
    if spec.max_turns is not None:
        argv.append(f"--max-turns={spec.max_turns}")
    if "effort" in spec.options:
        argv.append(f"--effort={spec.options['effort']}")
    if "max_budget_usd" in spec.options:
        argv.append(f"--max-budget-usd={spec.options['max_budget_usd']}")
    if spec.options.get("partial"):
        argv.append("--include-partial-messages")
    return argv


def _tools(spec: AgentSpec) -> list[str]:
    """Built-in tools by name; rules such as `Bash(git *)` are allowed without asking. Given servers are trusted."""
    named = list(spec.tools or ())
    allowed = [name for name in named if "(" in name or name.startswith("mcp__")]
    allowed += [f"mcp__{server.name}" for server in spec.mcp]
    argv: list[str] = []
    if spec.tools is not None:
        built_in = dict.fromkeys(name.partition("(")[0] for name in named if not name.startswith("mcp__"))
        argv.append(f"--tools={','.join(built_in)}")
    if allowed:
        argv.append(f"--allowedTools={','.join(allowed)}")
    return argv


def _server(server: McpServer) -> dict[str, Any]:
    """Its tools are loaded at once: found by search they would take two calls of the model each."""
    if server.url:
        return {"type": "http", "url": server.url, "headers": dict(server.headers), "alwaysLoad": True}
    command, *args = server.argv
    return {
        "type": "stdio",
        "command": command,
        "args": args,
        "env": dict(server.env),
        "alwaysLoad": True,
    }


def _environment(spec: AgentSpec) -> dict[str, str]:
    env = dict(ENVIRONMENT)
    if spec.permissions is Permissions.FULL:
        env["IS_SANDBOX"] = "1"
    patience = [server.seconds for server in spec.mcp if server.seconds is not None]
    if patience:
        env["MCP_TOOL_TIMEOUT"] = str(round(max(patience) * 1_000))
    env.update(spec.env)
    if spec.access is not None:
        env["ANTHROPIC_BASE_URL"] = spec.access.urls[Dialect.ANTHROPIC]
        env["ANTHROPIC_API_KEY"] = spec.access.token
        env |= _telemetry(spec.access)
    return env


def _telemetry(access: ModelAccess) -> dict[str, str]:
    """What it spends, told as a second source: records of its calls, without prompts and arguments."""
    if not access.telemetry:
        return {}
    return {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": access.telemetry,
        "TRACEPARENT": access.trace,
    }
