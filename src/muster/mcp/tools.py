"""The tools: name, what models read of it, what it takes, what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from muster.domain.errors import InvalidInput
from muster.mcp import arguments as shapes
from muster.mcp.asking import Tick, ask_human, permission_prompt
from muster.mcp.filing import file_subtask, read_task, report_finding
from muster.mcp.seat import Seat
from muster.mcp.working import claim, complete, fail, heartbeat

_SHOWN: Final = frozenset(
    {"type", "description", "enum", "default", "required", "minimum", "maximum", "maxLength", "maxItems"}
)
T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[T]):
    """One tool. `claims`: of no use to an agent whose task is in hand from the start."""

    name: str
    about: str
    takes: type[T]
    run: Callable[[Seat, T, Tick], Awaitable[dict[str, Any]]]
    claims: bool = False
    reads: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments, one plain object."""
        (_,), parts = msgspec.json.schema_components([self.takes])
        plain = _plain(parts[self.takes.__name__])
        del plain["description"]
        return plain | {"additionalProperties": False}

    async def call(self, seat: Seat, given: Mapping[str, Any], tick: Tick) -> dict[str, Any]:
        """Do it. InvalidInput names the argument that is not as it must be."""
        try:
            arguments = msgspec.convert(dict(given), self.takes)
        except msgspec.ValidationError as error:
            raise InvalidInput(field=f"arguments of {self.name}", problem=str(error)) from error
        return await self.run(seat, arguments, tick)


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema in the few words that every client and model understands: what is optional is left out, never null."""
    known = {name: value for name, value in schema.items() if name in _SHOWN and value not in (None, [], {})}
    for option in schema.get("anyOf", ()):
        if option != {"type": "null"}:
            known = _plain(option) | known
    if "properties" in schema:
        known["properties"] = {name: _plain(part) for name, part in schema["properties"].items()}
    if "items" in schema:
        known["items"] = _plain(schema["items"])
    return known


TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        name="claim",
        about="Take the next task, or a certain one, in hand. The answer's `claim` goes into every later call about it. "
        "Call heartbeat at least every few minutes while you work, then complete or fail.",
        takes=shapes.ClaimArguments,
        run=claim,
        claims=True,
    ),
    Tool(
        name="complete",
        about="Report the task in hand as done.",
        takes=shapes.CompleteArguments,
        run=complete,
    ),
    Tool(
        name="fail",
        about="Report that the task in hand cannot be done, with what went wrong.",
        takes=shapes.FailArguments,
        run=fail,
    ),
    Tool(
        name="heartbeat",
        about="Say that you are still at work and how far you are; hear whether the task was cancelled and what people say.",
        takes=shapes.HeartbeatArguments,
        run=heartbeat,
    ),
    Tool(
        name="ask_human",
        about="Ask the people who run this fleet, and wait for their answer. Use it when you cannot decide something yourself. "
        "When the state is `pending`, call it again with the same key: the question stays, and so does its answer.",
        takes=shapes.AskArguments,
        run=ask_human,
    ),
    Tool(
        name="report_finding",
        about="Report something you noticed that is not your task to mend: a bug, a risk, a wrong document.",
        takes=shapes.FindingArguments,
        run=report_finding,
    ),
    Tool(
        name="file_subtask",
        about="Queue further work below the task in hand, for another agent or a person.",
        takes=shapes.SubtaskArguments,
        run=file_subtask,
    ),
    Tool(
        name="read_task",
        about="Show a task with its state, its latest attempt and what it waits for.",
        takes=shapes.ReadArguments,
        run=read_task,
        reads=True,
    ),
    Tool(
        name="permission_prompt",
        about="For Claude Code's --permission-prompt-tool: ask people for leave to use a tool. Not for models to call.",
        takes=shapes.PermissionArguments,
        run=permission_prompt,
    ),
)
BY_NAME: Final[Mapping[str, Tool[Any]]] = {tool.name: tool for tool in TOOLS}


def offered(seat: Seat) -> list[Tool[Any]]:
    """The tools that are of use to this caller."""
    return [tool for tool in TOOLS if seat.listener is None or not tool.claims]
