"""The tools over standard input and output, for a client that starts them as a program."""

from __future__ import annotations

from mcp.server.stdio import stdio_server

from muster.mcp.seat import Seat
from muster.mcp.server import build_server


async def serve_stdio(version: str, seat: Seat) -> None:
    """Until the client closes our input. One caller: what it claims is held for its later calls."""
    seat.keeps = True
    server = build_server(version, lambda _: seat)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())
