"""`muster session`: named work sessions that group tasks."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from muster.cli.connection import path
from muster.cli.invocation import group, invocation
from muster.cli.output import Column, shortened, since

app: Final = group("List, make and end work sessions.")

COLUMNS: Final = (
    Column("id", "id"),
    Column("name", "name"),
    Column("status", "status"),
    Column("context", lambda row: shortened(row.get("context"), 40), flexible=True),
    Column("created", lambda row: since(row.get("created_at"))),
    Column("ended", lambda row: since(row.get("ended_at"))),
)
Identity = Annotated[str, typer.Argument(metavar="SESSION", help="Id.")]


@app.command("list")
def list_sessions(
    context: typer.Context,
    status: Annotated[str | None, typer.Option("--status", help="active or ended.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 50,
) -> None:
    """List sessions, newest first."""
    call = invocation(context)
    with call.connection() as connection:
        found = list(connection.pages(path("sessions"), limit=limit, status=status))
    call.output.table(found, COLUMNS, empty="No sessions.")


@app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    about: Annotated[
        str | None, typer.Option("--context", metavar="TEXT", help="What it is about; @FILE too.")
    ] = None,
) -> None:
    """Begin a session."""
    from muster.cli.submission import text_or_file

    body = {"name": name} if about is None else {"name": name, "context": text_or_file(about)}
    call = invocation(context)
    with call.connection() as connection:
        made = connection.post(path("sessions"), body)
    call.output.done(f"Session {made['name']} begun ({made['id']})", made)


@app.command("show")
def show(context: typer.Context, session: Identity) -> None:
    """Show one session."""
    call = invocation(context)
    with call.connection() as connection:
        found = connection.get(path("sessions", session))
    names = ("id", "name", "status", "context", "created_at", "ended_at")
    call.output.record(found, [(name.removesuffix("_at"), found.get(name)) for name in names])


@app.command("end")
def end(context: typer.Context, session: Identity) -> None:
    """End a session; its tasks stay."""
    call = invocation(context)
    with call.connection() as connection:
        answer = connection.post(path("sessions", session, "end"))
    call.output.done(f"Session {answer.get('name', session)} ended", answer)
