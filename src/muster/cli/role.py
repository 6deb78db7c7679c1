"""`muster role`: who agents can be."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from muster.cli.connection import path
from muster.cli.invocation import group, invocation
from muster.cli.output import Column, shortened

app: Final = group("List, make, try and remove roles of agents.")

COLUMNS: Final = (
    Column("name", "name"),
    Column("kind", "kind"),
    Column("agent", "agent", spare=True),
    Column("model", "model", spare=True),
    Column("permissions", "permissions", spare=True),
    Column("description", lambda row: shortened(row.get("description"), 60), flexible=True),
)
FIELDS: Final = (
    "name",
    "kind",
    "description",
    "agent",
    "model",
    "permissions",
    "tools",
    "system_prompt",
    "instructions",
)
Identity = Annotated[str, typer.Argument(metavar="ROLE", help="Its name.")]


@app.command("list")
def list_roles(context: typer.Context) -> None:
    """List the roles."""
    call = invocation(context)
    with call.connection() as connection:
        found: list[dict[str, Any]] = connection.get(path("roles"))["items"]
    call.output.table(found, COLUMNS, empty="No roles.")


@app.command("show")
def show(context: typer.Context, role: Identity) -> None:
    """Show one role with its prompts."""
    call = invocation(context)
    with call.connection() as connection:
        found = connection.get(path("roles", role))
    call.output.record(found, [(name.replace("_", " "), found.get(name)) for name in FIELDS])


@app.command("set")
def set_role(
    context: typer.Context,
    role: Identity,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="analyst, planner, builder, tester, reviewer or custom."),
    ] = None,
    description: Annotated[str | None, typer.Option("--description", metavar="TEXT")] = None,
    system_prompt: Annotated[
        str | None, typer.Option("--system-prompt", metavar="TEXT", help="@FILE too.")
    ] = None,
    instructions: Annotated[
        str | None, typer.Option("--instructions", metavar="TEXT", help="Added to it; @FILE too.")
    ] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME")] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME")] = None,
    permissions: Annotated[str | None, typer.Option("--permissions", help="read, ask, edit or full.")] = None,
    tools: Annotated[
        list[str] | None, typer.Option("--tool", metavar="NAME", help="Repeatable; only these.")
    ] = None,
) -> None:
    """Make a role, or change what is named of one."""
    from muster.cli.submission import text_or_file
    from muster.client.errors import ApiError

    given: dict[str, Any] = {"kind": kind, "description": description, "agent": agent, "model": model}
    given |= {"permissions": permissions, "tools": tools}
    given["system_prompt"] = None if system_prompt is None else text_or_file(system_prompt)
    given["instructions"] = None if instructions is None else text_or_file(instructions)
    call = invocation(context)
    with call.connection() as connection:
        try:
            known = connection.get(path("roles", role))
        except ApiError as error:
            if error.status != 404:
                raise
            known = {}
        body = {name: value for name, value in known.items() if name not in ("name", "built_in")}
        body |= {name: value for name, value in given.items() if value is not None}
        made = connection.put(path("roles", role), body)
    call.output.done(f"Role {role} {'changed' if known else 'made'}", made)


@app.command("clone")
def clone(
    context: typer.Context, role: Identity, name: Annotated[str, typer.Argument(metavar="NAME")]
) -> None:
    """Copy a role under another name."""
    call = invocation(context)
    with call.connection() as connection:
        made = connection.post(path("roles", role, "clone"), {"name": name})
    call.output.done(f"Role {made['name']} made from {role}", made)


@app.command("delete")
def delete(context: typer.Context, role: Identity) -> None:
    """Remove a role of one's own."""
    call = invocation(context)
    with call.connection() as connection:
        answer = connection.delete(path("roles", role))
    call.output.done(f"Role {role} deleted", answer)


@app.command("preview")
def preview(
    context: typer.Context,
    role: Identity,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="@FILE too.")],
    queue: Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME")] = None,
) -> None:
    """Show the prompt exactly as an agent would get it."""
    from muster.cli.submission import text_or_file

    body = {"title": "preview", "prompt": text_or_file(prompt), "role": role}
    if queue is not None:
        body["queue"] = queue
    call = invocation(context)
    with call.connection() as connection:
        found = connection.post(path("prompts", "preview"), body)
    call.output.record(found, [("system", found["system"]), ("user", found["user"])])
