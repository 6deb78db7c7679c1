"""`muster conversation`: what a task's agent says and does."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import typer

from muster.cli.connection import path
from muster.cli.conversation_text import Screen
from muster.cli.follow import FINISHED, Follower
from muster.cli.invocation import invocation
from muster.cli.output import Output, harmless
from muster.cli.task_ids import full_id
from muster.cli.tasks import waiting_reason
from muster.domain.transcript_flow import Joiner, Stored
from muster.domain.transcript_json import entry_of


class Shown:
    """Where the entries go: JSON lines, or text for a person."""

    def __init__(self, output: Output, *, whole: bool) -> None:
        self._output = output
        self._joiner = Joiner()
        self._screen = Screen(whole=whole)

    def take(self, item: dict[str, Any]) -> None:
        """One kept entry."""
        if self._output.as_json:
            self._output.text(json.dumps(item, ensure_ascii=False))
            return
        at = round(datetime.fromisoformat(item["at"]).timestamp() * 1_000_000)
        for stored in self._joiner.feed(Stored(item["position"], at, entry_of(item["entry"]))):
            self._show(stored)

    def pause(self) -> None:
        """Show the message that has begun: the rest of it may take a while."""
        for stored in self._joiner.pause():
            self._show(stored)

    def rest(self) -> None:
        """Show all that has begun and was never finished."""
        for stored in self._joiner.rest():
            self._show(stored)

    def _show(self, stored: Stored) -> None:
        for text, style in self._screen.lines(stored):
            self._output.styled(text, style)


def conversation(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="TASK")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for more until the task is over.")
    ] = False,
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="Default: the latest.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown document.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Fold nothing.")] = False,
) -> None:
    """Show what a task's agent says and does; -f follows it. With --json: one JSON object a line.

    Control characters of agents are shown as a replacement character.
    """
    call = invocation(context)
    with call.connection() as connection:
        identity = full_id(connection, task_id)
        task = connection.get(path("tasks", identity))
        if markdown:
            target = path("tasks", identity, "conversation")
            document = connection.document(target, attempt=attempt, format="markdown").decode()
            call.output.text(harmless(document).rstrip("\n"))
            return
        if int(task["attempts"]) == 0 and not follow:
            call.output.note(f"{identity} has not run yet")
            return
        if follow and task.get("waiting"):
            call.output.note(f"waiting: {waiting_reason(task)}")
        shown = Shown(call.output, whole=full)
        number = attempt or max(int(task["attempts"]), 1)
        follower = Follower(
            connection, identity, shown.take, attempt=number, noun="conversation", page_done=shown.pause
        )
        if follow and task["state"] not in FINISHED and attempt is None:
            with call.connection() as watcher:
                finished = follower.until_over(watcher, call.output.note)
            call.output.note(f"{identity} is {finished['state']}")
        else:
            while follower.read():
                pass
        shown.rest()
        if follower.after == 0 and not call.output.as_json:
            call.output.note("No agent told of what it did; 'muster logs' shows what was printed.")
