"""Codex: its app-server over JSON-RPC, and `codex exec` for one-shots. What to start for an attempt."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from muster.agents.adapter import (
    AgentCommand,
    AgentSpec,
    BadAgentSpec,
    Dialect,
    McpServer,
    Permissions,
    Profile,
)
from muster.agents.codex_exec import CodexExecConversation
from muster.agents.codex_server import CodexConversation
from muster.agents.jsonl import encode
from muster.agents.oneshot import fitting

_MODELS: Final = ("gpt-5.5", "gpt-5.6-sol", "gpt-6.1-sol")
PROFILE: Final = Profile(
    name="codex",
    title="Codex",
    driver="native",
    programs=("codex",),
    dialects=(Dialect.OPENAI,),
    provider="openai",
    key_variables=("OPENAI_API_KEY", "CODEX_API_KEY"),
    sign_in_files=(".codex/auth.json",),
    asks=True,
    follow_ups=True,
    resumes=True,
    forks=True,
    patient=True,
    models=_MODELS,
)
EXEC_PROFILE: Final = Profile(
    name="codex-exec",
    title="Codex, one-shot",
    driver="command",
    programs=("codex",),
    dialects=(Dialect.OPENAI,),
    provider="openai",
    key_variables=PROFILE.key_variables,
    sign_in_files=PROFILE.sign_in_files,
    resumes=True,
    models=_MODELS,
    patient=True,
)
OPTIONS: Final = ("effort", "partial")
TOKEN: Final = "MUSTER_MODEL_TOKEN"
"""Variable with the run's token: settings name it, so that it is in no file and no command line."""
_SANDBOXES: Final = {
    Permissions.READ: "read-only",
    Permissions.ASK: "read-only",
    Permissions.EDIT: "workspace-write",
    Permissions.FULL: "danger-full-access",
}
_TEMPORARY: Final = Path("/tmp")


class Codex:
    """The adapter of `codex app-server`."""

    profile = PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """What to start. Settings go over the pipe with the thread."""
        _check(spec)
        return AgentCommand(
            argv=[*spec.program, *telling(spec), "app-server"],
            env=_environment(spec),
            files=files_for(spec),
            interactive=True,
        )

    def converse(self, spec: AgentSpec) -> CodexConversation:
        """A new conversation."""
        asks = spec.permissions in {Permissions.ASK, Permissions.EDIT}
        return CodexConversation(
            prompt=spec.prompt,
            thread={
                "cwd": str(spec.working_dir),
                "sandbox": _SANDBOXES[spec.permissions],
                "approvalPolicy": "on-request" if asks else "never",
                "approvalsReviewer": "user",
                "config": settings(spec),
                **({"model": spec.model} if spec.model else {}),
                **({"developerInstructions": spec.system_prompt} if spec.system_prompt else {}),
            },
            session=spec.session,
            fork=spec.fork,
            partial=bool(spec.options.get("partial")),
        )


class CodexExec:
    """The adapter of `codex exec`: it never asks."""

    profile = EXEC_PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """What to start. The prompt is an argument, as standard input is empty."""
        _check(spec)
        if spec.fork:
            raise BadAgentSpec(field="payload.fork", problem="codex exec cannot copy a session; use codex")
        argv = [*spec.program, *telling(spec), "exec"]
        if spec.session is not None:
            argv += ["resume", spec.session]
        argv += ["--json", "--skip-git-repo-check"]
        if spec.permissions is Permissions.FULL:
            argv.append("--dangerously-bypass-approvals-and-sandbox")
        configured = settings(spec) | {"sandbox_mode": _SANDBOXES[spec.permissions]}
        if spec.system_prompt:
            configured["developer_instructions"] = spec.system_prompt
        for name, value in configured.items():
            argv += ["-c", f"{name}={toml(value)}"]
        # A resumed session falls back to the default model unless it is named again.
        if spec.model:
            argv += ["-m", spec.model]
        argv += ["--", fitting(spec.prompt)]
        return AgentCommand(argv=argv, env=_environment(spec), files=files_for(spec))

    def converse(self, spec: AgentSpec) -> CodexExecConversation:
        """A new conversation."""
        return CodexExecConversation()


