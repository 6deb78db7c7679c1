"""What the four dialects' calls are reduced to, and what their answers are made from. Nothing here does I/O."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from muster.agents.wire import obj
from muster.domain.usage import TokenUsage

Json = dict[str, Any]
Role = Literal["user", "assistant", "result", "search"]
"""`result`: what a tool gave back; `search`: what a search for tools gave back, which is no step of a scenario."""
SEARCH_TOOLS: Final = frozenset({"ToolSearch", "tool_search"})
"""Some agents keep the tools of MCP servers back until the model has looked them up."""
_TEXT_FIELDS: Final = ("text", "content", "output", "input_text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that the agent declared. `kind` is the dialect's own word; `namespace` groups tools (OpenAI Responses)."""

    name: str
    schema: Json = field(default_factory=Json)
    kind: str = "function"
    namespace: str = ""

    @property
    def properties(self) -> Json:
        """The schemas of its arguments."""
        return obj(self.schema.get("properties"))


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of the conversation so far."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call as it came in. `schema` is what the answer must satisfy where the agent wants structured output."""

    dialect: str
    model: str
    stream: bool
    tools: Mapping[str, Tool]
    items: Sequence[Item]
    system: str
    body: Json
    schema: Json | None = None

    @property
    def last_prompt(self) -> str:
        """What the user said last."""
        return next((item.text for item in reversed(self.items) if item.role == "user"), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of one of the agent's own tools. `script` in place of `arguments`: a custom tool, which takes plain text."""

    name: str
    arguments: Json = field(default_factory=Json)
    script: str = ""
    kind: str = "function"
    namespace: str = ""

    @property
    def text(self) -> str:
        """Its arguments as JSON."""
        return json.dumps(self.arguments if self.kind != "custom" else {"input": self.script})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model says. `stop` overrides why it stopped: `max_tokens` or `refusal`."""

    model: str
    text: str = ""
    think: str = ""
    calls: Sequence[Call] = ()
    stop: str = ""
    usage: TokenUsage = field(default_factory=TokenUsage)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream. `usage` is what the client has been told when it has read this one; None for no change."""

    name: str
    data: Json | str
    usage: TokenUsage | None = None


def text_of(value: Any) -> str:
    """All text of a value, whatever it is wrapped in."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(text_of(entry) for entry in value)  # pyright: ignore[reportUnknownVariableType]
    fields = obj(value)
    name = next((name for name in _TEXT_FIELDS if fields.get(name) is not None), None)
    return "" if name is None else text_of(fields[name])


def tokens(text: str) -> int:
    """About as many as a tokenizer would find; the same for the same text."""
    return max(1, len(text) // 4)


def pieces(text: str, size: int = 24) -> Iterator[str]:
    """A text as a stream brings it; long ones in larger pieces."""
    if len(text) > 4000:
        size = 2000
    yield from (text[at : at + size] for at in range(0, max(len(text), 1), size))


def new_id(prefix: str) -> str:
    """An id as providers make them."""
    return prefix + secrets.token_hex(12)
