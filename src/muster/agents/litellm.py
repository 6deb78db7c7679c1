"""What agents that call models through LiteLLM have in common: names of models, and the way to the gateway."""

from __future__ import annotations

from typing import Final

from muster.agents.adapter import AgentSpec, BadAgentSpec, Dialect

DIALECTS: Final = (Dialect.OPENAI, Dialect.ANTHROPIC, Dialect.GEMINI)
KEY_VARIABLES: Final = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")
OFFLINE: Final = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
"""Otherwise it fetches its table of prices when it is imported."""


def model_name(spec: AgentSpec) -> str:
    """`PROVIDER/MODEL`; a bare name is Anthropic's or Google's by its beginning, else of anything that speaks OpenAI's API."""
    if not spec.model:
        raise BadAgentSpec(field="payload.model", problem="must name a model for this agent")
    if "/" in spec.model:
        return spec.model
    known = {"claude": "anthropic", "gemini": "gemini"}
    return f"{known.get(spec.model.partition('-')[0], 'openai')}/{spec.model}"


def way_to_models(spec: AgentSpec) -> dict[str, str]:
    """The variables that lead to the gateway."""
    if spec.access is None:
        return {}
    urls, token = spec.access.urls, spec.access.token
    return {
        "OPENAI_API_BASE": urls[Dialect.OPENAI],
        "OPENAI_BASE_URL": urls[Dialect.OPENAI],
        "OPENAI_API_KEY": token,
        "ANTHROPIC_API_BASE": urls[Dialect.ANTHROPIC],
        "ANTHROPIC_BASE_URL": urls[Dialect.ANTHROPIC],
        "ANTHROPIC_API_KEY": token,
        "GEMINI_API_BASE": f"{urls[Dialect.GEMINI]}/v1beta",
        "GEMINI_API_KEY": token,
    }
