"""`muster enqueue`: one task from options, or many from a file of JSON lines."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from muster.cli.connection import Connection, path
from muster.cli.invocation import Invocation, invocation
from muster.cli.output import Output
from muster.cli.submission import Submission, read_text, with_task_options
from muster.cli.task_ids import full_ids
from muster.client.errors import ApiError
from muster.domain.errors import InvalidInput

BATCH: Final = 200
NEEDS_SOMEBODY: Final = frozenset(
    {
        "no_worker",
        "no_agent",
        "no_sandbox",
        "queue_paused",
        "project_paused",
        "project_completed",
        "budget",
        "dependency_failed",
    }
)
"""Reasons to wait that time alone does not end: told when the task is queued."""
_IN_LIST: Final = re.compile(r"^tasks\.(\d+)(?:\.|: )")


@with_task_options
def enqueue(
    context: typer.Context,
    submission: Submission,
    jsonl: Annotated[
        str | None,
        typer.Option(
            "--jsonl",
            metavar="FILE",
            help="Queue every task of a file of JSON objects, one a line; - is stdin.",
        ),
    ] = None,
) -> None:
    """Queue a task, or many from a file.

    The same fields as in the API are the keys of a --jsonl line: title, kind, payload, queue, depends_on and so on.
    """
    call = invocation(context)
    with call.connection() as connection:
        if jsonl is not None:
            _bulk(call, connection, jsonl, submission)
            return
        task = submit(connection, submission)
    call.output.done(f"{task['id']}  {task['state']}  {task['title']}", task)
    say_why_it_waits(call.output, task, only=NEEDS_SOMEBODY)


def say_why_it_waits(output: Output, task: dict[str, Any], *, only: frozenset[str] | None = None) -> None:
    """A note why it does not run yet, if it waits, for one of the reasons `only`."""
    waits = cast(dict[str, Any] | None, task.get("waiting"))
    if waits and (only is None or waits["code"] in only):
        output.note(f"waiting: {waits['message']}")


def submit(connection: Connection, submission: Submission) -> dict[str, Any]:
    """Queue one task and give it as the server shows it."""
    body = submission.body()
    if "depends_on" in body:
        body["depends_on"] = full_ids(connection, body["depends_on"])
    if "parent_id" in body:
        [body["parent_id"]] = full_ids(connection, [body["parent_id"]])
    if submission.script is not None:
        return connection.post(path("scripts", submission.script, "enqueue"), body)
    return connection.post(path("tasks"), body)


def _bulk(call: Invocation, connection: Connection, source: str, submission: Submission) -> None:
    """Queue the tasks of a file in batches; each batch is queued whole or not at all."""
    numbered = list(_lines(source, _defaults(submission)))
    tasks = [task for _, task in numbered]
    made: list[str] = []
    by_key: dict[str, str] = {}
    try:
        with call.output.progress("queueing", len(tasks)) as bar:
            for start in range(0, len(tasks), BATCH):
                batch = [_with_known_keys(task, by_key) for task in tasks[start : start + BATCH]]
                lines = [f"{source} line {number}" for number, _ in numbered[start : start + BATCH]]
                ids = _post(connection, batch, lines)
                made += ids
                by_key |= {str(task["key"]): id for task, id in zip(batch, ids, strict=True) if "key" in task}
                bar.advance(len(batch))
    finally:
        if len(made) < len(tasks):
            call.output.note(f"{len(made) or 'None'} of the {len(tasks)} tasks queued")
    call.output.done(f"{len(made)} tasks queued", {"count": len(made), "ids": made})


def _post(connection: Connection, batch: list[dict[str, Any]], lines: list[str]) -> list[str]:
    """The ids of a batch. A refusal names the line of the file in place of the position in the request."""
    try:
        answer = connection.post(path("tasks", "bulk"), {"tasks": batch})
    except ApiError as error:
        for problem in cast(list[dict[str, str]], error.details.get("errors") or []):
            _, position, *names = [*problem["field"].split("."), ""]
            if position.isdigit() and int(position) < len(lines):
                problem["field"] = ": ".join([lines[int(position)], ".".join(names).rstrip(".")])
        error.message = _IN_LIST.sub(lambda found: _of_line(found, lines), error.message)
        raise
    return [str(item["id"]) for item in answer["items"]]


def _of_line(found: re.Match[str], lines: list[str]) -> str:
    position = int(found[1])
    return f"{lines[position]}: " if position < len(lines) else found[0]


def _with_known_keys(task: dict[str, Any], by_key: dict[str, str]) -> dict[str, Any]:
    """`#key` dependencies on tasks of earlier batches as ids; those of the same batch are left to the server."""
    depends_on: object = task.get("depends_on")
    if not isinstance(depends_on, list):
        return task
    known = [
        by_key.get(str(item)[1:], item) if str(item).startswith("#") else item
        for item in cast(list[Any], depends_on)
    ]
    return {**task, "depends_on": known}


def _defaults(submission: Submission) -> dict[str, Any]:
    """Options that apply to every line which does not say otherwise."""
    shared = {"queue": submission.queue, "project": submission.project, "session_id": submission.session}
    shared |= {"priority": submission.priority, "task_class": submission.task_class, "tags": submission.tags}
    return {name: value for name, value in shared.items() if value}


def _lines(source: str, defaults: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    text = sys.stdin.read() if source == "-" else read_text(Path(source))
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            task: object = json.loads(line)
        except ValueError as error:
            raise InvalidInput(field=f"{source} line {number}", problem=f"is not JSON: {error}") from error
        if not isinstance(task, dict):
            raise InvalidInput(field=f"{source} line {number}", problem="must be a JSON object")
        yield number, {**defaults, **cast(dict[str, Any], task)}
