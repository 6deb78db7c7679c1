"""`muster queue`: the queues work waits in."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from muster.cli.connection import path
from muster.cli.invocation import group, invocation
from muster.cli.output import Column, Record
from muster.domain.errors import InvalidInput

app: Final = group("List, make, change, pause and archive queues.")

ANY: Final = "any"
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="Name or id.")]
Instructions = Annotated[
    str | None,
    typer.Option("--instructions", metavar="TEXT", help="Context for whoever does the work; @FILE too."),
]
Mode = Annotated[
    str | None, typer.Option("--mode", help="auto (our workers), manual (a person) or external (API).")
]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", metavar="N", min=1, help="Tasks at once, at most.")
]

Approval = Annotated[
    str | None,
    typer.Option(
        "--approval", help="strict: every result needs a person's verdict; relaxed: it may have one."
    ),
]
Isolation = Annotated[
    str | None,
    typer.Option("--sandbox", metavar="LEVEL", help="Isolation its tasks demand; 'any' takes it away."),
]


def _count(state: str, *, spare: bool = False) -> Column:
    def value(row: Record) -> object:
        stats: Any = row.get("stats") or {}
        return stats.get(state, 0)

    return Column(state, value, right=True, spare=spare)


def _standing(row: Record) -> str:
    return "paused" if row.get("paused") and row.get("status") == "active" else str(row.get("status"))


COLUMNS: Final = (
    Column("queue", "name"),
    Column("mode", "mode"),
    Column("status", _standing),
    Column("approval", "approval", spare=True),
    Column("limit", "concurrency", right=True, spare=True),
    _count("ready"),
    _count("running"),
    _count("blocked", spare=True),
    _count("backoff", spare=True),
    _count("succeeded"),
    _count("failed"),
)


@app.command("list")
def list_queues(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Archived ones too.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 200,
) -> None:
    """List queues with what is in them."""
    call = invocation(context)
    with call.connection() as connection:
        found = list(connection.pages(path("queues"), limit=limit))
        if everything:
            found += connection.pages(path("queues"), limit=limit, archived=True)
    unique = {str(row["id"]): row for row in found}
    call.output.table(list(unique.values()), COLUMNS, empty="No queues.")


@app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    instructions: Instructions = None,
    mode: Mode = None,
    concurrency: Concurrency = None,
    sandbox: Isolation = None,
    approval: Approval = None,
    project: Annotated[str | None, typer.Option("--project", "-p", metavar="ID")] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="ID")] = None,
) -> None:
    """Make a queue."""
    from muster.cli.submission import text_or_file

    body = {"name": name, "instructions": instructions and text_or_file(instructions), "mode": mode}
    body |= {"concurrency": concurrency, "project_id": project, "session_id": session}
    body |= {"sandbox": None if sandbox == ANY else sandbox, "approval": approval}
    call = invocation(context)
    with call.connection() as connection:
        made = connection.post(
            path("queues"), {key: value for key, value in body.items() if value is not None}
        )
    call.output.done(f"Queue {made['name']} made ({made['id']})", made)


@app.command("show")
def show(context: typer.Context, queue: Name) -> None:
    """Show one queue with its instructions."""
    call = invocation(context)
    with call.connection() as connection:
        found = connection.get(path("queues", queue))
    stats: dict[str, Any] = found.get("stats") or {}
    fields = [
        ("id", found["id"]),
        ("name", found["name"]),
        ("mode", found.get("mode")),
        ("approval", found.get("approval")),
        ("status", _standing(found)),
        ("concurrency", found.get("concurrency")),
        ("isolation", found.get("sandbox")),
        ("tasks", ", ".join(f"{count} {state}" for state, count in stats.items() if count)),
        ("instructions", found.get("instructions")),
    ]
    call.output.record(found, fields)


@app.command("edit")
def edit(
    context: typer.Context,
    queue: Name,
    name: Annotated[str | None, typer.Option("--name", help="A new name.")] = None,
    instructions: Instructions = None,
    mode: Mode = None,
    concurrency: Concurrency = None,
    sandbox: Isolation = None,
    approval: Approval = None,
    unlimited: Annotated[
        bool, typer.Option("--unlimited", help="Take the limit on tasks at once away.")
    ] = False,
) -> None:
    """Change a queue."""
    from muster.cli.submission import text_or_file

    body: dict[str, Any] = {
        "name": name,
        "instructions": instructions and text_or_file(instructions),
        "mode": mode,
        "approval": approval,
    }
    body = {key: value for key, value in {**body, "concurrency": concurrency}.items() if value is not None}
    if unlimited:
        body["concurrency"] = None
    if sandbox is not None:
        body["sandbox"] = None if sandbox == ANY else sandbox
    if not body:
        raise InvalidInput(
            field="queue edit",
            problem="say what to change: --name, --instructions, --mode, --concurrency, --unlimited, --sandbox, --approval",
        )
    call = invocation(context)
    with call.connection() as connection:
        changed = connection.patch(path("queues", queue), body)
    call.output.done(f"Queue {changed['name']} changed", changed)


def _act(context: typer.Context, queue: str, verb: str, word: str) -> None:
    call = invocation(context)
    with call.connection() as connection:
        answer = connection.post(path("queues", queue, verb))
    call.output.done(f"Queue {answer.get('name', queue)} {word}", answer)


@app.command("pause")
def pause(context: typer.Context, queue: Name) -> None:
    """Hand out nothing more; what runs goes on."""
    _act(context, queue, "pause", "paused")


@app.command("resume")
def resume(context: typer.Context, queue: Name) -> None:
    """Hand out work again."""
    _act(context, queue, "resume", "resumed")


@app.command("archive")
def archive(context: typer.Context, queue: Name) -> None:
    """Put a queue away; it is hidden and takes no work."""
    _act(context, queue, "archive", "archived")


@app.command("unarchive")
def unarchive(context: typer.Context, queue: Name) -> None:
    """Bring an archived queue back."""
    _act(context, queue, "unarchive", "is back")


@app.command("delete")
def delete(context: typer.Context, queue: Name) -> None:
    """Delete an empty queue."""
    call = invocation(context)
    with call.connection() as connection:
        answer = connection.delete(path("queues", queue))
    call.output.done(f"Queue {queue} deleted", answer)
