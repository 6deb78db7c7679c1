"""Agents that speak the Agent Client Protocol: one adapter, and what is peculiar to each agent as data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from muster.agents import claude_code, codex, gemini, opencode, qwen
from muster.agents.acp_conversation import AcpConversation, AcpPlan
from muster.agents.adapter import (
    AgentCommand,
    AgentSpec,
    BadAgentSpec,
    Dialect,
    McpServer,
    Permissions,
    Profile,
)
from muster.agents.wire import texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """What an agent needs around its command line for one attempt."""

    args: list[str] = field(default_factory=list[str])
    env: dict[str, str] = field(default_factory=dict[str, str])
    files: dict[Path, str] = field(default_factory=dict[Path, str])
    model: str = ""
    """The model under the name that the session offers it by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What is peculiar to an ACP agent."""

    profile: Profile
    args: tuple[str, ...] = ()
    modes: Mapping[Permissions, str] = field(default_factory=dict[Permissions, str])
    """Session modes in which it asks us, rather than a model of its own, about what is not covered."""
    system_prompt: Literal["meta", "settings", "prompt"] = "prompt"
    """How instructions are added: in `_meta` of the session, by its settings, or before the prompt."""
    setting: Callable[[AgentSpec], Set] = lambda spec: Set(model=spec.model or "")


def _always(mode: str) -> dict[Permissions, str]:
    return dict.fromkeys(Permissions, mode)


def _claude(spec: AgentSpec) -> Set:
    # Tools of servers found by search would take two calls of the model each.
    env = claude_code.ENVIRONMENT | {"ENABLE_TOOL_SEARCH": "false"}
    if spec.model:
        env["ANTHROPIC_MODEL"] = spec.model
    if spec.access is not None:
        env["ANTHROPIC_BASE_URL"] = spec.access.urls[Dialect.ANTHROPIC]
        env["ANTHROPIC_API_KEY"] = spec.access.token
    return Set(env=env, model=spec.model or "")


def _codex(spec: AgentSpec) -> Set:
    settings = codex.settings(spec) if spec.access is not None else {}
    settings = {name: value for name, value in settings.items() if not name.startswith("mcp_servers.")}
    if spec.system_prompt:
        settings["developer_instructions"] = spec.system_prompt
    if spec.model:
        settings["model"] = spec.model
    lines = [f"{name} = {codex.toml(value)}\n" for name, value in settings.items()]
    env = codex.place_for(spec)
    if spec.access is not None:
        env[codex.TOKEN] = spec.access.token
    files = codex.files_for(spec)
    if lines:
        files[spec.home / ".codex" / "config.toml"] = "".join(lines)
    return Set(env=env, files=files)


def _gemini(spec: AgentSpec) -> Set:
    way: dict[str, str] = {}
    files: dict[Path, str] = {}
    if spec.access is not None:
        way = gemini.way_to_models(spec.access.urls[Dialect.GEMINI], spec.access.token)
        files = gemini.settings_file(replace(spec, mcp=()))
    args = ["--skip-trust", *(["-m", spec.model] if spec.model else [])]
    return Set(args=args, env={**gemini.OWN, **way}, files=files)


def _opencode(spec: AgentSpec) -> Set:
    config = opencode.settings(spec, dict.fromkeys(("edit", "bash", "webfetch"), "ask"))
    return Set(env={"OPENCODE_CONFIG_CONTENT": json.dumps(config), **opencode.token_of(spec)})


def _qwen(spec: AgentSpec) -> Set:
    args = ["-m", spec.model] if spec.model else []
    if spec.access is None:
        return Set(args=args)
    settings = json.dumps(qwen.settings(replace(spec, mcp=())))
    return Set(
        args=args, env=qwen.way_to_models(spec), files={spec.home / ".qwen" / "settings.json": settings}
    )


CLAUDE: Final = Traits(
    profile=Profile(
        name="claude-acp",
        title="Claude Code over ACP",
        driver="acp",
        programs=("claude-agent-acp",),
        dialects=(Dialect.ANTHROPIC,),
        provider="anthropic",
        key_variables=claude_code.PROFILE.key_variables,
        sign_in_files=claude_code.PROFILE.sign_in_files,
        asks=True,
        follow_ups=True,
        resumes=True,
        forks=True,
    ),
    modes=_always("default"),
    system_prompt="meta",
    setting=_claude,
)
CODEX: Final = Traits(
    profile=Profile(
        name="codex-acp",
        title="Codex over ACP",
        driver="acp",
        programs=("codex-acp",),
        dialects=(Dialect.OPENAI,),
        provider="openai",
        key_variables=codex.PROFILE.key_variables,
        sign_in_files=codex.PROFILE.sign_in_files,
        asks=True,
        follow_ups=True,
        resumes=True,
        forks=True,
    ),
    modes={
        Permissions.READ: "read-only",
        Permissions.ASK: "read-only",
        Permissions.EDIT: "workspace-write",
        Permissions.FULL: "agent-full-access",
    },
    system_prompt="settings",
    setting=_codex,
)
GEMINI: Final = Traits(
    profile=Profile(
        name="gemini-acp",
        title="Gemini CLI over ACP",
        driver="acp",
        programs=("gemini",),
        dialects=(Dialect.GEMINI,),
        provider="google",
        key_variables=gemini.PROFILE.key_variables,
        sign_in_files=gemini.PROFILE.sign_in_files,
        asks=True,
        follow_ups=True,
    ),
    args=("--acp",),
    modes=_always("default"),
    setting=_gemini,
)
OPENCODE: Final = Traits(
    profile=Profile(
        name="opencode-acp",
        title="OpenCode over ACP",
        driver="acp",
        programs=("opencode",),
        dialects=(Dialect.OPENAI,),
        sign_in_files=opencode.PROFILE.sign_in_files,
        asks=True,
        follow_ups=True,
        resumes=True,
        forks=True,
    ),
    args=("acp",),
    setting=_opencode,
)
QWEN: Final = Traits(
    profile=Profile(
        name="qwen-acp",
        title="Qwen Code over ACP",
        driver="acp",
        programs=("qwen",),
        dialects=(Dialect.OPENAI,),
        key_variables=qwen.PROFILE.key_variables,
        sign_in_files=qwen.PROFILE.sign_in_files,
        asks=True,
        follow_ups=True,
        resumes=True,
    ),
    args=("--acp",),
    modes=_always("default"),
    setting=_qwen,
)
ANY: Final = Traits(
    profile=Profile(
        name="acp", title="Any agent over ACP", driver="acp", asks=True, follow_ups=True, resumes=True
    )
)
TRAITS: Final = (CLAUDE, CODEX, GEMINI, OPENCODE, QWEN, ANY)


class Acp:
    """The adapter of an agent that speaks ACP. `agent_options`: `mode`; and `program` (a command line) for `acp`."""

    def __init__(self, traits: Traits) -> None:
        self._traits = traits

    @property
    def profile(self) -> Profile:
        """What the agent is and can."""
        return self._traits.profile

    def command(self, spec: AgentSpec) -> AgentCommand:
        """What to start."""
        self._check(spec)
        around = self._traits.setting(spec)
        return AgentCommand(
            argv=[*self._program(spec), *self._traits.args, *around.args],
            env={**around.env, **spec.env, **_own(around.env, spec)},
            files=around.files,
            interactive=True,
        )

    def converse(self, spec: AgentSpec) -> AcpConversation:
        """A new conversation."""
        self._check(spec)
        traits, prompt, meta = self._traits, spec.prompt, dict[str, Any]()
        if spec.system_prompt and traits.system_prompt == "meta":
            meta = {"systemPrompt": {"append": spec.system_prompt}}
        elif spec.system_prompt and traits.system_prompt == "prompt" and spec.session is None:
            prompt = f"{spec.system_prompt}\n\n{prompt}"
        return AcpConversation(
            AcpPlan(
                prompt=prompt,
                cwd=str(spec.working_dir),
                permissions=spec.permissions,
                servers=[_server(server) for server in spec.mcp],
                session=spec.session,
                fork=spec.fork,
                model=traits.setting(spec).model,
                mode=str(spec.options.get("mode") or traits.modes.get(spec.permissions, "")),
                meta=meta,
            )
        )

    def _program(self, spec: AgentSpec) -> list[str]:
        named = texts(spec.options.get("program"))
        program = named or list(spec.program)
        if not program:
            raise BadAgentSpec(field="payload.agent_options.program", problem="must be a command line")
        return program

    def _check(self, spec: AgentSpec) -> None:
        known = {"mode", "program"} if self._traits is ANY else {"mode"}
        for name in spec.options:
            if name not in known:
                raise BadAgentSpec(
                    field=f"payload.agent_options.{name}",
                    problem=f"is not known; {self.profile.name} has {', '.join(sorted(known))}",
                )
        if spec.tools is not None:
            raise BadAgentSpec(field="payload.tools", problem="cannot be chosen over ACP")
        if spec.max_turns is not None:
            raise BadAgentSpec(field="payload.max_turns", problem="cannot be set over ACP")
        if spec.fork and spec.session is None:
            raise BadAgentSpec(field="payload.fork", problem="needs a session to copy")


def _own(env: Mapping[str, str], spec: AgentSpec) -> dict[str, str]:
    """What leads to the models is ours: a task's environment does not lead past the gateway."""
    if spec.access is None:
        return {}
    ours = {spec.access.token, *spec.access.urls.values()}
    return {name: value for name, value in env.items() if value in ours}


def _server(server: McpServer) -> dict[str, Any]:
    if server.url:
        return {
            "type": "http",
            "name": server.name,
            "url": server.url,
            "headers": _pairs(server.headers),
        }
    command, *args = server.argv
    return {"name": server.name, "command": command, "args": args, "env": _pairs(server.env)}


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]
