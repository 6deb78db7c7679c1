"""`muster files` and `muster diff`: what a task's agent changed and read."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated, Any

import typer

from muster.cli.connection import Connection, path
from muster.cli.invocation import invocation
from muster.cli.output import Column, Output
from muster.cli.task_ids import full_id
from muster.domain.task import PROGRAMS

Task = Annotated[str, typer.Argument(metavar="TASK")]
Attempt = Annotated[int | None, typer.Option("--attempt", metavar="N", min=1, help="Default: the latest.")]

PRODUCED = (
    Column("change", "change"),
    Column("path", "path", flexible=True),
    Column("from", "old_path", flexible=True, spare=True),
    Column("+", "additions", right=True),
    Column("-", "deletions", right=True),
    Column("note", lambda row: "outside" if row.get("outside") else "binary" if row.get("binary") else ""),
)
CONSUMED = (Column("read", "path", flexible=True), Column("times", "times", right=True))


def files(context: typer.Context, task_id: Task, attempt: Attempt = None) -> None:
    """List the files a task's agent changed and read: by git, and by its tools."""
    call = invocation(context)
    with call.connection() as connection:
        identity = full_id(connection, task_id)
        found = connection.get(path("tasks", identity, "files"), attempt=attempt)
        nothing = "" if found["produced"] else _nothing(connection, identity, found)
    if call.output.as_json:
        call.output.json(found)
        return
    call.output.table(found["produced"], PRODUCED, empty=nothing)
    if found["consumed"]:
        call.output.text("")
        call.output.table(found["consumed"], CONSUMED, empty="")
    if outside := found["totals"]["outside"]:
        call.output.note(f"{outside} of them are not among the files the task may change")


def diff(
    context: typer.Context,
    task_id: Task,
    name: Annotated[str | None, typer.Argument(metavar="PATH", help="Only this file.")] = None,
    attempt: Attempt = None,
) -> None:
    """Show what a task's agent changed, as a unified diff. With --json: path and diff of each file."""
    call = invocation(context)
    with call.connection() as connection:
        identity = full_id(connection, task_id)
        found = connection.get(path("tasks", identity, "files"), attempt=attempt)
        names = [name] if name is not None else [str(row["path"]) for row in found["produced"]]
        nothing = "" if names else _nothing(connection, identity, found)
        diffs = [{"path": one, "diff": _diff(connection, identity, one, attempt)} for one in names]
    if call.output.as_json:
        call.output.json({"items": diffs})
        return
    for one in diffs:
        _show(call.output, one)
    if not diffs:
        call.output.note(nothing)


def _nothing(connection: Connection, task_id: str, found: dict[str, Any]) -> str:
    """Why there is nothing to show: it changed nothing, or nobody knows what it changed."""
    if found["attempt"] == 0:
        return f"{task_id} was not tried yet."
    if found["tracked"]:
        return f"{task_id} changed no files."
    task = connection.get(path("tasks", task_id))
    if task["kind"] not in PROGRAMS:
        return f"Whoever worked {task_id} did not tell what was changed."
    if not task["working_dir"]:
        return f"{task_id} is a script and worked in an empty folder of its own, which is gone."
    return (
        f"{task_id} is a script: it worked in {task['working_dir']} itself, and muster does not track what scripts change "
        f"there. 'git -C {shlex.quote(task['working_dir'])} status' tells, in a repository."
    )


def _diff(connection: Connection, task_id: str, name: str, attempt: int | None) -> str:
    target = path("tasks", task_id, "files", "diff")
    return connection.document(target, path=name, attempt=attempt).decode("utf-8", "replace")


def _show(output: Output, one: dict[str, Any]) -> None:
    text = str(one["diff"]).removesuffix("\n")
    if not text:
        output.note(f"{one['path']}: no text to compare")
    else:
        show_diff(output, text)


def show_diff(output: Output, text: str) -> None:
    """A unified diff: coloured when a person looks, else exactly as it is, as somebody may apply it."""
    if not sys.stdout.isatty():
        output.text(text)
        return
    for line in text.split("\n"):
        output.styled(line, _style(line))


def _style(line: str) -> str:
    if line.startswith(("+++", "---", "diff ")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
