"""What we send over ACP fits the models of the protocol's own package."""

from __future__ import annotations

from typing import Any

import pytest
from acp import schema
from pydantic import BaseModel

from muster.agents.acp import ANY, TRAITS, Acp
from muster.agents.adapter import McpServer
from muster.agents.jsonl import decode, encode
from tests.agents.recordings import Recording, recordings, spec

MODELS: dict[str, type[BaseModel]] = {
    "initialize": schema.InitializeRequest,
    "session/new": schema.NewSessionRequest,
    "session/load": schema.LoadSessionRequest,
    "session/resume": schema.ResumeSessionRequest,
    "session/fork": schema.ForkSessionRequest,
    "session/prompt": schema.PromptRequest,
    "session/set_mode": schema.SetSessionModeRequest,
    "session/set_config_option": schema.SetSessionConfigOptionSelectRequest,
    "session/cancel": schema.CancelNotification,
}
ACP = [recording for recording in recordings() if "acp" in recording.folder]
SERVERS = [
    McpServer(name="by-url", url="http://127.0.0.1:1/mcp", headers={"Authorization": "Bearer x"}),
    McpServer(name="by-command", argv=("tool", "--serve"), env={"A": "b"}),
]


def check(message: dict[str, Any]) -> None:
    """A message of ours."""
    assert message["jsonrpc"] == "2.0"
    if "method" in message:
        MODELS[message["method"]].model_validate(message["params"])
    elif "result" in message:
        schema.RequestPermissionResponse.model_validate(message["result"])
    else:
        assert message["error"]["code"] == -32601


@pytest.mark.parametrize("recording", ACP, ids=lambda recording: recording.name)
def test_every_message_of_a_recorded_conversation_fits(recording: Recording) -> None:
    sent = recording.play().sent
    assert sent
    for message in sent:
        check(message)


@pytest.mark.parametrize("way", ["new", "resume", "load", "fork"])
@pytest.mark.parametrize("traits", TRAITS, ids=lambda traits: traits.profile.name)
def test_every_way_to_open_a_session_fits(traits: Any, way: str) -> None:
    options = {"program": ["agent"]} if traits is ANY else {}
    wanted = spec(
        session=None if way == "new" else "s",
        fork=way == "fork",
        mcp=SERVERS,
        system_prompt="Be brief.",
        model="big",
        options=options,
    )
    conversation = Acp(traits).converse(wanted)
    capabilities = {
        "loadSession": True,
        "sessionCapabilities": {} if way == "load" else {"resume": {}, "fork": {}},
    }
    model = {"id": "model", "category": "model", "currentValue": "small", "options": [{"value": "big"}]}
    modes = {
        "currentModeId": "x",
        "availableModes": [{"id": "default"}, {"id": "agent-full-access"}, {"id": "read-only"}],
    }
    answers = [
        {"protocolVersion": 1, "agentCapabilities": capabilities},
        {"sessionId": "s", "configOptions": [model], "modes": modes},
        {},
        {},
        {"stopReason": "end_turn"},
    ]
    sent = [decode(conversation.start())]
    while sent[-1] is not None and answers:
        check(sent[-1])
        step = conversation.feed(encode({"jsonrpc": "2.0", "id": sent[-1]["id"], "result": answers.pop(0)}))
        if not step.send:
            break
        sent.append(decode(step.send))
    methods = [message["method"] for message in sent if message is not None]
    assert methods[1] == f"session/{way}"
    assert methods[-1] == "session/prompt"
    opened = sent[1]
    assert opened is not None
    assert [server["name"] for server in opened["params"]["mcpServers"]] == ["by-url", "by-command"]


def test_a_method_that_was_never_offered_is_refused() -> None:
    """OpenCode calls fs/write_text_file although no file system was offered."""
    found = Recording("opencode-acp-1.18.33", "edit").play()
    refused = [message for message in found.sent if "error" in message]
    assert [message["error"]["code"] for message in refused] == [-32601]
    assert found.verdict is not None
    assert found.verdict.ok