def settings(spec: AgentSpec) -> dict[str, Any]:
    """Codex's own settings for an attempt, by dotted name."""
    found: dict[str, Any] = {"check_for_update_on_startup": False, "analytics.enabled": False}
    if spec.access is not None:
        found["model_provider"] = "muster"
        found["model_providers.muster"] = {
            "name": "muster",
            "base_url": spec.access.urls[Dialect.OPENAI],
            "env_key": TOKEN,
            "wire_api": "responses",
            "request_max_retries": 2,
            "stream_max_retries": 3,
        }
    if "effort" in spec.options:
        found["model_reasoning_effort"] = str(spec.options["effort"])
    for at, server in enumerate(spec.mcp):
        found[f"mcp_servers.{server.name}"] = _server(at, server)
    return found


def telling(spec: AgentSpec) -> list[str]:
    """Options by which it tells what its calls use, without prompts. They are of the process, not of a thread."""
    if spec.access is None or not spec.access.telemetry:
        return []
    logs = {"endpoint": f"{spec.access.telemetry}/v1/logs", "protocol": "json"}
    exporter = toml({"otlp-http": logs})
    return ["-c", f"otel.exporter={exporter}", "-c", "otel.log_user_prompt=false"]


def _check(spec: AgentSpec) -> None:
    for name in spec.options:
        if name not in OPTIONS:
            raise BadAgentSpec(
                field=f"payload.agent_options.{name}", problem=f"is not known; Codex has {', '.join(OPTIONS)}"
            )
    if spec.tools is not None:
        raise BadAgentSpec(field="payload.tools", problem="Codex cannot be kept from single tools")
    if spec.max_turns is not None:
        raise BadAgentSpec(field="payload.max_turns", problem="Codex has no limit of turns")
    if spec.fork and spec.session is None:
        raise BadAgentSpec(field="payload.fork", problem="needs a session to copy")


def _server(at: int, server: McpServer) -> dict[str, Any]:
    """A given server is trusted. Secrets go by the environment: a command line and a rollout file would show them."""
    trusted: dict[str, Any] = {"default_tools_approval_mode": "approve"}
    if server.seconds is not None:
        trusted["tool_timeout_sec"] = server.seconds
    if server.url:
        headers = {name: _header(at, number) for number, name in enumerate(server.headers)}
        return {"url": server.url, **({"env_http_headers": headers} if headers else {}), **trusted}
    command, *args = server.argv
    return {"command": command, "args": args, "env_vars": list(server.env), **trusted}


def _header(server: int, number: int) -> str:
    return f"MUSTER_MCP_{server}_HEADER_{number}"


def _environment(spec: AgentSpec) -> dict[str, str]:
    env = place_for(spec) | dict(spec.env)
    for at, server in enumerate(spec.mcp):
        env.update(server.env)
        env.update({_header(at, number): value for number, value in enumerate(server.headers.values())})
    if spec.access is not None:
        env[TOKEN] = spec.access.token
        env |= {"TRACEPARENT": spec.access.trace} if spec.access.trace else {}
    return env


def place_for(spec: AgentSpec) -> dict[str, str]:
    """Another folder for temporary files: Codex runs no sandboxed command when its home is below that folder."""
    return {"TMPDIR": str(_scratch(spec))} if _needs_place(spec) else {}


def files_for(spec: AgentSpec) -> dict[Path, str]:
    """What makes that folder."""
    return {_scratch(spec) / ".keep": ""} if _needs_place(spec) else {}


def _needs_place(spec: AgentSpec) -> bool:
    return "TMPDIR" not in spec.env and spec.home.is_relative_to(_TEMPORARY)


def _scratch(spec: AgentSpec) -> Path:
    return spec.home / "scratch"


def toml(value: Any) -> str:
    """A setting as inline TOML. JSON is the same for texts, numbers, flags and lists."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(name)} = {toml(item)}" for name, item in value.items()) + "}"  # pyright: ignore[reportUnknownVariableType]
    return encode(value).decode().strip()
