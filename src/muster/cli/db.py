"""The schema of the database."""

from __future__ import annotations

from typing import Final

import typer

from muster.cli.invocation import group, invocation

app: Final = group("Show and upgrade the database's schema.")


@app.command("current")
def current(context: typer.Context) -> None:
    """Show which schema the database has and which this version wants."""
    _report(context, "current")


@app.command("upgrade")
def upgrade(context: typer.Context) -> None:
    """Bring the database's schema up to this version. SQLite databases do this by themselves when the server starts."""
    _report(context, "upgrade")


def _report(context: typer.Context, name: str) -> None:
    import asyncio
    from dataclasses import asdict

    call = invocation(context)
    settings = call.settings()
    from muster.bootstrap import schema

    report = asyncio.run(getattr(schema, name)(settings))
    if call.output.as_json:
        call.output.json(asdict(report))
    elif report.changed:
        call.output.text(f"upgraded from {report.found or 'an empty database'} to {report.wanted}")
    elif report.found == report.wanted:
        call.output.text(f"schema {report.found}, as this version wants it")
    else:
        call.output.text(
            f"schema {report.found or 'none'}, this version wants {report.wanted}: muster db upgrade"
        )
