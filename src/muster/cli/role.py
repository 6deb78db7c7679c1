"""`muster role`: who agents can be."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from muster.cli.connection import path
from muster.cli.invocation import group, invocation
from muster.cli.output import Column, shortened, since

app: Final = group("List, make, try and remove roles of agents, and look at what they were.")

COLUMNS: Final = (
    Column("name", "name"),
    Column("kind", "kind"),
    Column("agent", "agent", spare=True),
    Column("model", "model", spare=True),
    Column("permissions", "permissions", spare=True),
    Column("version", "version", right=True, spare=True),
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
VERSION_COLUMNS: Final = (
    Column("version", lambda row: f"{row['version']}{' (now)' if row.get('current') else ''}"),
    Column("made", lambda row: since(row["at"])),
    Column("by", "by"),
    Column("what changed", "words", flexible=True),
)
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says it.")]
Number = Annotated[int, typer.Argument(metavar="N", min=1, help="A version; see 'muster role versions'.")]
Identity = Annotated[str, typer.Argument(metavar="ROLE", help="Its name.")]


@app.command("list")
def list_roles(context: typer.Context) -> None:
    """List the roles."""
    call = invocation(context)
    with call.connection() as connection:
        found: list[dict[str, Any]] = connection.get(path("roles"))["items"]
    call.output.table(found, COLUMNS, empty="No roles.")


@app.command("show")
def show(
    context: typer.Context,
    role: Identity,
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", min=1, help="As it was; default: as it is.")
    ] = None,
) -> None:
    """Show one role with its prompts."""
    call = invocation(context)
    target = path("roles", role) if version is None else path("roles", role, "versions", str(version))
    with call.connection() as connection:
        found = connection.get(target)
    by = found.get("updated_by", found.get("by"))
    made = f"{found['version']}, {since(found.get('updated_at') or found['at'])}{f', by {by}' if by else ''}"
    fields = [(name.replace("_", " "), found.get(name)) for name in FIELDS]
    call.output.record(found, [fields[0], ("version", made), *fields[1:]])


@app.command("versions")
def versions(
    context: typer.Context,
    role: Identity,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200, metavar="N")] = 50,
) -> None:
    """List what was made of a role, newest first: when, by whom, what changed."""
    call = invocation(context)
    with call.connection() as connection:
        found = connection.get(path("roles", role, "versions"), limit=limit)
    call.output.table(found["items"], VERSION_COLUMNS, empty="No versions.", answer=found)


@app.command("diff")
def diff(
    context: typer.Context,
    role: Identity,
    first: Number,
    second: Annotated[
        int | None, typer.Argument(metavar="M", min=1, help="With what N is compared; default: as it is.")
    ] = None,
) -> None:
    """Show how one version of a role differs from another, as a unified diff."""
    from muster.cli.files import show_diff

    call = invocation(context)
    with call.connection() as connection:
        after = connection.get(path("roles", role))["version"] if second is None else second
        target = path("roles", role, "versions", str(after), "diff")
        text = connection.document(target, against=first).decode()
    if call.output.as_json:
        call.output.json({"role": role, "from": first, "to": after, "diff": text})
    elif text:
        show_diff(call.output, text.removesuffix("\n"))
    else:
        call.output.note(f"Versions {first} and {after} of {role} say the same.")


@app.command("restore")
def restore(context: typer.Context, role: Identity, version: Number, by: By = None) -> None:
    """Make a role what an older version says. That is a new version: nothing is lost."""
    call = invocation(context)
    with call.connection() as connection:
        target = path("roles", role, "versions", str(version), "restore")
        made = connection.post(target, {} if by is None else {"by": by})
    call.output.done(f"Role {role} is as in version {version} again; that is version {made['version']}", made)


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
    by: By = None,
) -> None:
    """Make a role, or change what is named of one. A change makes a version."""
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
        body = _body(known)
        body |= {name: value for name, value in given.items() if value is not None}
        made = connection.put(path("roles", role), body | _from(known, by))
    same = known.get("version") == made["version"]
    did = "is so already" if same else f"{'changed' if known else 'made'}: version {made['version']}"
    call.output.done(f"Role {role} {did}", made)


def _body(known: dict[str, Any]) -> dict[str, Any]:
    """A role as it is sent: without what a server of its own leaves open."""
    if not known:
        return {}
    servers: list[dict[str, Any]] = known["mcp"]
    mcp = [{name: value for name, value in server.items() if value} for server in servers]
    return {name: known[name] for name in FIELDS[1:]} | {"mcp": mcp}


def _from(known: dict[str, Any], by: str | None) -> dict[str, Any]:
    """Who says it, and what it was made of: what somebody else saved meanwhile is not overwritten."""
    return {"if_version": known.get("version", 0)} | ({} if by is None else {"by": by})


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
