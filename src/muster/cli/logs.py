"""`muster logs`: what a task wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, cast

import typer

from muster.cli.connection import Connection, path
from muster.cli.follow import FINISHED, Follower, Line
from muster.cli.invocation import invocation
from muster.cli.output import Output
from muster.cli.task_ids import full_id
from muster.cli.tasks import waiting_reason
from muster.domain.agent_task import AGENT_LABEL
from muster.domain.errors import NotFound


def logs(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="TASK")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for more until the task is over.")
    ] = False,
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="Default: the latest.")
    ] = None,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", metavar="N", min=1, help="Only the last lines.")
    ] = None,
) -> None:
    """Show a task's output; -f follows it. With --json: one JSON object a line."""
    call = invocation(context)
    emit = line_writer(call.output)
    with call.connection() as connection:
        identity = full_id(connection, task_id)
        task = connection.get(path("tasks", identity))
        number = attempt or max(int(task["attempts"]), 1)
        if int(task["attempts"]) == 0 and not follow:
            call.output.note(f"{identity} has not run yet")
            return
        if number > max(int(task["attempts"]), 1):
            raise NotFound(
                f"{identity} has no attempt {number}; it has {task['attempts']}.",
                noun="attempt",
                id=str(number),
            )
        if follow and task.get("waiting"):
            call.output.note(f"waiting: {waiting_reason(task)}")
        if for_agent(task):
            call.output.note(
                f"The raw lines of the agent's program; in words: muster conversation {identity}"
            )
        follower = Follower(connection, identity, emit, attempt=number)
        if tail is not None:
            follower.after = _tail(connection, identity, number, tail, emit)
        if follow and task["state"] not in FINISHED and attempt is None:
            with call.connection() as watcher:
                finished = follower.until_over(watcher, call.output.note)
            call.output.note(f"{identity} is {finished['state']}")
        else:
            while follower.read():
                pass


def for_agent(task: dict[str, Any]) -> bool:
    """Whether an agent that muster runs works on it, so that its output is the agent program's own record."""
    return any(str(label).startswith(AGENT_LABEL) for label in task["requires"])


def line_writer(output: Output) -> Callable[[Line], None]:
    """How lines are shown: JSON, or their text; what came on stderr goes to stderr."""

    def write(line: dict[str, Any]) -> None:
        if output.as_json:
            output.text(json.dumps(line, ensure_ascii=False))
        elif line.get("stream") == "stdout":
            output.foreign(str(line["text"]))
        else:
            output.foreign_note(str(line["text"]))

    return write


def _tail(
    connection: Connection, identity: str, attempt: int, count: int, emit: Callable[[Line], None]
) -> int:
    """Emit the last lines; where to go on after them."""
    page = connection.get(path("tasks", identity, "logs"), attempt=attempt, tail=min(count, 1_000))
    for line in cast(list[dict[str, Any]], page["items"]):
        emit({"attempt": attempt, **line})
    return int(page["next_after"])
