"""`muster branches`: what agents' attempts left in a repository and on this host, and removing what is not needed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from muster.cli.connection import Connection, path
from muster.cli.exits import ServerUnreachable
from muster.cli.invocation import Invocation, invocation
from muster.cli.output import Column, Record, duration
from muster.client.errors import ApiError
from muster.domain.reclaim import Kept, Verdict, judge

if TYPE_CHECKING:
    from muster.bootstrap.reclaim import Survey
    from muster.vcs.branches import TaskWork

DAY: Final = 86_400.0


def _merged(row: Record) -> str:
    return {True: "yes", False: "no", None: "-"}[row["merged"]]


COLUMNS: Final = (
    Column("branch", "branch"),
    Column("task is", "state"),
    Column("ahead", "ahead", right=True, spare=True),
    Column("behind", "behind", right=True, spare=True),
    Column("merged", _merged),
    Column("age", lambda row: duration(row["age_seconds"]), right=True),
    Column("size", lambda row: size_in_words(row["size_bytes"]), right=True),
    Column("goes", lambda row: row["verdict"] if row["goes"] else "no"),
    Column("last commit", "subject", flexible=True, clipped=True),
)
FOLDERS: Final = (
    Column("left", "kind"),
    Column("size", lambda row: size_in_words(row["size_bytes"]), right=True),
    Column("folder", "path", flexible=True),
)


def branches(
    context: typer.Context,
    repository: Annotated[
        Path, typer.Option("--repository", "-C", metavar="PATH", help="Default: the one you are in.")
    ] = Path(),
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="BRANCH", help="Merged into what; default: what is checked out."),
    ] = None,
    abandoned: Annotated[
        bool, typer.Option("--abandoned", help="Also those of tasks that failed, were cancelled or purged.")
    ] = False,
    older_than: Annotated[
        float,
        typer.Option("--older-than", metavar="DAYS", min=0, help="For --abandoned, and for agents' homes."),
    ] = 7.0,
    reclaim: Annotated[
        bool, typer.Option("--reclaim", help="Remove what may go. Without it nothing is changed.")
    ] = False,
) -> None:
    """List agents' branches and what they left; --reclaim removes.

    What may go: merged branches, and folders that nobody needs. Without --reclaim nothing is changed.
    """
    call = invocation(context)
    states = States(call)
    from muster.bootstrap import reclaim as left

    settings = call.settings()
    found = asyncio.run(left.survey(settings, repository.absolute(), into, states.of, older_than))
    rows = [_row(work, states.of(work.task), abandoned, older_than) for work in found.works]
    going = [work for work, row in zip(found.works, rows, strict=True) if row["goes"]]
    objects = asyncio.run(left.unshared_size(found, going))
    if reclaim:
        asyncio.run(left.reclaim(settings, found, going))
    _show(call, found, rows, objects, removed=reclaim)


class States:
    """States of tasks, asked once each; None for all when no server answers."""

    def __init__(self, call: Invocation) -> None:
        self._call = call
        self._known: dict[str, str | None] = {}
        self._silent = False

    def of(self, task: str) -> str | None:
        """A task's state; `gone` when the server does not know it."""
        if task not in self._known and not self._silent:
            with self._call.connection() as connection:
                self._known[task] = self._ask(connection, task)
        return self._known.get(task)

    def _ask(self, connection: Connection, task: str) -> str | None:
        try:
            return str(connection.get(path("tasks", task))["state"])
        except ApiError as error:
            if error.status == 404:
                return "gone"
            raise
        except ServerUnreachable:
            self._silent = True
            return None


def _row(work: TaskWork, state: str | None, abandoned: bool, older_days: float) -> dict[str, Any]:
    age = max(time.time_ns() / 1e9 - work.at, 0.0)
    merged = work.standing.merged is True
    kept = Kept(state=state, merged=merged, checked_out=bool(work.checked_out), age_days=age / DAY)
    verdict: Verdict = judge(kept, abandoned=abandoned, older_days=older_days)
    return {
        "branch": work.branch or f"{work.task or 'unknown'} (no branch)",
        "task": work.task,
        "state": state,
        "commit": work.commit,
        "subject": work.subject,
        "ahead": work.standing.ahead,
        "behind": work.standing.behind,
        "merged": work.standing.merged,
        "age_seconds": round(age),
        "size_bytes": work.size,
        "verdict": verdict.value,
        "goes": verdict.goes,
    }


def _show(
    call: Invocation, found: Survey, rows: Sequence[dict[str, Any]], objects: int, *, removed: bool
) -> None:
    folders = [
        {"kind": folder.kind, "path": str(folder.path), "size_bytes": folder.size} for folder in found.folders
    ]
    on_disk, count = sum(folder.size for folder in found.folders), sum(row["goes"] for row in rows)
    answer = {
        "repository": str(found.repository.main),
        "into": found.into,
        "branches": list(rows),
        "folders": folders,
        "freed": {"branches": count, "object_bytes": objects, "folder_bytes": on_disk},
        "dry_run": not removed,
    }
    if call.output.as_json:
        call.output.json(answer)
        return
    call.output.table(list(rows), COLUMNS, empty="Agents left no branches here.")
    if folders:
        call.output.text("")
        call.output.table(folders, FOLDERS, empty="")
    verb = "were removed" if removed else "would go"
    parts = [f"{count} of {len(rows)} branches {verb}: {size_in_words(objects)}"]
    parts += [f"{len(folders)} folders {verb}: {size_in_words(on_disk)}"] if folders else []
    call.output.note("; ".join(parts))
    if removed and objects:
        call.output.note(
            "git frees the space of branches when it next tidies up; at once with: git gc --prune=now"
        )
    if not removed and (count or folders):
        call.output.note("Nothing was changed. Remove them with: muster branches --reclaim")


def size_in_words(size: int) -> str:
    """Bytes, in the unit that fits."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
