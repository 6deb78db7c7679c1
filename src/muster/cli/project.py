"""`muster project`: projects and their capital."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

import typer

from muster.cli.connection import Connection, path
from muster.cli.invocation import group, invocation
from muster.cli.output import Column, money
from muster.domain.errors import NotFound

app: Final = group("List, make, pause and fund projects.")

WAITING_STATES: Final = ("ready", "blocked", "backoff")
COLUMNS: Final = (
    Column("project", "name"),
    Column("id", "id", spare=True),
    Column("status", "status"),
    Column("priority", "priority", spare=True),
    Column(
        "allocated",
        lambda row: "no limit" if row.get("allocated_usd") is None else money(row["allocated_usd"]),
        right=True,
    ),
    Column("reserved", lambda row: money(row.get("reserved_usd")), right=True),
    Column("spent", lambda row: money(row.get("spent_usd")), right=True),
    Column("running", lambda row: row["tasks"].get("running", 0), right=True),
    Column("waiting", lambda row: sum(row["tasks"].get(state, 0) for state in WAITING_STATES), right=True),
)
LEDGER_COLUMNS: Final = (
    Column("when", "at"),
    Column("what", "kind", flexible=True),
    Column("amount", lambda row: money(row.get("amount_usd")), right=True),
    Column("balance", lambda row: money(row.get("balance_usd")), right=True),
    Column("task", "task_id"),
    Column("note", "note", flexible=True),
)
Name = Annotated[str, typer.Argument(metavar="PROJECT", help="Name or id.")]


def project_id(connection: Connection, name: str) -> str:
    """The id of a project given by name or id; NotFound when there is none."""
    if name.startswith("prj_"):
        return name
    for row in connection.pages(path("projects"), limit=10_000):
        if row["name"] == name:
            return str(row["id"])
    raise NotFound(f"There is no project {name}; 'muster project list' shows them.", noun="project", id=name)


@app.command("list")
def list_projects(
    context: typer.Context, limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 200
) -> None:
    """List projects with their money."""
    call = invocation(context)
    with call.connection() as connection:
        found = list(connection.pages(path("projects"), limit=limit))
    call.output.table(found, COLUMNS, empty="No projects.")


@app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    budget: Annotated[
        float | None, typer.Option("--budget", metavar="USD", min=0, help="Default: no limit.")
    ] = None,
    priority: Annotated[str | None, typer.Option("--priority", help="urgent, high, medium or low.")] = None,
    description: Annotated[str | None, typer.Option("--description", metavar="TEXT")] = None,
    working_dir: Annotated[str | None, typer.Option("--working-dir", "-C", metavar="DIR")] = None,
    sandbox: Annotated[
        str | None, typer.Option("--sandbox", metavar="LEVEL", help="Isolation its tasks demand.")
    ] = None,
) -> None:
    """Make a project."""
    body: dict[str, Any] = {"name": name, "priority": priority, "description": description}
    body |= {"working_dir": working_dir, "budget_usd": budget, "sandbox": sandbox}
    body = {key: value for key, value in body.items() if value is not None}
    call = invocation(context)
    with call.connection() as connection:
        made = connection.post(path("projects"), body)
    call.output.done(f"Project {made['name']} made ({made['id']})", made)


@app.command("show")
def show(context: typer.Context, project: Name) -> None:
    """Show one project."""
    call = invocation(context)
    with call.connection() as connection:
        found = connection.get(path("projects", project_id(connection, project)))
    call.output.record(found, [_field(key, value) for key, value in found.items()])


def _field(key: str, value: object) -> tuple[str, object]:
    """A name and a value as `muster project show` shows them."""
    match value:
        case dict():
            counts = cast(dict[str, int], value)
            return key, ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        case None if key == "allocated_usd":
            return "allocated", "no limit"
        case _ if key.endswith("_usd"):
            return key.removesuffix("_usd"), money(value)
        case _:
            return key.removesuffix("_at").replace("_", " "), value


def _set_status(context: typer.Context, project: str, status: str, word: str) -> None:
    call = invocation(context)
    with call.connection() as connection:
        changed = connection.patch(path("projects", project_id(connection, project)), {"status": status})
    call.output.done(f"Project {changed['name']} {word}", changed)


@app.command("pause")
def pause(context: typer.Context, project: Name) -> None:
    """Hand out none of its work; what runs goes on."""
    _set_status(context, project, "paused", "paused")


@app.command("resume")
def resume(context: typer.Context, project: Name) -> None:
    """Hand out its work again."""
    _set_status(context, project, "active", "resumed")


@app.command("allocate")
def allocate(
    context: typer.Context,
    project: Name,
    amount: Annotated[float, typer.Argument(metavar="USD", help="A negative amount (after --) takes back.")],
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT")] = None,
) -> None:
    """Give a project money to spend."""
    body: dict[str, Any] = {"amount_usd": amount} if note is None else {"amount_usd": amount, "note": note}
    call = invocation(context)
    with call.connection() as connection:
        answer = connection.post(path("projects", project_id(connection, project), "allocate"), body)
    total = money(answer.get("allocated_usd"))
    call.output.done(f"{project} has {total} now, {money(answer.get('spent_usd'))} of it spent", answer)


@app.command("ledger")
def ledger(
    context: typer.Context, project: Name, limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 50
) -> None:
    """Show what was allocated, reserved, settled and released."""
    call = invocation(context)
    with call.connection() as connection:
        target = path("projects", project_id(connection, project), "ledger")
        found = list(connection.pages(target, limit=limit))
    call.output.table(found, LEDGER_COLUMNS, empty="No entries.")


@app.command("delete")
def delete(
    context: typer.Context,
    project: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a project. Its queued and finished tasks go with it."""
    call = invocation(context)
    with call.connection() as connection:
        identity = project_id(connection, project)
        found = connection.get(path("projects", identity))
        tasks = cast(dict[str, int], found["tasks"])
        if not yes:
            typer.confirm(
                f"Delete project {found['name']} and its {sum(tasks.values())} tasks?", abort=True, err=True
            )
        answer = connection.delete(path("projects", identity))
    call.output.done(f"Project {found['name']} deleted", answer)
