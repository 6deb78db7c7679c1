"""The protocol's side: muster's tools behind the official SDK's server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from muster.domain.errors import MusterError, NotFound
from muster.mcp.seat import Seat
from muster.mcp.tools import BY_NAME, Tool, offered

NAME: Final = "muster"
INSTRUCTIONS: Final = (
    "muster hands out tasks and keeps what comes of them. If muster started you, your task is in hand already: use ask_human "
    "for what you cannot decide, report_finding for what you notice, file_subtask for further work. Otherwise begin with claim."
)
Context = ServerRequestContext[dict[str, Any], Any]
SeatOf = Callable[[Context], Seat]


def build_server(version: str, seat_of: SeatOf) -> Server[dict[str, Any]]:
    """A server whose tools are used from the seat that `seat_of` finds for each request; MusterError when there is none."""

    async def list_tools(context: Context, _: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_shown(tool) for tool in offered(seat_of(context))])

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        async def tick(waited: float) -> None:
            await context.session.report_progress(round(waited, 1), message="waiting for an answer")

        try:
            tool = BY_NAME.get(params.name)
            if tool is None:
                raise NotFound(noun="tool", id=params.name[:100])
            answer = await tool.call(seat_of(context), params.arguments or {}, tick)
        except MusterError as error:
            return _text(error.message, failed=True)
        return _text(msgspec.json.encode(answer).decode())

    return Server(
        NAME,
        version=version,
        title="muster",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _shown(tool: Tool[Any]) -> types.Tool:
    return types.Tool(
        name=tool.name,
        description=tool.about,
        input_schema=tool.schema,
        annotations=types.ToolAnnotations(
            read_only_hint=tool.reads, destructive_hint=False, open_world_hint=False
        ),
    )


def _text(text: str, *, failed: bool = False) -> types.CallToolResult:
    """One text and nothing structured beside it: Claude Code's permission prompt takes nothing else."""
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=failed)
