"""`muster run`: queue a task, follow its output, end as it ended."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from muster.cli.connection import Connection, path
from muster.cli.enqueue import submit
from muster.cli.exits import ExitCode
from muster.cli.follow import Follower
from muster.cli.invocation import Invocation, invocation
from muster.cli.logs import line_writer
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
            _say_why_it_waits(call, connection.get(path("tasks", identity)))
            follower = Follower(connection, identity, line_writer(call.output))
            finished = follower.until_over(watcher, call.output.note)
        except KeyboardInterrupt:
            _interrupted(call, identity, keep)
            raise
    if call.output.as_json:
        call.output.json(finished)
    code = exit_status(finished)
    if code != 0:
        call.output.note(f"{identity} {finished['state']}: {finished.get('error') or 'no reason given'}")
    raise typer.Exit(code)


def _say_why_it_waits(call: Invocation, task: dict[str, Any]) -> None:
    waits = cast(dict[str, Any] | None, task.get("waiting"))
    if waits:
        call.output.note(f"waiting: {waits.get('message') or waits.get('code')}")


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
