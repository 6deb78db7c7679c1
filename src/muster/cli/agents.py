"""Agents, and what happened lately."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from muster.cli.connection import path
from muster.cli.invocation import group, invocation
from muster.cli.output import Column, Record, money, since

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
USED_COLUMNS: Final = (
    Column("model", lambda row: f"{row['provider']}/{row['model']}", flexible=True),
    Column("calls", "calls", right=True),
    Column("tokens", lambda row: str(_tokens(row)), right=True),
    Column("cost", lambda row: money(row["cost_usd"]), right=True),
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


@app.command("show")
def show(context: typer.Context, agent_id: Annotated[str, typer.Argument(metavar="AGENT")]) -> None:
    """Show an agent: how its newest tasks ended, and what they used of each model."""
    call = invocation(context)
    with call.connection() as connection:
        agent = connection.get(path("agents", agent_id))
        usage = connection.get(path("agents", agent_id, "usage"))
    if call.output.as_json:
        call.output.record(agent | {"usage": usage}, [])
        return
    call.output.record(agent, _facts(agent))
    call.output.table(usage["models"], USED_COLUMNS, empty="No call to a model was metered.")


def _facts(agent: dict[str, Any]) -> list[tuple[str, Any]]:
    record = agent["record"]
    ended = record["succeeded"] + record["failed"]
    rate = f"{record['succeeded']} of {ended} that ended" if ended else None
    median = record["median_cost_usd"]
    return [
        ("agent", agent["id"]),
        ("name", agent["name"]),
        ("status", agent["status"]),
        ("model", agent["model"]),
        ("task", agent["current_task_id"]),
        ("tasks", record["tasks"]),
        ("succeeded", rate),
        ("cost", money(record["cost_usd"])),
        ("median cost", None if median is None else money(median)),
        ("last seen", since(agent["last_active_at"])),
    ]


def _tokens(used: Record) -> int:
    tokens = used["tokens"]
    return sum(amount for name, amount in tokens.items() if name != "reasoning_tokens")


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
