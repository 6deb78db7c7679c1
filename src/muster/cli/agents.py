"""Agents, and what happened lately."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from muster.cli.connection import path
from muster.cli.invocation import invocation
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
ACTIVITY_COLUMNS: Final = (
    Column("when", lambda row: since(row.get("at"))),
    Column("what", "title", flexible=True),
    Column("agent", "agent_id", spare=True),
    Column("task", "task_id"),
)
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")]


def agents(
    context: typer.Context,
    status: Annotated[str | None, typer.Option("--status", help="online, offline, busy or error.")] = None,
    limit: Limit = 200,
) -> None:
    """List agents with what they do."""
    call = invocation(context)
    with call.connection() as connection:
        found = list(connection.pages(path("agents"), limit=limit, status=status))
    call.output.table(found, AGENT_COLUMNS, empty="No agent has called yet.")


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
