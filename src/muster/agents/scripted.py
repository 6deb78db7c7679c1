"""The scripted agent and agents of one's own that speak the same line protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

import muster
from muster.agents.adapter import (
    AgentCommand,
    AgentSpec,
    BadAgentSpec,
    Conversation,
    Dialect,
    Profile,
)
from muster.agents.entry_lines import EntryConversation

PACKAGE: Final = Path(muster.__file__).parent
"""Must be readable inside the sandbox: the shipped agents are modules of it."""


def shipped(spec: AgentSpec, module: str) -> AgentCommand:
    """The command of an agent that ships with muster. It imports nothing from the folder it works in (`-P`)."""
    return AgentCommand(
        argv=[spec.python, "-P", "-m", f"muster.agents.programs.{module}"],
        env={"HOME": str(spec.home), "PYTHONPATH": str(PACKAGE.parent), **access_variables(spec)},
        interactive=True,
    )


def access_variables(spec: AgentSpec) -> dict[str, str]:
    """The way to models under the names that most programs know."""
    if spec.access is None:
        return {}
    urls, token = spec.access.urls, spec.access.token
    return {
        "ANTHROPIC_BASE_URL": urls[Dialect.ANTHROPIC],
        "ANTHROPIC_API_KEY": token,
        "OPENAI_BASE_URL": urls[Dialect.OPENAI],
        "OPENAI_API_KEY": token,
        "GOOGLE_GEMINI_BASE_URL": urls[Dialect.GEMINI],
        "GEMINI_API_KEY": token,
    }


class Scripted:
    """The adapter of the scripted agent."""

    @property
    def profile(self) -> Profile:
        """What it is and can."""
        return Profile(
            name="scripted",
            title="Scripted agent (needs no key)",
            driver="shipped",
            dialects=(Dialect.ANTHROPIC,),
            provider="anthropic",
            asks=True,
            follow_ups=True,
            resumes=True,
        )

    def command(self, spec: AgentSpec) -> AgentCommand:
        """Its program inside the sandbox."""
        _script(spec)
        return shipped(spec, "scripted")

    def converse(self, spec: AgentSpec) -> Conversation:
        """The conversation over its pipes."""
        return EntryConversation(prompt_of(spec) | {"script": _script(spec)})


class LineProtocol:
    """The adapter of agents of one's own: `agent_options.program` is their command line."""

    @property
    def profile(self) -> Profile:
        """What it is and can."""
        return Profile(
            name="jsonl",
            title="An agent of your own, by muster's line protocol",
            driver="command",
            dialects=tuple(Dialect),
            asks=True,
            follow_ups=True,
            resumes=True,
        )

    def command(self, spec: AgentSpec) -> AgentCommand:
        """The command line it is given."""
        return AgentCommand(
            argv=program_of(spec), env={"HOME": str(spec.home), **access_variables(spec)}, interactive=True
        )

    def converse(self, spec: AgentSpec) -> Conversation:
        """The conversation over its pipes."""
        return EntryConversation(prompt_of(spec))


def prompt_of(spec: AgentSpec) -> dict[str, Any]:
    """The first line of the line protocol."""
    return {
        "text": spec.prompt,
        "system": spec.system_prompt,
        "session": spec.session,
        "fork": spec.fork,
        "model": spec.model,
        "permissions": spec.permissions,
    }


def program_of(spec: AgentSpec) -> list[str]:
    """`agent_options.program`; BadAgentSpec unless it is a command line."""
    value = spec.options.get("program")
    words = cast(list[Any], value) if isinstance(value, list) else []
    if not words or not all(isinstance(word, str) and word for word in words):
        raise BadAgentSpec(
            field="payload.agent_options.program",
            problem='must be a command line, such as ["my-agent", "-x"]',
        )
    return words


def _script(spec: AgentSpec) -> list[Any]:
    unknown = sorted(set(spec.options) - {"script"})
    if unknown:
        raise BadAgentSpec(field=f"payload.agent_options.{unknown[0]}", problem="is not known; script is")
    script = spec.options.get("script", [])
    if not isinstance(script, list):
        raise BadAgentSpec(field="payload.agent_options.script", problem="must be a list of steps")
    return cast(list[Any], script)
