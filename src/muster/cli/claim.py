"""Work by hand: claim a task, then report it complete or failed."""

from __future__ import annotations

import getpass
import json
import socket
from typing import Annotated, Any, cast

import typer

from muster.cli.claim_book import ClaimBook, HeldClaim
from muster.cli.connection import Connection, path
from muster.cli.invocation import Invocation, invocation
from muster.cli.submission import text_or_file
from muster.cli.task_ids import full_id
from muster.cli.task_text import task_lines
from muster.client.errors import ApiError
from muster.domain.errors import InvalidInput, NothingReady

TaskPart = Annotated[str, typer.Argument(metavar="TASK", help="Id, or an unambiguous part of it.")]
Attempt = Annotated[
    str | None, typer.Option("--attempt", metavar="ID", help="Attempt, for a claim made elsewhere.")
]
Lease = Annotated[
    str | None, typer.Option("--lease", metavar="TOKEN", help="Its token, for a claim made elsewhere.")
]
OutputText = Annotated[
    str | None, typer.Option("--output", "-o", metavar="TEXT", help="What came out; @FILE reads a file.")
]
Cost = Annotated[float, typer.Option("--cost", metavar="USD", min=0, help="What it cost.")]


def claim(
    context: typer.Context,
    queue: Annotated[str | None, typer.Argument(metavar="QUEUE", help="Queue to take from.")] = None,
    task_id: Annotated[
        str | None, typer.Option("--task", metavar="TASK", help="Take this very task.")
    ] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="ID", help="Who takes it; default: you@host.")
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, max=60, help="Wait for one to come.")
    ] = 0,
) -> None:
    """Claim the next task of a queue, or a certain one. Without a queue: any queue for outside agents."""
    call = invocation(context)
    agent_id = agent or f"{getpass.getuser()}@{socket.gethostname()}"
    body: dict[str, Any] = {"agent_id": agent_id, "wait_seconds": wait}
    with call.connection() as connection:
        if task_id is not None:
            target = path("tasks", full_id(connection, task_id), "claim")
        else:
            target = path("claims")
            body |= {"queues": [queue]} if queue else {"modes": ["external", "manual"]}
        answer = connection.post(target, body, wait=wait)
        claims = cast(list[dict[str, Any]], answer["claims"])
        if queue and not claims:
            connection.get(path("queues", queue))
    if not claims:
        raise NothingReady(reason=answer.get("reason") or "the queue is empty")
    ClaimBook(call.settings().data_dir).keep(claims[0], agent_id)
    if call.output.as_json:
        call.output.json(claims[0])
        return
    for line in task_lines(claims[0]):
        call.output.text(line)


def complete(
    context: typer.Context,
    task_id: TaskPart,
    output: OutputText = None,
    result: Annotated[
        str | None, typer.Option("--result", metavar="JSON", help="Structured result; @FILE too.")
    ] = None,
    cost: Cost = 0,
    attempt: Attempt = None,
    lease: Lease = None,
) -> None:
    """Report a claimed task as done."""
    body: dict[str, Any] = {"cost_usd": cost}
    if output is not None:
        body["output"] = text_or_file(output)
    if result is not None:
        body["result"] = _json_object(text_or_file(result))
    _finish(context, task_id, "complete", body, _elsewhere(task_id, attempt, lease))


def fail(
    context: typer.Context,
    task_id: TaskPart,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="What went wrong.")] = "",
    code: Annotated[
        str, typer.Option("--code", metavar="CODE", help="A failure code; it decides on a retry.")
    ] = "agent_error",
    output: OutputText = None,
    cost: Cost = 0,
    attempt: Attempt = None,
    lease: Lease = None,
) -> None:
    """Report a claimed task as failed; it is retried if the code and the task's policy allow it."""
    body: dict[str, Any] = {"code": code, "message": message, "cost_usd": cost}
    if output is not None:
        body["output"] = text_or_file(output)
    _finish(context, task_id, "fail", body, _elsewhere(task_id, attempt, lease))


def _elsewhere(task_id: str, attempt: str | None, lease: str | None) -> HeldClaim | None:
    if attempt is None and lease is None:
        return None
    if attempt is None or lease is None:
        raise InvalidInput(field="--attempt and --lease", problem="belong together; give both or none")
    return HeldClaim(task_id=task_id, attempt_id=attempt, token=lease, agent_id="", title="", queue="")


def _finish(
    context: typer.Context, task_id: str, verb: str, body: dict[str, Any], claim: HeldClaim | None
) -> None:
    call = invocation(context)
    book = ClaimBook(call.settings().data_dir)
    held = claim or book.find(task_id)
    with call.connection() as connection:
        answer = _report(connection, book, held, verb, body)
    book.forget(held.task_id)
    _tell(call, held, answer)


def _report(
    connection: Connection, book: ClaimBook, held: HeldClaim, verb: str, body: dict[str, Any]
) -> dict[str, Any]:
    """Send the outcome; a claim the server says is lost is forgotten here too."""
    try:
        return connection.post(path("attempts", held.attempt_id, verb), {**body, "token": held.token})
    except ApiError as error:
        if error.code == "lease_lost":
            book.forget(held.task_id)
        raise


def _tell(call: Invocation, held: HeldClaim, answer: dict[str, Any]) -> None:
    retry = f"; next try at {answer['ready_at']}" if answer.get("ready_at") else ""
    call.output.done(f"{held.task_id} is {answer['state']}{retry}", answer)


def _json_object(text: str) -> dict[str, Any]:
    try:
        found: object = json.loads(text)
    except ValueError as error:
        raise InvalidInput(field="--result", problem=f"is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput(field="--result", problem="must be a JSON object")
    return cast(dict[str, Any], found)
