"""`muster mcp`: muster's tools for a client that starts them as a program."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Annotated, Final

import typer

from muster.cli.invocation import invocation

if TYPE_CHECKING:
    from muster.client.client import Client

RETRY_SECONDS: Final = 10.0


def mcp(
    context: typer.Context,
    server: Annotated[
        str | None, typer.Option("--server", metavar="URL", help="Address of the server; as --url.")
    ] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="NAME", help="Who claims, in the list of agents.")
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, max=86_400, metavar="SECONDS", help="How long ask_human waits.")
    ] = 50,
    claim: Annotated[
        str | None,
        typer.Option(
            "--claim", envvar="MUSTER_CLAIM", metavar="CLAIM", help="A claim made before, to go on with."
        ),
    ] = None,
) -> None:
    """Serve muster's tools to an MCP client over stdio.

    The client starts this command and talks with it; see docs/how-to/mcp.md. ask_human must wait shorter than the client
    lets a tool run.
    """
    from muster.bootstrap.daemon import client_url

    call = invocation(context)
    call.override("server.url", server)
    settings = call.settings()
    token = settings.server.token
    from muster.client.client import Client
    from muster.client.http import HttpTransport

    transport = HttpTransport(client_url(settings), retry_seconds=RETRY_SECONDS)
    client = Client(transport, token=None if token is None else token.get_secret_value())
    asyncio.run(_serve(client, agent or f"mcp-{socket.gethostname()}-{os.getppid()}", wait, claim))


async def _serve(client: Client, agent: str, wait: float, claim: str | None) -> None:
    from importlib.metadata import version

    from muster.mcp.seat import Seat, read_claim
    from muster.mcp.stdio import serve_stdio

    held = None if claim is None else read_claim(claim)
    try:
        await serve_stdio(
            version("muster-fleet"), Seat(client=client, agent=agent, wait_seconds=wait, held=held)
        )
    finally:
        await client.close()
