"""`muster review`: look at how a task's result stands, comment on its lines, give a verdict."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, cast

import typer

from muster.cli.commits import SHORT, seen
from muster.cli.connection import Connection, path
from muster.cli.invocation import Invocation, invocation
from muster.cli.output import Column, Record, shortened, since
from muster.cli.task_ids import full_id
from muster.domain.errors import InvalidInput

_PLACE: Final = re.compile(r"^(?P<path>.+?):(?P<line>\d+)(?:-(?P<last>\d+))?:?\s+(?P<text>.+)$", re.DOTALL)
SEEN: Final = "seen"
UNSEEN: Final = "unseen"
_VERDICTS: Final = {"approve": "Approved", "request_changes": "Changes requested for", "reject": "Rejected"}


def _standing(row: Record) -> str:
    if row.get("review_id") is None:
        return "draft"
    if row.get("resolved_at"):
        return "resolved"
    return "open" if row.get("now") else "outdated"


def _place(row: Record) -> str:
    now = cast(dict[str, Any], row.get("now") or row)
    last = f"-{now['end_line']}" if now["end_line"] != now["line"] else ""
    return f"{now['path']}:{now['line']}{last}{' (before)' if row['side'] == 'old' else ''}"


COMMENT_COLUMNS: Final = (
    Column("comment", "id"),
    Column("state", _standing),
    Column("at", _place, flexible=True),
    Column("by", "by", spare=True),
    Column("text", lambda row: shortened(row.get("text"), 80), flexible=True, clipped=True),
)


def review(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="TASK", help="Whose result.")],
    approve: Annotated[
        bool, typer.Option("--approve", help="It is good: others may follow from it.")
    ] = False,
    request_changes: Annotated[
        bool,
        typer.Option("--request-changes", help="Back to its agent, with all comments as one message."),
    ] = False,
    reject: Annotated[bool, typer.Option("--reject", help="It is not wanted; --note says why.")] = False,
    seen_: Annotated[
        bool,
        typer.Option("--seen", help="No verdict: it is only no longer among those nobody looked at."),
    ] = False,
    unseen: Annotated[
        bool, typer.Option("--unseen", help="Take --seen back: it is among those nobody looked at again.")
    ] = False,
    note: Annotated[str, typer.Option("--note", "-m", metavar="TEXT", help="Words for the whole.")] = "",
    comment: Annotated[
        list[str] | None,
        typer.Option("--comment", metavar="PATH:LINE TEXT", help="On a line, or lines as PATH:18-20 TEXT."),
    ] = None,
    resolve: Annotated[
        list[str] | None, typer.Option("--resolve", metavar="COMMENT", help="It is dealt with.")
    ] = None,
    delete: Annotated[
        list[str] | None, typer.Option("--delete", metavar="COMMENT", help="Take a draft back.")
    ] = None,
    commit: Annotated[
        str | None, typer.Option("--commit", metavar="ID", help="Only if the work is still this commit.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says it.")] = None,
) -> None:
    """Show, comment on and decide on a task's result.

    Comments are drafts until a verdict sends them. A verdict counts for the commit that is there now.
    """
    given = {
        "approve": approve,
        "request_changes": request_changes,
        "reject": reject,
        SEEN: seen_,
        UNSEEN: unseen,
    }
    verdicts = [name for name, wanted in given.items() if wanted]
    if len(verdicts) > 1:
        raise InvalidInput(
            field="review", problem="give one of --approve, --request-changes, --reject, --seen, --unseen"
        )
    call = invocation(context)
    with call.connection() as connection:
        identity = full_id(connection, task_id)
        said = {} if by is None else {"by": by}
        for text in comment or ():
            connection.post(path("tasks", identity, "comments"), {**_comment(text), **said})
        for one in resolve or ():
            connection.patch(path("tasks", identity, "comments", one), {"resolved": True})
        for one in delete or ():
            connection.delete(path("tasks", identity, "comments", one))
        if verdicts == [SEEN]:
            answer = connection.post(path("tasks", identity, "seen"), said)
            call.output.done(f"Set aside {identity}. Its branch stays.", answer)
        elif verdicts == [UNSEEN]:
            answer = connection.post(path("tasks", identity, "unseen"), said)
            call.output.done(f"{identity} is among those nobody looked at again.", answer)
        elif verdicts:
            _give(call, connection, identity, {"verdict": verdicts[0], "note": note, **said}, commit)
        else:
            _show(call, connection.get(path("tasks", identity, "review")))


def _comment(text: str) -> dict[str, Any]:
    found = _PLACE.match(text)
    if found is None:
        raise InvalidInput(field="--comment", problem=f"{text[:60]!r} must look like 'src/app.py:18 words'")
    line = int(found["line"])
    last = {"end_line": int(found["last"])} if found["last"] else {}
    return {"path": found["path"], "line": line, "text": found["text"], **last}


def _give(
    call: Invocation, connection: Connection, task: str, wanted: dict[str, Any], commit: str | None
) -> None:
    looked_at = seen(commit, connection.get(path("tasks", task, "review"))["commit"])
    given = {} if looked_at is None else {"commit": looked_at}
    answer = connection.post(path("tasks", task, "review"), {**wanted, **given})
    at = f" at {looked_at[:SHORT]}" if looked_at else ""
    sent = sum(row["review_id"] == answer["last"]["id"] for row in answer["comments"])
    with_ = f", with {sent} comment{'' if sent == 1 else 's'}" if sent else ""
    call.output.done(f"{_VERDICTS[wanted['verdict']]} {task}{at}{with_}.", answer)


def _show(call: Invocation, found: dict[str, Any]) -> None:
    last = cast(dict[str, Any], found["last"] or {})
    comments = cast(list[dict[str, Any]], found["comments"])
    fields = [
        ("task", found["task_id"]),
        ("review", found["words"]),
        (
            "wanted",
            "its queue is strict: nothing follows before it is approved" if found["required"] else None,
        ),
        ("attempt", found["attempt"] or None),
        ("commit", found["commit"]),
        ("last", f"{last['verdict']} by {last['by']}, {since(last['at'])}" if last else None),
        ("said", last.get("note") or None),
        ("comments", f"{len(comments)}, {sum(row['review_id'] is None for row in comments)} not sent"),
    ]
    call.output.record(found, fields)
    if comments and not call.output.as_json:
        call.output.text("")
        call.output.table(comments, COMMENT_COLUMNS, empty="")
