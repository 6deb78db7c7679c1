"""Agents, and what happened lately."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from muster.cli.connection import path
from muster.cli.invocation import group, invocation
from muster.cli.output import Column, since

AGENT_COLUMNS: Final = (
    Column("agent", "id"),
    Column("name", "name"),
    Column("model", "model", spare=True),
    Column("status", "status"),
    Column("task", "current_task_id"),
    Column("tokens", "tokens_used", right=True, spare=True),
    Column("last seen", lambda row: since(row.get("last_active_at")), spare=True),
)
DETECTED_COLUMNS: Final = (
    Column("agent", "agent"),
    Column("what", "title", flexible=True),
    Column("version", lambda row: row.get("version") or ("-" if row.get("installed") else "not here")),
    Column("signed in by", lambda row: row.get("signed_in_by") or "-", spare=True),
    Column("asks", "asks", spare=True),
    Column("resumes", "resumes", spare=True),
)
ACTIVITY_COLUMNS: Final = (
    Column("when", lambda row: since(row.get("at"))),
    Column("what", "title", flexible=True),
    Column("agent", "agent_id", spare=True),
    Column("task", "task_id"),
)
app: Final = group("List agents with what they do, and see which are installed.", alone=True)
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")]


@app.callback(invoke_without_command=True)
def agents(
    context: typer.Context,
    status: Annotated[str | None, typer.Option("--status", help="online, offline, busy or error.")] = None,
    limit: Limit = 200,
) -> None:
    """List agents with what they do; or see which are installed here."""
    if context.invoked_subcommand is not None:
        return
    call = invocation(context)
    with call.connection() as connection:
        found = list(connection.pages(path("agents"), limit=limit, status=status))
    call.output.table(found, AGENT_COLUMNS, empty="No agent has called yet.")


@app.command("detect")
def detect(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are not installed, too.")] = False,
) -> None:
    """See which agents are installed on this machine, and whether they are signed in. Needs no server."""
    import asyncio

    from muster.bootstrap.agents import detected_agents

    call = invocation(context)
    found = asyncio.run(detected_agents(call.settings()))
    rows = [
        {
            "agent": entry.profile.name,
            "title": entry.profile.title,
            "installed": entry.installed,
            "version": entry.version or None,
            "path": None if entry.path is None else str(entry.path),
            "signed_in_by": entry.sign_in or None,
            "asks": entry.profile.asks,
            "resumes": entry.profile.resumes,
            "problem": entry.problem or None,
        }
        for entry in found
        if entry.installed or everything
    ]
    call.output.table(rows, DETECTED_COLUMNS, empty="No agent is installed.")


def activity(
    context: typer.Context,
    agent: Annotated[str | None, typer.Option("--agent", metavar="ID")] = None,
    task: Annotated[str | None, typer.Option("--task", metavar="TASK")] = None,
    limit: Limit = 30,
) -> None:
    """Show what happened lately, newest first."""
    from muster.cli.task_ids import full_id

    call = invocation(context)
    with call.connection() as connection:
        identity = full_id(connection, task) if task else None
        found = list(connection.pages(path("activities"), limit=limit, agent=agent, task=identity))
    call.output.table(found, ACTIVITY_COLUMNS, empty="Nothing happened yet.")
