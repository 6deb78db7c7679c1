"""What agents ask of people, and what people tell agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, cast

import typer

from muster.cli.connection import Connection, path
from muster.cli.invocation import Invocation, group, invocation
from muster.cli.output import Column, shortened, since
from muster.domain.errors import InvalidInput, NotFound


def _risk(row: Mapping[str, Any]) -> str:
    graded = cast(dict[str, Any], row.get("risk") or {})
    return str(graded.get("level") or "-")


def _settled(row: Mapping[str, Any]) -> str:
    """What came of a request, with the very answer and who gave it."""
    outcome, words = str(row["outcome"]), str(row.get("answer_words") or "")
    by = f" by {row['answered_by']}" if row.get("answered_by") else ""
    return f"{outcome.capitalize()}{by}{f': {words}' if words else ''}"


COLUMNS: Final = (
    Column("id", "id"),
    Column("asks", lambda row: row.get("agent") or row.get("agent_id"), spare=True),
    Column("for", "kind", spare=True),
    Column("risk", _risk),
    Column("what", lambda row: shortened(row.get("title"), 70), flexible=True),
    Column("task", lambda row: shortened(row.get("task"), 30), spare=True),
    Column("since", lambda row: since(row.get("created_at"))),
    Column("expires", lambda row: row.get("expires_at") or "never", spare=True),
)

RESULT_COLUMNS: Final = (
    Column("task", "id"),
    Column("what", lambda row: shortened(row.get("title"), 60), flexible=True, clipped=True),
    Column("by", "agent_id", spare=True),
    Column("queue", "queue", spare=True),
    Column("ended", lambda row: since(row.get("finished_at"))),
)

SETTLED_COLUMNS: Final = (
    *COLUMNS[:-1],
    Column("answer", lambda row: shortened(_settled(row), 60), flexible=True),
)
PERMISSION_COLUMNS: Final = (
    Column("id", "id"),
    Column("scope", "scope"),
    Column("place", "place_id", spare=True),
    Column("tool", "tool"),
    Column("exactly", lambda row: shortened(row.get("subject"), 70), flexible=True),
    Column("by", "created_by", spare=True),
)
WATCH_SECONDS: Final = 60
VERDICTS: Final = {"allow": "allow", "yes": "allow", "deny": "deny", "no": "deny"}

permissions: Final = group("List and take back what agents may do unasked.")


def inbox(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Wait until something is asked.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Settled ones too, newest first.")] = False,
    task: Annotated[str | None, typer.Option("--task", metavar="TASK")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 50,
) -> None:
    """List what agents wait for, and results to look at.

    As JSON only the requests; results are in 'muster tasks --review pending' and '--review unseen'.
    """
    from muster.cli.task_ids import full_id

    call = invocation(context)
    with call.connection() as connection:
        identity = full_id(connection, task) if task else None
        state = "all" if everything else "pending"
        found = _list(connection, 0, state=state, task=identity, limit=min(limit, 200))
        while watch and not found:
            found = _list(connection, WATCH_SECONDS, state=state, task=identity, limit=min(limit, 200))
        results = {} if call.output.as_json or everything or task else _results(connection)
    if found or not results:
        call.output.table(found, SETTLED_COLUMNS if everything else COLUMNS, empty=NOTHING)
    for heading, rows in results.items():
        call.output.text(f"\n{heading}" if found or heading != next(iter(results)) else heading)
        call.output.table(rows, RESULT_COLUMNS, empty="")


NOTHING: Final = (
    "Nothing waits for you. Requests of agents appear here, and finished work that nobody looked at."
)
RESULTS: Final = {
    "pending": "To review, as their queues want it (muster review TASK):",
    "unseen": "Finished, not looked at (muster diff TASK; then muster merge TASK or muster review TASK --seen):",
}
SHOWN: Final = 20


def _results(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """What there is to look at, by what is said above it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for state, heading in RESULTS.items():
        page = connection.get(path("tasks"), review=state, limit=SHOWN)
        more = f" The newest {SHOWN}; all: muster tasks --review {state}" if page["next_cursor"] else ""
        if page["items"]:
            found[heading + more] = page["items"]
    return found


def _list(connection: Connection, wait: float, **query: object) -> list[dict[str, Any]]:
    return connection.get(path("approvals"), wait=wait, wait_seconds=wait, **query)["items"]


