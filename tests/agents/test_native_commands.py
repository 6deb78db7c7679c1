"""What is started for an attempt."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from muster.agents.acp import ANY, CLAUDE, CODEX, GEMINI, OPENCODE, QWEN, TRAITS, Acp
from muster.agents.adapter import (
    Adapter,
    BadAgentSpec,
    Dialect,
    McpServer,
    ModelAccess,
    Permissions,
    Unsupported,
)
from muster.agents.claude_code import ClaudeCode
from muster.agents.codex import Codex, CodexExec, toml
from muster.agents.jsonl import decode, encode
from tests.agents.recordings import spec

SECRET = "run-token-3141"
HEADER = "Bearer secret-2718"
ACCESS = ModelAccess(
    urls={
        Dialect.ANTHROPIC: "http://127.0.0.1:9/a",
        Dialect.OPENAI: "http://127.0.0.1:9/o/v1",
        Dialect.GEMINI: "http://127.0.0.1:9/g",
    },
    token=SECRET,
)
SERVERS = (
    McpServer(name="web", url="http://127.0.0.1:9/mcp", headers={"Authorization": HEADER}),
    McpServer(name="own", argv=("tool", "-x"), env={"TOOL_KEY": "secret-1618"}),
)
ADAPTERS: list[Adapter] = [ClaudeCode(), Codex(), CodexExec(), *(Acp(traits) for traits in TRAITS)]
TELLING = replace(ACCESS, telemetry="http://127.0.0.1:9/otlp", trace=f"00-{'a' * 32}-{'b' * 16}-01")
EVERY = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.profile.name)


def full(adapter: Adapter, **changes: Any) -> Any:
    options = {"program": ["my-agent", "--acp"]} if adapter.profile.name == "acp" else {}
    given = {
        "model": "big",
        "access": ACCESS,
        "mcp": SERVERS,
        "system_prompt": "Be brief.",
        "options": options,
    }
    return spec(**(given | changes))


@EVERY
def test_no_secret_is_on_a_command_line(adapter: Adapter) -> None:
    """SA-1: other users of the machine see command lines."""
    command = adapter.command(full(adapter))
    line = " ".join(command.argv)
    assert all(secret not in line for secret in (SECRET, HEADER, "secret-1618"))


@EVERY
def test_an_agent_that_knows_the_gateway_is_led_there_and_nowhere_else(adapter: Adapter) -> None:
    if not adapter.profile.dialects:
        return
    hostile = {
        "ANTHROPIC_BASE_URL": "http://elsewhere",
        "ANTHROPIC_API_KEY": "x",
        "OPENAI_BASE_URL": "http://elsewhere",
    }
    command = adapter.command(full(adapter, env=hostile))
    told = json.dumps([list(command.argv), dict(command.env), list(command.files.values())])
    if adapter.profile.name == "codex":
        conversation = adapter.converse(full(adapter))
        conversation.start()
        told += conversation.feed(b'{"id":0,"result":{}}\n').send.decode()
    assert ACCESS.urls[adapter.profile.dialects[0]] in told
    assert SECRET in command.env.values()
    used = {name: value for name, value in command.env.items() if name in hostile}
    if adapter.profile.dialects[0] is Dialect.ANTHROPIC:
        assert used["ANTHROPIC_BASE_URL"] == ACCESS.urls[Dialect.ANTHROPIC]


@EVERY
def test_an_option_nobody_knows_is_refused(adapter: Adapter) -> None:
    with pytest.raises(BadAgentSpec, match="colour"):
        adapter.command(spec(options={"colour": "red"}))


@EVERY
def test_a_copy_needs_a_session(adapter: Adapter) -> None:
    options = {"program": ["x"]} if adapter.profile.name == "acp" else {}
    with pytest.raises(BadAgentSpec):
        adapter.command(spec(fork=True, options=options, model="m"))


def test_claudes_permissions_and_sessions_are_flags() -> None:
    claude = ClaudeCode()
    modes = {wanted: claude.command(spec(permissions=wanted)) for wanted in Permissions}
    assert "--permission-mode=dontAsk" in modes[Permissions.READ].argv
    assert "--permission-mode=default" in modes[Permissions.ASK].argv
    assert "--permission-mode=acceptEdits" in modes[Permissions.EDIT].argv
    assert "--permission-mode=bypassPermissions" in modes[Permissions.FULL].argv
    assert [mode for mode, command in modes.items() if "IS_SANDBOX" in command.env] == [Permissions.FULL]
    resumed = claude.command(
        spec(session="abc", fork=True, max_turns=3, tools=["Read", "Bash(git *)", "mcp__x__y"])
    )
    assert {"--resume=abc", "--fork-session", "--max-turns=3", "--tools=Read,Bash"} <= set(resumed.argv)
    assert "--allowedTools=Bash(git *),mcp__x__y" in resumed.argv
    assert resumed.interactive


def test_claudes_servers_are_in_a_file_and_loaded_at_once() -> None:
    command = ClaudeCode().command(full(ClaudeCode()))
    path = Path("/home/agent/.claude/muster-mcp.json")
    servers = json.loads(command.files[path])["mcpServers"]
    assert f"--mcp-config={path}" in command.argv
    assert servers["web"] == {
        "type": "http",
        "url": "http://127.0.0.1:9/mcp",
        "headers": {"Authorization": HEADER},
        "alwaysLoad": True,
    }
    assert servers["own"]["command"] == "tool"
    assert "--strict-mcp-config" in command.argv


def test_codexs_settings_go_with_the_thread() -> None:
    conversation = Codex().converse(
        full(Codex(), permissions=Permissions.EDIT, session="old", options={"effort": "low"})
    )
    conversation.start()
    sent = [decode(line) for line in conversation.feed(b'{"id":0,"result":{}}\n').send.splitlines()]
    assert sent[1] is not None
    params = sent[1]["params"]
    assert (sent[1]["method"], params["threadId"]) == ("thread/resume", "old")
    assert (params["sandbox"], params["approvalPolicy"]) == ("workspace-write", "on-request")
    assert params["developerInstructions"] == "Be brief."
    config = params["config"]
    assert config["model_providers.muster"]["base_url"] == ACCESS.urls[Dialect.OPENAI]
    assert config["model_reasoning_effort"] == "low"
    assert config["mcp_servers.web"]["env_http_headers"] == {"Authorization": "MUSTER_MCP_0_HEADER_0"}
    assert SECRET not in json.dumps(sent)
    env = Codex().command(full(Codex())).env
    assert (env["MUSTER_MCP_0_HEADER_0"], env["TOOL_KEY"]) == (HEADER, "secret-1618")


def test_codex_exec_has_the_prompt_as_an_argument_and_names_the_model_again() -> None:
    argv = list(
        CodexExec()
        .command(full(CodexExec(), session="old", prompt="--do it", permissions=Permissions.FULL))
        .argv
    )
    assert argv[1:5] == ["exec", "resume", "old", "--json"]
    assert argv[-4:] == ["-m", "big", "--", "--do it"]
    assert "--dangerously-bypass-approvals-and-sandbox" in argv
    for option, value in pairwise(argv):
        if option == "-c":
            tomllib.loads(value)
    with pytest.raises(Unsupported):
        CodexExec().converse(spec()).say("more")


def test_codex_gets_another_temporary_folder_when_its_home_is_below_it() -> None:
    command = Codex().command(spec(home=Path("/tmp/home")))
    assert command.env["TMPDIR"] == "/tmp/home/scratch"
    assert Path("/tmp/home/scratch/.keep") in command.files
    assert "TMPDIR" not in Codex().command(spec()).env


def test_toml_of_settings_can_be_read() -> None:
    value = {"a": [1, True, 'x"y'], "b": {"c": "d"}}
    assert tomllib.loads(f"v = {toml(value)}") == {"v": value}


def test_acp_agents_are_set_up_as_data_says() -> None:
    gemini = Acp(GEMINI).command(full(Acp(GEMINI)))
    assert list(gemini.argv) == ["agent", "--acp", "--skip-trust", "-m", "big"]
    assert gemini.env["GEMINI_CLI_NO_RELAUNCH"] == "true"
    opencode = json.loads(Acp(OPENCODE).command(full(Acp(OPENCODE))).env["OPENCODE_CONFIG_CONTENT"])
    assert opencode["model"] == opencode["small_model"] == "muster/big"
    qwen = Acp(QWEN).command(full(Acp(QWEN)))
    assert list(qwen.argv) == ["agent", "--acp", "-m", "big"]
    codex = Acp(CODEX).command(full(Acp(CODEX)))
    settings = tomllib.loads(codex.files[Path("/home/agent/.codex/config.toml")])
    assert settings["model_provider"] == "muster"
    assert settings["developer_instructions"] == "Be brief."
    assert list(Acp(ANY).command(full(Acp(ANY))).argv) == ["my-agent", "--acp"]
    with pytest.raises(BadAgentSpec, match="program"):
        Acp(ANY).command(spec(program=()))
    with pytest.raises(BadAgentSpec, match="model"):
        Acp(OPENCODE).command(spec(access=ACCESS))


@pytest.mark.parametrize("wanted", [{"tools": ["x"]}, {"max_turns": 1}])
@pytest.mark.parametrize(
    "adapter", [Codex(), CodexExec(), Acp(CLAUDE)], ids=lambda adapter: adapter.profile.name
)
def test_what_an_agent_cannot_do_is_refused(adapter: Adapter, wanted: dict[str, Any]) -> None:
    with pytest.raises(BadAgentSpec):
        adapter.command(spec(**wanted))


def test_what_the_permissions_cover_is_answered_at_once_over_acp() -> None:
    def outcome(permissions: Permissions, kind: str, path: str) -> str | None:
        conversation = Acp(GEMINI).converse(spec(permissions=permissions))
        conversation.start()
        conversation.feed(b'{"id":0,"result":{}}\n{"id":1,"result":{"sessionId":"s"}}\n')
        call = {"toolCallId": "c", "kind": kind, "locations": [{"path": path}]}
        options = [{"optionId": name, "kind": name, "name": name} for name in ("allow_once", "reject_once")]
        params = {"sessionId": "s", "toolCall": call, "options": options}
        step = conversation.feed(encode({"id": 7, "method": "session/request_permission", "params": params}))
        answer = decode(step.send) if step.send else None
        return answer["result"]["outcome"]["optionId"] if answer else None

    assert outcome(Permissions.FULL, "execute", "/etc/x") == "allow_once"
    assert outcome(Permissions.READ, "read", "/repo/x") == "allow_once"
    assert outcome(Permissions.READ, "edit", "/repo/x") == "reject_once"
    assert outcome(Permissions.EDIT, "edit", "/repo/x") == "allow_once"
    assert outcome(Permissions.EDIT, "edit", "/repo/../etc/x") is None
    assert outcome(Permissions.EDIT, "edit", "/etc/x") is None
    assert outcome(Permissions.EDIT, "execute", "/repo/x") is None
    assert outcome(Permissions.ASK, "edit", "/repo/x") is None


def test_a_patient_agent_is_told_how_long_a_tool_may_take() -> None:
    """Waiting for people takes longer than the minute after which agents give a tool up."""
    slow = McpServer(name="muster", url="http://127.0.0.1:9/mcp", seconds=86_400)
    claude = ClaudeCode().command(spec(mcp=[slow]))
    assert claude.env["MCP_TOOL_TIMEOUT"] == "86400000"
    assert "MCP_TOOL_TIMEOUT" not in ClaudeCode().command(spec(mcp=SERVERS)).env
    words = " ".join(CodexExec().command(spec(mcp=[slow])).argv)
    assert '"tool_timeout_sec" = 86400' in words
    assert "tool_timeout_sec" not in " ".join(CodexExec().command(spec(mcp=SERVERS)).argv)
    conversation = Codex().converse(spec(mcp=[slow]))
    conversation.start()
    sent = conversation.feed(b'{"id":0,"result":{}}\n').send.splitlines()
    params: Any = (decode(sent[1]) or {})["params"]
    assert params["config"]["mcp_servers.muster"]["tool_timeout_sec"] == 86_400
    assert all(adapter.profile.patient for adapter in (ClaudeCode(), Codex(), CodexExec()))


def test_claude_code_tells_of_its_calls_and_not_of_prompts() -> None:
    """SW-4d"""
    env = ClaudeCode().command(spec(access=TELLING)).env
    assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:9/otlp"
    assert (env["OTEL_LOGS_EXPORTER"], env["OTEL_TRACES_EXPORTER"]) == ("otlp", "none")
    assert env["TRACEPARENT"] == TELLING.trace
    assert "OTEL_LOG_USER_PROMPTS" not in env
    assert "OTEL_LOGS_EXPORTER" not in ClaudeCode().command(spec(access=ACCESS)).env


@pytest.mark.parametrize("adapter", [Codex(), CodexExec()], ids=["app-server", "exec"])
def test_codex_tells_of_its_calls_and_not_of_prompts(adapter: Adapter) -> None:
    """SW-4d"""
    command = adapter.command(spec(access=TELLING))
    endpoint = '{"endpoint" = "http://127.0.0.1:9/otlp/v1/logs", "protocol" = "json"}'
    assert f'otel.exporter={{"otlp-http" = {endpoint}}}' in command.argv
    assert "otel.log_user_prompt=false" in command.argv
    assert command.env["TRACEPARENT"] == TELLING.trace
