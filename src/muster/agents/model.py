"""A plain call of a model, for tasks of kind `llm`: no program of an agent, no tools, one answer."""

from __future__ import annotations

from typing import Any, Final, cast

from muster.agents.adapter import AgentCommand, AgentSpec, BadAgentSpec, Conversation, Dialect, Profile
from muster.agents.entry_lines import EntryConversation
from muster.agents.oneshot import check_options, refuse
from muster.agents.scripted import prompt_of, shipped

PROFILE: Final = Profile(
    name="model",
    title="A model itself, with its tools off",
    driver="shipped",
    dialects=tuple(Dialect),
    follow_ups=True,
    resumes=True,
    forks=True,
)
_BY_NAME: Final = (("claude", Dialect.ANTHROPIC), ("gemini", Dialect.GEMINI))
_OURS: Final = frozenset({"model", "messages", "contents", "system", "stream", "tools", "systemInstruction"})


class Model:
    """The adapter. `agent_options`: `dialect`, and `parameters`, which are put into the request as they are."""

    profile = PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """Its program inside the sandbox."""
        _asked(spec)
        return shipped(spec, "model")

    def converse(self, spec: AgentSpec) -> Conversation:
        """The conversation over its pipes."""
        return EntryConversation(prompt_of(spec) | _asked(spec))


def _asked(spec: AgentSpec) -> dict[str, Any]:
    check_options(spec, ("dialect", "parameters"))
    refuse(spec, "a call of a model", "max_turns", "mcp", "tools")
    if not spec.model:
        problem = "must name the model to call, such as claude-sonnet-4-5 or gpt-5.5"
        raise BadAgentSpec(field="payload.model", problem=problem)
    return {"dialect": _dialect(spec, spec.model), "parameters": _parameters(spec)}


def _dialect(spec: AgentSpec, model: str) -> Dialect:
    """By name, else by the beginning of the model's name; what is not known speaks OpenAI's, as local servers do."""
    named = spec.options.get("dialect")
    if named is None:
        return next((dialect for start, dialect in _BY_NAME if model.startswith(start)), Dialect.OPENAI)
    if named not in set(Dialect):
        raise BadAgentSpec(field="payload.agent_options.dialect", problem=f"is none of {', '.join(Dialect)}")
    return Dialect(named)


def _parameters(spec: AgentSpec) -> dict[str, Any]:
    value = spec.options.get("parameters", {})
    field = "payload.agent_options.parameters"
    if not isinstance(value, dict):
        raise BadAgentSpec(field=field, problem='must be an object, such as {"temperature": 0}')
    given = cast(dict[str, Any], value)
    if taken := sorted(_OURS & set(given)):
        raise BadAgentSpec(field=f"{field}.{taken[0]}", problem="is set by muster")
    return given
