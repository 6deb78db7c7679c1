"""`muster run`: queue a task, follow its output, end as it ended."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from muster.cli.connection import Connection, path
from muster.cli.conversation import Shown
from muster.cli.enqueue import say_why_it_waits, submit
from muster.cli.exits import ExitCode
from muster.cli.follow import Follower
from muster.cli.invocation import Invocation, invocation
from muster.cli.logs import for_agent, line_writer
from muster.cli.submission import Submission, with_task_options


@with_task_options
def run(
    context: typer.Context,
    submission: Submission,
    keep: Annotated[
        bool, typer.Option("--keep", help="On Ctrl-C leave the task running instead of cancelling it.")
    ] = False,
) -> None:
    """Queue a task, follow it live, and end with its exit code.

    Shown is what an agent says and does, or what a script prints.

    Without --attempts a failure is final. Ctrl-C cancels the task. Exit codes: that of the program that
    was run; 124 when the task timed out; 130 when it was cancelled; 1 when it failed otherwise.
    """
    call = invocation(context)
    if submission.attempts is None:
        submission.attempts = 1
    with call.connection() as connection, call.connection() as watcher:
        task = submit(connection, submission)
        identity = str(task["id"])
        call.output.note(f"{identity}  {task['title']}")
        try:
            task = connection.get(path("tasks", identity))
            say_why_it_waits(call.output, task)
            finished = _follow(call, connection, watcher, task)
        except KeyboardInterrupt:
            _interrupted(call, identity, keep)
            raise
    if call.output.as_json:
        call.output.json(finished)
    code = exit_status(finished)
    if code != 0:
        call.output.note(f"{identity} {finished['state']}: {finished.get('error') or 'no reason given'}")
    raise typer.Exit(code)


def _follow(
    call: Invocation, connection: Connection, watcher: Connection, task: dict[str, Any]
) -> dict[str, Any]:
    """What an agent says and does, or what a program prints, until the task is over."""
    identity = str(task["id"])
    if not for_agent(task):
        follower = Follower(connection, identity, line_writer(call.output))
        return follower.until_over(watcher, call.output.note)
    shown = Shown(call.output, whole=False)
    follower = Follower(connection, identity, shown.take, noun="conversation", page_done=shown.pause)
    finished = follower.until_over(watcher, call.output.note)
    shown.rest()
    return finished


def _interrupted(call: Invocation, identity: str, keep: bool) -> None:
    if keep:
        call.output.note(f"\n{identity} goes on; see it with: muster logs -f {identity}")
        return
    with call.connection() as connection:
        cancel(connection, identity)
    call.output.note(f"\n{identity} was cancelled")


def cancel(connection: Connection, identity: str) -> None:
    """Cancel the task on the server."""
    connection.post(path("tasks", identity, "cancel"), {"reason": "interrupted with Ctrl-C"})


def exit_status(task: dict[str, Any]) -> int:
    """The exit code for a finished task, as a shell would see the program."""
    if task["state"] == "succeeded":
        return ExitCode.OK
    if task["state"] == "cancelled":
        return ExitCode.INTERRUPTED
    attempt = cast(dict[str, Any], task.get("attempt") or {})
    if attempt.get("code") == "timeout" or task.get("stale") in ("timed_out", "auto_failed"):
        return ExitCode.TIMED_OUT
    code: Any = attempt.get("exit_code")
    if isinstance(code, int) and code != 0:
        return code % 256 if code > 0 else 128 - code
    return ExitCode.FAILED