def answer(
    context: typer.Context,
    approval: Annotated[
        str, typer.Argument(metavar="ID", help="As 'muster inbox' shows it; its end will do.")
    ],
    words: Annotated[
        str | None, typer.Argument(metavar="allow|deny|TEXT", help="Without one you are shown it and asked.")
    ] = None,
    for_task: Annotated[
        bool, typer.Option("--for-task", help="Allow exactly this for the rest of the task.")
    ] = False,
    always: Annotated[bool, typer.Option("--always", help="Allow exactly this everywhere.")] = False,
    option: Annotated[
        str | None, typer.Option("--option", metavar="ID", help="One of those offered.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="What the agent is told.")] = "",
    ask: Annotated[
        str | None, typer.Option("--ask", metavar="TEXT", help="Ask it back, and decide nothing yet.")
    ] = None,
) -> None:
    """Answer an agent: allow, deny, or words."""
    call = invocation(context)
    with call.connection() as connection:
        found = _find(connection, approval)
        if ask is not None:
            _ask_back(call, connection, found, ask)
            return
        if words is None and option is None:
            words = _asked(call, found)
        scope = "everywhere" if always else "task" if for_task else "once"
        body: dict[str, Any] = {"scope": scope, "seen": found["digest"], "text": reason}
        verdict = VERDICTS.get((words or "").lower()) if found["kind"] == "permission" else None
        if option is not None:
            body["option"] = option
        elif verdict is not None:
            body["verdict"] = verdict
        elif found["kind"] == "permission":
            raise InvalidInput(field="answer", problem=f"say allow or deny, not {words!r}")
        else:
            body |= _choice(found, words or "")
        done = connection.post(path("approvals", found["id"], "answer"), body)
    words = f": {done['answer_words']}" if done["answer_words"] else ""
    call.output.done(f"{done['outcome'].capitalize()} {done['id']}{words}", done)


def _ask_back(call: Invocation, connection: Connection, found: dict[str, Any], text: str) -> None:
    if found["kind"] != "permission":
        raise InvalidInput(field="--ask", problem="a question is answered in words")
    body = {"verdict": "ask", "text": text, "seen": found["digest"]}
    done = connection.post(path("approvals", found["id"], "answer"), body)
    call.output.done(f"Asked back: {done['id']}. Its agent may ask again", done)


APPROVAL = Annotated[str, typer.Argument(metavar="ID", help="As 'muster inbox' shows it; its end will do.")]


def extend(
    context: typer.Context,
    approval: APPROVAL,
    minutes: Annotated[float, typer.Option("--minutes", "-m", min=0.01, max=10_080)] = 30,
) -> None:
    """Give a request that would expire more time, a week at most."""
    call = invocation(context)
    with call.connection() as connection:
        found = _find(connection, approval)
        done = connection.post(path("approvals", found["id"], "extend"), {"seconds": minutes * 60})
    call.output.done(f"{done['id']} expires at {done['expires_at']}", done)


def ask_again(
    context: typer.Context,
    approval: Annotated[str, typer.Argument(metavar="ID", help="As 'muster inbox --all' shows it.")],
) -> None:
    """Let an agent ask again what expired: it is told so, or its task is queued again."""
    call = invocation(context)
    with call.connection() as connection:
        done = connection.post(path("approvals", approval, "ask-again"), {})
    word = "Its agent was told" if done["done"] == "told" else "Its task is queued again"
    call.output.done(f"{word}: {done['task_id']}", done)


def _find(connection: Connection, text: str) -> dict[str, Any]:
    if text.startswith("apr_"):
        return connection.get(path("approvals", text))
    items: list[dict[str, Any]] = connection.get(path("approvals"), limit=200)["items"]
    fitting = [row for row in items if str(row["id"]).endswith(text)]
    if len(fitting) != 1:
        raise NotFound(noun="pending request", id=text)
    return fitting[0]


def _choice(found: dict[str, Any], words: str) -> dict[str, Any]:
    """One of the options a question offers, by id or label; else the words themselves."""
    for entry in found["document"].get("options", ()):
        if words in (entry["id"], entry["label"]):
            return {"option": entry["id"]}
    return {"text": words}


def _asked(call: Invocation, found: dict[str, Any]) -> str:
    """Show exactly what is asked, then ask for the answer."""
    document = found["document"]
    call.output.note(f"{found.get('agent') or found['agent_id']} asks, for {found['task']}:")
    risk = found.get("risk")
    if risk:
        call.output.note(f"{risk['level']} risk: {', '.join(risk['reasons'])} ({risk['target']})")
    for name in ("command", "diff", "text"):
        if document.get(name):
            call.output.text(str(document[name]))
    if not any(document.get(name) for name in ("command", "diff", "text")):
        call.output.text(found["title"])
    for entry in document.get("options", ()):
        call.output.note(f"  {entry['id']}: {entry['label']}")
    return str(typer.prompt("allow or deny" if found["kind"] == "permission" else "answer", err=True))


def say(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="@FILE too.")],
) -> None:
    """Tell the agent that works on a task something; it hears it at its next turn."""
    from muster.cli.submission import text_or_file

    _post(context, task, {"kind": "say", "text": text_or_file(text)}, "Told")


def interrupt(context: typer.Context, task: Annotated[str, typer.Argument(metavar="TASK")]) -> None:
    """Stop the turn of the agent that works on a task; it then waits for 'muster say'."""
    _post(context, task, {"kind": "interrupt"}, "Interrupted")


def pause(context: typer.Context, task: Annotated[str, typer.Argument(metavar="TASK")]) -> None:
    """Let the agent that works on a task stand still where it is, and its time limit with it."""
    _post(context, task, {"kind": "pause"}, "Paused")


def resume(context: typer.Context, task: Annotated[str, typer.Argument(metavar="TASK")]) -> None:
    """Let a paused agent go on."""
    _post(context, task, {"kind": "resume"}, "Goes on")


def _post(context: typer.Context, task: str, body: dict[str, Any], done: str) -> None:
    from muster.cli.task_ids import full_id

    call = invocation(context)
    with call.connection() as connection:
        identity = full_id(connection, task)
        made = connection.post(path("tasks", identity, "messages"), body)
    call.output.done(f"{done}: {identity}", made)


@permissions.command("list")
def list_permissions(context: typer.Context) -> None:
    """List what is allowed beyond once."""
    call = invocation(context)
    with call.connection() as connection:
        found = list(connection.pages(path("permissions"), limit=200))
    call.output.table(found, PERMISSION_COLUMNS, empty="Nothing is allowed beyond once.")


@permissions.command("revoke")
def revoke(
    context: typer.Context, permission: Annotated[str, typer.Argument(metavar="ID", help="As listed.")]
) -> None:
    """Take one back: the same has to be asked for again."""
    call = invocation(context)
    with call.connection() as connection:
        answer = connection.delete(path("permissions", permission))
    call.output.done(f"Permission {permission} revoked", answer)
