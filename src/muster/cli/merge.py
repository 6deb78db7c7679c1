"""`muster merge`: the work of a task goes into a branch of its repository."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from muster.cli.commits import SHORT, WHOLE, seen
from muster.cli.connection import path
from muster.cli.invocation import invocation


def merge(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="TASK", help="Whose work.")],
    into: Annotated[
        str | None, typer.Option("--into", metavar="BRANCH", help="Default: the one the work began at.")
    ] = None,
    squash: Annotated[
        bool, typer.Option("--squash", help="All of the work as one commit, without its history.")
    ] = False,
    message: Annotated[
        str | None, typer.Option("--message", "-m", metavar="TEXT", help="Of the commit that is made.")
    ] = None,
    commit: Annotated[
        str | None,
        typer.Option("--commit", metavar="ID", help="Only if the work is still this commit."),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who merges.")] = None,
) -> None:
    """Merge a task's work into a branch of its repository.

    All of it or nothing. Where the branch is checked out its files follow; what you changed by hand is never overwritten.
    """
    call = invocation(context)
    with call.connection() as connection:
        now = connection.get(path("tasks", task_id, "git"))["commit"]
        wanted: dict[str, Any] = {
            "commit": seen(commit, now) or "0" * WHOLE,
            "way": "squash" if squash else "merge",
        }
        wanted |= {} if into is None else {"into": into}
        wanted |= {} if by is None else {"by": by}
        wanted |= {} if message is None else {"message": message}
        merged = connection.post(path("tasks", task_id, "merge"), wanted)
    work, branch = str(merged["commit"])[:SHORT], str(merged["into"])
    if merged["already"]:
        call.output.done(f"{branch} has all of {work} already.", merged)
    else:
        call.output.done(
            f"Merged {work} into {branch}, which is at {str(merged['merge_commit'])[:SHORT]} now "
            f"(it was at {str(merged['before'])[:SHORT]}).",
            merged,
        )
