"""The recorded streams of the real programs, and the conversations that read them.

A folder of `streams` is an agent and its version; a file is a scenario. How its program ended is in `endings.json`
where it did not simply end with status 0. A newly recorded version is one folder more, and one line here if it is a
new agent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muster.agents.acp import CLAUDE, CODEX, GEMINI, OPENCODE, QWEN, Acp, Traits
from muster.agents.adapter import AgentSpec, Conversation, Ended, Permissions
from muster.agents.aider import Aider
from muster.agents.claude_code import ClaudeCode
from muster.agents.codex import Codex, CodexExec
from muster.agents.gemini import Gemini
from muster.agents.mini import Mini
from muster.agents.openclaw import OpenClaw
from muster.agents.opencode import OpenCode
from muster.agents.qwen import Qwen
from tests.agents.players import Cut, Played, Player, whole

HERE = Path(__file__).parent
STREAMS = HERE / "streams"
GOLDEN = HERE / "golden"
KINDS = (".jsonl", ".txt")
SESSIONS = {"say.loaded", "say.resumed"}
"""Scenarios that go on with a session."""


@dataclass(frozen=True)
class Recording:
    """One stream."""

    folder: str
    scenario: str

    @property
    def name(self) -> str:
        """What it is called in tests."""
        return f"{self.folder}/{self.scenario}"

    @property
    def path(self) -> Path:
        """The stream."""
        folder = STREAMS / self.folder
        return next(
            folder / f"{self.scenario}{kind}"
            for kind in KINDS
            if (folder / f"{self.scenario}{kind}").exists()
        )

    @property
    def golden(self) -> Path:
        """The expectation."""
        return GOLDEN / self.folder / f"{self.scenario}.json"

    @property
    def ended(self) -> Ended:
        """How the program ended."""
        endings = STREAMS / self.folder / "endings.json"
        known: dict[str, Any] = json.loads(endings.read_text()) if endings.exists() else {}
        return Ended(**known.get(self.scenario, {"code": 0}))

    def play(self, cut: Cut = whole) -> Played:
        """Read it with a new conversation."""
        reader, agent = reader_of(self)
        return Player(reader, agent, cut).play(self.path.read_bytes().splitlines(), self.ended)


def recordings() -> list[Recording]:
    """All of them that the agents of this module read."""
    return [
        Recording(path.parent.name, path.stem)
        for path in sorted(STREAMS.glob("*/*"))
        if path.suffix in KINDS and path.parent.name.rpartition("-")[0] in _READERS
    ]


def spec(**changes: Any) -> AgentSpec:
    """What a recording was made with, as far as it matters."""
    given: dict[str, Any] = {
        "prompt": "Please change the greeting.",
        "working_dir": Path("/repo"),
        "home": Path("/home/agent"),
        "program": ("agent",),
        "permissions": Permissions.ASK,
    }
    return AgentSpec(**(given | changes))


def _acp(traits: Traits) -> Callable[[AgentSpec], Conversation]:
    return lambda wanted: Acp(traits).converse(wanted)


_READERS: dict[str, tuple[Callable[[AgentSpec], Conversation], str | None]] = {
    "claude": (ClaudeCode().converse, None),
    "claude-partial": (ClaudeCode().converse, None),
    "claude-agent-acp": (_acp(CLAUDE), "in"),
    "codex": (CodexExec().converse, None),
    "codex-codemode": (CodexExec().converse, None),
    "codex-app-server": (Codex().converse, "in"),
    "codex-acp": (_acp(CODEX), "in"),
    "zed-codex-acp": (_acp(CODEX), "in"),
    "gemini-acp": (_acp(GEMINI), "in"),
    "opencode-acp": (_acp(OPENCODE), "in"),
    "qwen-acp": (_acp(QWEN), "in"),
    "gemini": (Gemini().converse, None),
    "opencode": (OpenCode().converse, None),
    "qwen": (Qwen().converse, None),
    "mini": (Mini().converse, None),
    "aider": (Aider().converse, None),
    "openclaw": (OpenClaw().converse, None),
}


def reader_of(recording: Recording) -> tuple[Conversation, str | None]:
    """A new conversation for it, and the word that marks the agent's lines where both sides are recorded."""
    converse, agent = _READERS[recording.folder.rpartition("-")[0]]
    if agent is None and recording.path.read_bytes().startswith(b'{"dir"'):
        agent = "out"
    session = "an-old-session" if recording.scenario in SESSIONS else None
    return converse(spec(session=session)), agent
