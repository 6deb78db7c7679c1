"""Nothing that a program writes makes a conversation raise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.agents.acp import ANY, CLAUDE, CODEX, GEMINI, Acp
from muster.agents.adapter import Answer, Conversation, Ended, Unsupported
from muster.agents.aider import Aider
from muster.agents.claude_code import ClaudeCode
from muster.agents.codex import Codex, CodexExec
from muster.agents.gemini import Gemini
from muster.agents.mini import Mini
from muster.agents.openclaw import OpenClaw
from muster.agents.opencode import OpenCode
from muster.agents.plain import Plain
from muster.agents.qwen import Qwen
from muster.domain.transcript import OptionKind, PermissionRequest, Question, Unknown
from tests.agents.recordings import recordings, spec

MAKERS: dict[str, Callable[[], Conversation]] = {
    "claude": lambda: ClaudeCode().converse(spec()),
    "codex": lambda: Codex().converse(spec()),
    "codex-exec": lambda: CodexExec().converse(spec()),
    "acp": lambda: Acp(ANY).converse(spec(options={"program": ["agent"]})),
    "claude-acp": lambda: Acp(CLAUDE).converse(spec(session="old")),
    "codex-acp": lambda: Acp(CODEX).converse(spec(session="old", fork=True)),
    "gemini-acp": lambda: Acp(GEMINI).converse(spec()),
    "gemini": lambda: Gemini().converse(spec()),
    "opencode": lambda: OpenCode().converse(spec()),
    "qwen": lambda: Qwen().converse(spec()),
    "mini": lambda: Mini().converse(spec()),
}
TEXTS: dict[str, Callable[[], Conversation]] = {
    "aider": lambda: Aider().converse(spec()),
    "openclaw": lambda: OpenClaw().converse(spec()),
    "plain": lambda: Plain().converse(spec()),
}
EVERY = pytest.mark.parametrize("name", MAKERS)
JUNK: list[Any] = [
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "text",
    [],
    [1],
    [{}],
    {},
    {"type": "x"},
    [["a"]],
    {"id": [1]},
]


def live_through(conversation: Conversation, data: bytes) -> None:
    """Feed it, answer whatever it asks, and end it."""
    conversation.start()
    step = conversation.feed(data)
    for entry in step.entries:
        if isinstance(entry, PermissionRequest | Question):
            conversation.answer(entry.id, Answer(kind=OptionKind.ALLOW_ALWAYS, option="x", text="y"))
            conversation.answer(entry.id, Answer(kind=OptionKind.REJECT_ONCE))
    conversation.interrupt()
    try:
        conversation.say("more")
    except Unsupported:
        pass
    _, verdict = conversation.finish(Ended(code=1, stderr="gone"))
    assert verdict.ok or verdict.code


@pytest.mark.parametrize("name", MAKERS | TEXTS)
@given(data=st.binary(max_size=200))
def test_bytes_are_survived(name: str, data: bytes) -> None:
    live_through((MAKERS | TEXTS)[name](), data)


@EVERY
def test_long_and_broken_lines_become_unknown_entries(name: str) -> None:
    conversation = MAKERS[name]()
    conversation.start()
    long = b'{"type":"assistant","x":"' + b"a" * 10_000_000
    step = conversation.feed(
        long + b"\n\xff\xfe{\n[1]\n" + b'{"type":"no-such-line"}\n{"method":"no/such"}\n'
    )
    assert [type(entry) for entry in step.entries] == [Unknown] * 5
    assert all(len(entry.line) < 10_000 for entry in step.entries if isinstance(entry, Unknown))


LINES = sorted(
    {
        (recording.folder, line)
        for recording in recordings()
        if recording.path.suffix == ".jsonl"
        for line in recording.path.read_text().splitlines()
        if len(line) < 4000
    }
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value within a message."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in places(item, (*path, key)))]


BY_THEMSELVES = ("gemini", "opencode", "qwen", "mini", "claude")
READERS = ("claude-acp", "codex-acp", "gemini-acp", "codex", *BY_THEMSELVES)


@settings(max_examples=400)
@given(data=st.data())
def test_values_of_the_wrong_type_are_survived(data: st.DataObject) -> None:
    """Lines of the recordings with a value replaced, after the lines that open a conversation."""
    folder, line = data.draw(st.sampled_from(LINES))
    message = json.loads(line)
    message.pop("dir", None)
    way = data.draw(st.sampled_from(places(message)[1:]))
    inner = message
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = data.draw(st.sampled_from(JUNK))
    name = next(known for known in READERS if fits(folder, known))
    opening = b'{"id":0,"result":{}}\n{"id":1,"result":{"sessionId":"s","thread":{"id":"t"}}}\n'
    once = (json.dumps(message) + "\n").encode()
    live_through(MAKERS[name](), (opening if name not in BY_THEMSELVES else b"") + once + once)
    live_through(MAKERS["codex-exec"](), once)


def fits(folder: str, name: str) -> bool:
    """Whether a conversation reads the streams of a folder; those of the rarer ACP agents are read as Gemini's."""
    if name == "gemini-acp":
        return "acp" in folder
    return folder.startswith(name.replace("claude-acp", "claude-agent-acp"))
