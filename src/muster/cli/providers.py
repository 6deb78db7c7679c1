"""`muster providers`: model providers that fail."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

import typer

from muster.cli.connection import path
from muster.cli.invocation import invocation
from muster.cli.output import Column, since

COLUMNS: Final = (
    Column("provider", "name"),
    Column("state", "state"),
    Column("failures", "failures", right=True),
    Column("tried again", lambda row: since(row.get("until")) if row.get("until") else "one task tries"),
    Column("waiting agents", lambda row: ", ".join(cast(list[str], row["agents"]))),
    Column("last failure", "message", flexible=True),
)


def providers(
    context: typer.Context,
    retry: Annotated[
        str | None, typer.Option("--retry", metavar="NAME", help="Go on with this one's tasks at once.")
    ] = None,
) -> None:
    """List model providers that fail; try one again. Agents' tasks wait for them."""
    call = invocation(context)
    with call.connection() as connection:
        if retry is not None:
            connection.post(path("providers", retry, "retry"), {})
            call.output.done(f"Tasks that need {retry} go on.", {"provider": retry})
            return
        found = cast(list[dict[str, Any]], connection.get(path("providers", "failing"))["items"])
    call.output.table(
        found, COLUMNS, empty="Every model provider answers, as far as agents have called them."
    )
