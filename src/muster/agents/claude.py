"""Claude Code: started for the stream-json protocol with permission requests on it.

Sources: the program's own `--help`, and streams recorded of version 2.1.329.
"""

from __future__ import annotations

import json
from typing import Any, Final, cast

from muster.agents.adapter import (
    AgentCommand,
    AgentSpec,
    BadAgentSpec,
    Conversation,
    Dialect,
    McpServer,
    Permissions,
    Profile,
)
from muster.agents.claude_stream import ClaudeConversation

OPTIONS: Final = frozenset({"allowed_tools", "disallowed_tools", "args"})
CHANGING_TOOLS: Final = ("Edit", "Write", "NotebookEdit", "Bash")
MODES: Final = {
    Permissions.READ: "default",
    Permissions.ASK: "default",
    Permissions.EDIT: "acceptEdits",
    Permissions.FULL: "bypassPermissions",
}
ENVIRONMENT: Final = {
    "CLAUDE_CODE_MAX_RETRIES": "3",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    # A hidden call to the model for every turn, which nobody would see.
    "CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION": "false",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    # As root it refuses to work without asking unless it is told that it sits in a sandbox.
    "IS_SANDBOX": "1",
}


class ClaudeCode:
    """The adapter of Claude Code."""

    @property
    def profile(self) -> Profile:
        """What it is and can."""
        return Profile(
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
            models=("opus", "sonnet", "haiku"),
        )

    def command(self, spec: AgentSpec) -> AgentCommand:
        """The command line; the prompt goes over standard input."""
        options = _options(spec)
        argv = [*spec.program, "-p", "--verbose"]
        argv += ["--input-format", "stream-json", "--output-format", "stream-json"]
        argv += ["--permission-mode", MODES[spec.permissions]]
        if spec.permissions is not Permissions.FULL:
            argv += ["--permission-prompt-tool", "stdio"]
        forbidden = [*options.get("disallowed_tools", [])]
        if spec.permissions is Permissions.READ:
            forbidden += CHANGING_TOOLS
        for flag, names in (
            ("--tools", spec.tools),
            ("--allowedTools", options.get("allowed_tools")),
            ("--disallowedTools", forbidden),
        ):
            if names:
                argv += [flag, ",".join(names)]
        argv += _optional(spec)
        if spec.mcp:
            argv += ["--mcp-config", json.dumps(_servers(spec)), "--strict-mcp-config"]
        return AgentCommand(
            argv=[*argv, *options.get("args", [])],
            env={**ENVIRONMENT, "HOME": str(spec.home), **_access(spec)},
            interactive=True,
        )

    def converse(self, spec: AgentSpec) -> Conversation:
        """The conversation over its pipes."""
        return ClaudeConversation(spec.prompt)


def _optional(spec: AgentSpec) -> list[str]:
    argv: list[str] = []
    if spec.model:
        argv += ["--model", spec.model]
    if spec.system_prompt:
        argv += ["--append-system-prompt", spec.system_prompt]
    if spec.max_turns is not None:
        argv += ["--max-turns", str(spec.max_turns)]
    if spec.session:
        argv += ["--resume", spec.session, *(["--fork-session"] if spec.fork else [])]
    return argv


def _access(spec: AgentSpec) -> dict[str, str]:
    if spec.access is None:
        return {}
    return {
        "ANTHROPIC_BASE_URL": spec.access.urls[Dialect.ANTHROPIC],
        "ANTHROPIC_API_KEY": spec.access.token,
    }


def _servers(spec: AgentSpec) -> dict[str, Any]:
    return {"mcpServers": {server.name: _server(server) for server in spec.mcp}}


def _server(server: McpServer) -> dict[str, Any]:
    # It hides tools of servers behind a search unless told otherwise, which costs a call to the model each.
    if server.url:
        return {"type": "http", "url": server.url, "headers": dict(server.headers), "alwaysLoad": True}
    command, *args = server.argv
    return {"type": "stdio", "command": command, "args": args, "env": dict(server.env), "alwaysLoad": True}


def _options(spec: AgentSpec) -> dict[str, list[str]]:
    unknown = sorted(set(spec.options) - OPTIONS)
    if unknown:
        raise BadAgentSpec(
            field=f"payload.agent_options.{unknown[0]}", problem=f"is none of {', '.join(sorted(OPTIONS))}"
        )
    return {name: _texts(name, value) for name, value in spec.options.items()}


def _texts(name: str, value: Any) -> list[str]:
    entries = cast(list[Any], value) if isinstance(value, list) else []
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in entries):
        raise BadAgentSpec(field=f"payload.agent_options.{name}", problem="must be a list of texts")
    return entries
