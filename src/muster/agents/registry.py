"""The agents there are, by name."""

from __future__ import annotations

from typing import Final

from muster.agents.acp import TRAITS, Acp
from muster.agents.adapter import Adapter
from muster.agents.aider import Aider
from muster.agents.claude_code import ClaudeCode
from muster.agents.codex import Codex, CodexExec
from muster.agents.gemini import Gemini
from muster.agents.http import Http
from muster.agents.mini import Mini
from muster.agents.model import Model
from muster.agents.openclaw import OpenClaw
from muster.agents.opencode import OpenCode
from muster.agents.plain import Plain
from muster.agents.qwen import Qwen
from muster.agents.scripted import LineProtocol, Scripted
from muster.domain.errors import NotFound

ADAPTERS: Final[tuple[Adapter, ...]] = (
    ClaudeCode(),
    Codex(),
    CodexExec(),
    *(Acp(traits) for traits in TRAITS),
    Gemini(),
    Mini(),
    Aider(),
    OpenClaw(),
    OpenCode(),
    Qwen(),
    Model(),
    Http(),
    Scripted(),
    LineProtocol(),
    Plain(),
)
ALIASES: Final = {"claude-code": "claude"}

_BY_NAME: Final = {adapter.profile.name: adapter for adapter in ADAPTERS}


def names() -> list[str]:
    """What `payload.agent` can be."""
    return list(_BY_NAME)


def find(name: str) -> Adapter:
    """The adapter of that name or alias; NotFound names those there are."""
    adapter = _BY_NAME.get(ALIASES.get(name, name))
    if adapter is None:
        raise NotFound(
            f"There is no agent {name[:60]} (there are {', '.join(names())}).", noun="agent", id=name[:60]
        )
    return adapter
