"""What is started for agents that get their prompt once, and for those that ship with muster."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from muster.agents.adapter import (
    Adapter,
    BadAgentSpec,
    Dialect,
    McpServer,
    ModelAccess,
    Permissions,
    Unsupported,
)
from muster.agents.aider import Aider
from muster.agents.gemini import Gemini
from muster.agents.http import Http
from muster.agents.mini import Mini
from muster.agents.model import Model
from muster.agents.openclaw import OpenClaw
from muster.agents.opencode import OpenCode
from muster.agents.plain import Plain
from muster.agents.qwen import Qwen
from muster.agents.registry import ADAPTERS, find
from muster.agents.scripted import Scripted
from muster.domain.agent_task import MODEL_AGENT
from tests.agents.recordings import spec

SECRET = "run-token-3141"
ACCESS = ModelAccess(
    urls={
        Dialect.ANTHROPIC: "http://127.0.0.1:9/a",
        Dialect.OPENAI: "http://127.0.0.1:9/o/v1",
        Dialect.GEMINI: "http://127.0.0.1:9/g",
    },
    token=SECRET,
)
HEADER = "Bearer secret-2718"
SERVERS = (
    McpServer(name="web", url="http://127.0.0.1:9/mcp", headers={"Authorization": HEADER}),
    McpServer(name="own", argv=("tool", "-x"), env={"TOOL_KEY": "secret-1618"}),
)
NEEDED: dict[str, dict[str, Any]] = {
    "plain": {"program": ["x", "{prompt}"]},
    "http": {"url": "http://127.0.0.1/"},
}
ONE_SHOTS: list[Adapter] = [Gemini(), OpenCode(), Qwen(), Mini(), Aider(), OpenClaw(), Plain()]
EVERY = pytest.mark.parametrize(
    "adapter", [*ONE_SHOTS, Model(), Http()], ids=lambda adapter: adapter.profile.name
)
CALLERS = pytest.mark.parametrize("adapter", [*ONE_SHOTS, Model()], ids=lambda adapter: adapter.profile.name)
WITH_SERVERS = pytest.mark.parametrize(
    "adapter", [Gemini(), OpenCode(), Qwen()], ids=lambda adapter: adapter.profile.name
)


def full(adapter: Adapter, **changes: Any) -> Any:
    given = {
        "model": "big",
        "access": ACCESS,
        "system_prompt": "Be brief.",
        "permissions": Permissions.FULL,
        "options": NEEDED.get(adapter.profile.name, {}),
    }
    return spec(**(given | changes))


def argv(adapter: Adapter, **changes: Any) -> list[str]:
    return list(adapter.command(full(adapter, **changes)).argv)


@CALLERS
def test_it_is_led_to_the_gateway_and_nowhere_else_and_no_secret_is_on_its_command_line(
    adapter: Adapter,
) -> None:
    """SA-1"""
    plain = adapter.command(full(adapter))
    hostile = dict.fromkeys(plain.env, "http://elsewhere")
    command = adapter.command(full(adapter, env=hostile))
    assert SECRET not in " ".join(command.argv)
    assert SECRET in command.env.values()
    told = json.dumps([dict(command.env), list(command.files.values())])
    assert ACCESS.urls[adapter.profile.dialects[0]] in told
    for name, value in plain.env.items():
        if value == SECRET or "127.0.0.1" in value:
            assert command.env[name] == value


@EVERY
def test_an_option_nobody_knows_is_refused(adapter: Adapter) -> None:
    with pytest.raises(BadAgentSpec, match="colour"):
        adapter.command(full(adapter, options={**NEEDED.get(adapter.profile.name, {}), "colour": "red"}))


@EVERY
def test_a_copy_needs_a_session(adapter: Adapter) -> None:
    with pytest.raises(BadAgentSpec, match=r"payload\.fork"):
        adapter.command(full(adapter, fork=True))


@pytest.mark.parametrize("adapter", ONE_SHOTS, ids=lambda adapter: adapter.profile.name)
def test_a_prompt_too_long_for_a_command_line_is_refused_by_name(adapter: Adapter) -> None:
    with pytest.raises(BadAgentSpec, match=r"payload\.prompt"):
        adapter.command(full(adapter, prompt="x" * 130_000))


@pytest.mark.parametrize("adapter", ONE_SHOTS, ids=lambda adapter: adapter.profile.name)
def test_nothing_can_be_said_to_it_while_it_runs(adapter: Adapter) -> None:
    conversation = adapter.converse(full(adapter))
    assert conversation.start() == b""
    with pytest.raises(Unsupported):
        conversation.say("more")


@WITH_SERVERS
def test_tool_servers_are_in_its_settings_and_their_secrets_not_on_the_command_line(adapter: Adapter) -> None:
    """SA-1"""
    command = adapter.command(full(adapter, mcp=SERVERS))
    line, told = " ".join(command.argv), json.dumps([dict(command.env), list(command.files.values())])
    for secret in (HEADER, "secret-1618"):
        assert secret in told
        assert secret not in line


@pytest.mark.parametrize(
    ("adapter", "wanted"),
    [
        (Gemini(), {"fork": True, "session": "s"}),
        (OpenCode(), {"max_turns": 3}),
        (OpenCode(), {"tools": ["x"]}),
        (Mini(), {"session": "s"}),
        (Mini(), {"permissions": Permissions.EDIT}),
        (Aider(), {"mcp": SERVERS}),
        (OpenClaw(), {"permissions": Permissions.ASK}),
        (OpenClaw(), {"model": None}),
        (Model(), {"tools": ["x"]}),
        (Plain(), {"session": "s"}),
        (Http(), {"mcp": SERVERS}),
    ],
)
def test_what_it_cannot_do_is_refused(adapter: Adapter, wanted: dict[str, Any]) -> None:
    with pytest.raises(BadAgentSpec):
        adapter.command(full(adapter, **wanted))


MODES = [
    (Gemini(), ["plan", "default", "auto_edit", "yolo"]),
    (Qwen(), ["plan", "default", "auto-edit", "yolo"]),
]


@pytest.mark.parametrize(("adapter", "modes"), MODES)
def test_permissions_are_its_own_modes(adapter: Adapter, modes: list[str]) -> None:
    for wanted, mode in zip(Permissions, modes, strict=True):
        assert f"--approval-mode={mode}" in argv(adapter, permissions=wanted)


def test_opencode_denies_what_it_would_have_to_ask_for() -> None:
    """A question would end its loop with status 0."""

    def permission(wanted: Permissions) -> dict[str, str]:
        command = OpenCode().command(full(OpenCode(), permissions=wanted))
        return json.loads(command.env["OPENCODE_CONFIG_CONTENT"])["permission"]

    assert set(permission(Permissions.ASK).values()) == {"deny"}
    assert permission(Permissions.EDIT)["edit"] == "allow"
    assert permission(Permissions.EDIT)["bash"] == "deny"
    assert set(permission(Permissions.FULL).values()) == {"allow"}


def test_sessions_models_and_prompts_are_flags() -> None:
    line = argv(Gemini(), session="abc", prompt="--do it", max_turns=3)
    assert {"--resume=abc", "--model=big", "--prompt=--do it"} <= set(line)
    settings = json.loads(
        Gemini().command(full(Gemini(), max_turns=3)).files[Path("/home/agent/.gemini/settings.json")]
    )
    assert settings["model"] == {"maxSessionTurns": 3}
    line = argv(Qwen(), session="abc", fork=True, max_turns=3, tools=["read_file"])
    assert {"--resume=abc", "--fork-session", "--max-session-turns=3", "--core-tools=read_file"} <= set(line)
    assert "--append-system-prompt=Be brief." in line
    line = argv(OpenCode(), session="abc", fork=True, prompt="--do it", options={"variant": "high"})
    assert line[-7:] == ["--session", "abc", "--fork", "--variant", "high", "--", "--do it"]
    assert argv(OpenCode())[-1].startswith("Be brief.\n\n")


def test_models_of_litellm_have_their_providers_name() -> None:
    names = {"gpt-5.5": "openai/gpt-5.5", "claude-sonnet-4-5": "anthropic/claude-sonnet-4-5", "x/y": "x/y"}
    for given, named in names.items():
        assert f"--model={named}" in argv(Mini(), model=given)
        assert f"--model={named}" in argv(Aider(), model=given)
    with pytest.raises(BadAgentSpec, match=r"payload\.model"):
        argv(Aider(), model=None)


def test_aider_only_answers_where_it_may_not_edit() -> None:
    assert "--chat-mode=ask" in argv(Aider(), permissions=Permissions.ASK)
    line = argv(Aider(), permissions=Permissions.EDIT, options={"files": ["a.py"], "edit_format": "diff"})
    assert "--chat-mode=ask" not in line
    assert "--edit-format=diff" in line
    assert line[-2:] == ["--", "a.py"]
    with pytest.raises(BadAgentSpec, match="files"):
        argv(Aider(), options={"files": "a.py"})


def test_a_plain_command_line_gets_the_prompt_where_it_says() -> None:
    program = ["do", "--text={prompt}", "{prompt_file}", "{model}"]
    command = Plain().command(full(Plain(), prompt="fix {model}", options={"program": program}))
    assert list(command.argv) == ["do", "--text=Be brief.\n\nfix {model}", "/home/agent/prompt.txt", "big"]
    assert command.files[Path("/home/agent/prompt.txt")] == "Be brief.\n\nfix {model}"
    apart = Plain().command(full(Plain(), options={"program": ["do", "{system}", "{prompt}"]}))
    assert list(apart.argv) == ["do", "Be brief.", "Please change the greeting."]


def test_a_model_is_spoken_to_in_the_dialect_of_its_name() -> None:
    def dialect(**changes: Any) -> str:
        return json.loads(Model().converse(full(Model(), **changes)).start())["dialect"]

    assert dialect(model="claude-opus-4-5") == "anthropic"
    assert dialect(model="gemini-2.5-pro") == "gemini"
    assert dialect(model="qwen3:8b") == "openai"
    assert dialect(model="claude-like", options={"dialect": "openai"}) == "openai"
    for options in ({"dialect": "x"}, {"parameters": []}, {"parameters": {"tools": []}}):
        with pytest.raises(BadAgentSpec, match="agent_options"):
            argv(Model(), options=options)
    with pytest.raises(BadAgentSpec, match=r"payload\.model"):
        argv(Model(), model=None)


BAD_REQUESTS: list[dict[str, Any]] = [
    {},
    {"url": "file:///etc/passwd"},
    {"url": "http://"},
    {"url": "http://x/", "method": "BREW"},
    {"url": "http://x/", "headers": {"A": "b\r\nC: d"}},
    {"url": "http://x/", "headers": []},
    {"url": "http://x/", "expect": [7]},
    {"url": "http://x/", "result": "status"},
    {"url": "http://x/", "seconds": 0},
    {"url": "http://x/", "poll": []},
    {"url": "http://x/", "poll": {"colour": 1}},
    {"url": "http://x/", "poll": {"done": ["ok"]}},
    {"url": "http://x/", "poll": {"field": "/s", "done": "ok"}},
    {"url": "http://x/", "poll": {"url": 1}},
]


@pytest.mark.parametrize("options", BAD_REQUESTS, ids=str)
def test_a_request_that_cannot_be_made_is_refused_by_field(options: dict[str, Any]) -> None:
    with pytest.raises(BadAgentSpec, match=r"payload\.agent_options"):
        argv(Http(), options=options)


def test_shipped_agents_import_nothing_from_the_folder_they_work_in() -> None:
    for adapter in (Scripted(), Model()):
        assert list(adapter.command(spec(model="m", python="python3")).argv)[:3] == ["python3", "-P", "-m"]


def test_every_adapter_has_a_name_of_its_own_and_tasks_of_kind_llm_have_theirs() -> None:
    names = [adapter.profile.name for adapter in ADAPTERS]
    assert len(names) == len(set(names))
    assert find(MODEL_AGENT).profile.name == "model"


def test_gemini_tells_of_its_calls_and_not_of_prompts() -> None:
    """SW-4d"""
    env = Gemini().command(spec(access=replace(ACCESS, telemetry="http://127.0.0.1:9/otlp"))).env
    assert env["GEMINI_TELEMETRY_OTLP_ENDPOINT"] == "http://127.0.0.1:9/otlp"
    assert env["GEMINI_TELEMETRY_LOG_PROMPTS"] == "false"
    assert "GEMINI_TELEMETRY_ENABLED" not in Gemini().command(spec(access=ACCESS)).env
