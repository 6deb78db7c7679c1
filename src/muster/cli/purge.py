"""`muster purge`: remove finished tasks."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from muster.cli.connection import path
from muster.cli.invocation import invocation


def purge(
    context: typer.Context,
    older_than: Annotated[
        float | None,
        typer.Option("--older-than", metavar="DAYS", min=0, help="Default: the setting purge.after_days."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove finished tasks; what costs and audit need is kept."""
    call = invocation(context)
    body: dict[str, Any] = {} if older_than is None else {"older_than_days": older_than}
    with call.connection() as connection:
        counted = connection.post(path("purge"), {**body, "dry_run": True})
        total = int(counted["purged"])
        if dry_run or total == 0:
            call.output.done(f"{total} tasks would be removed" if total else "Nothing to purge", counted)
            return
        if not yes:
            typer.confirm(f"Remove {total} finished tasks?", abort=True, err=True)
        with call.output.progress("purging", total) as bar:
            answer = connection.post(path("purge"), body, wait=600)
            bar.advance(total)
    removed = answer["purged"]
    call.output.done(f"{removed} tasks removed", answer)
