"""Tasks: list, show, cancel, queue again, and why they wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, cast

import typer

from muster.cli.connection import Connection, path
from muster.cli.exits import CommandFailed
from muster.cli.invocation import invocation
from muster.cli.output import Column, Record, duration, money, shortened, since
from muster.cli.task_ids import full_id, full_ids
from muster.domain.errors import InvalidInput, MusterError

Ids = Annotated[list[str], typer.Argument(metavar="TASK", help="Ids, or unambiguous parts of ids.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="How many at most.")]


class SomeFailed(CommandFailed):
    """{failed} of {total} were refused."""

    code = "some_failed"


def waiting_reason(task: Record) -> str:
    """Why a task waits, or how it ended badly, in one line."""
    waits: Any = task.get("waiting")
    if waits:
        return str(waits.get("message") or waits.get("code"))
    return shortened(task["error"], 80) if task.get("error") else ""


def standing(task: Record) -> str:
    """Its state, and how its result stands with people where they have or need to have a say."""
    if task.get("paused"):
        return "paused"
    review = str(task.get("review") or "none")
    return str(task["state"]) if review == "none" else f"{task['state']}, {_REVIEWS.get(review, review)}"


_REVIEWS: Final = {
    "pending": "to review",
    "unseen": "not looked at",
    "changes_requested": "changes requested",
}
TASK_COLUMNS = (
    Column("id", "id"),
    Column("state", standing),
    Column("title", lambda row: shortened(row.get("title"), 48), flexible=True, clipped=True),
    Column("kind", "kind", spare=True),
    Column("queue", "queue"),
    Column("priority", "priority", spare=True),
    Column("tries", "attempts", right=True, spare=True),
    Column("created", lambda row: since(row.get("created_at")), spare=True),
    Column("note", waiting_reason, flexible=True, clipped=True),
)
ATTEMPT_COLUMNS = (
    Column("try", "number", right=True),
    Column("state", "state"),
    Column("agent", "agent_id"),
    Column("sandbox", "sandbox", spare=True),
    Column("exit", "exit_code", right=True),
    Column("cost", lambda row: money(row.get("cost_usd")), spare=True),
    Column("started", lambda row: since(row.get("started_at") or row.get("claimed_at")), spare=True),
    Column("reason", lambda row: shortened(row.get("error") or row.get("code"), 60), flexible=True),
)
WAITING_COLUMNS = (
    Column("tasks", "count", right=True),
    Column("code", "code"),
    Column("reason", "message", flexible=True),
    Column("for example", "example"),
)


def tasks(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="Only tasks with these words.")
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", help="blocked, backoff, ready, running, succeeded, failed, cancelled."),
    ] = None,
    review: Annotated[
        list[str] | None,
        typer.Option(
            "--review",
            help="pending (waits for a verdict), unseen (has commits nobody looked at), approved, changes_requested, rejected.",
        ),
    ] = None,
    queue: Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME")] = None,
    project: Annotated[str | None, typer.Option("--project", "-p", metavar="NAME")] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="ID")] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="ID")] = None,
    kind: Annotated[str | None, typer.Option("--kind")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="bug_fix, code_review, ...")] = None,
    tag: Annotated[str | None, typer.Option("--tag")] = None,
    parent: Annotated[str | None, typer.Option("--parent", metavar="TASK", help="Only its subtasks.")] = None,
    depends_on: Annotated[
        str | None, typer.Option("--depends-on", metavar="TASK", help="Only what waits for it, or did.")
    ] = None,
    stuck: Annotated[
        bool,
        typer.Option(
            "--stuck",
            help="Only those behind a task that failed, was cancelled or was rejected: they need you.",
        ),
    ] = False,
    archived: Annotated[bool, typer.Option("--archived", help="Only archived tasks.")] = False,
    limit: Limit = 50,
) -> None:
    """List tasks, newest first."""
    call = invocation(context)
    with call.connection() as connection:
        found = list(
            connection.pages(
                path("tasks"),
                limit=limit,
                state=state,
                review=review,
                queue=queue,
                project=project,
                session=session,
                agent=agent,
                kind=kind,
                type=type_,
                tag=tag,
                parent=full_id(connection, parent) if parent else None,
                depends_on=full_id(connection, depends_on) if depends_on else None,
                stuck=stuck or None,
                archived=archived or None,
                q=" ".join(words) if words else None,
            )
        )
    call.output.table(found, TASK_COLUMNS, empty="No tasks.")


def task(context: typer.Context, task_id: Annotated[str, typer.Argument(metavar="TASK")]) -> None:
    """Show one task with its attempts."""
    call = invocation(context)
    with call.connection() as connection:
        identity = full_id(connection, task_id)
        found = connection.get(path("tasks", identity))
        standing = git_of(connection, found)
        attempts = cast(list[dict[str, Any]], connection.get(path("tasks", identity, "attempts"))["items"])
    if call.output.as_json:
        call.output.json({**found, "attempt_list": attempts, "git": standing})
        return
    call.output.record(found, [*task_fields(found), *git_fields(standing)])
    if attempts:
        call.output.text("")
        call.output.table(attempts, ATTEMPT_COLUMNS, empty="")


def git_of(connection: Connection, found: dict[str, Any]) -> dict[str, Any] | None:
    """How an agent's work stands in git; None for a task without a branch."""
    run = cast(dict[str, Any], cast(dict[str, Any], found.get("attempt") or {}).get("run") or {})
    return connection.get(path("tasks", found["id"], "git")) if run.get("branch") else None


def git_fields(standing: dict[str, Any] | None) -> list[tuple[str, object]]:
    """What is shown of it."""
    if standing is None:
        return []
    into, merged = standing["into"], standing["merged"]
    counts = f"{standing['ahead']} ahead of {into}, {standing['behind']} behind"
    words = {
        True: f"merged into {into}{_merger(standing)}",
        False: f"not merged, {counts}",
        None: standing["problem"],
    }[merged]
    return [("git", words), ("not kept yet", f"{standing['dirty']} files" if standing["dirty"] else None)]


def blocked(task: Record) -> str | None:
    """How many open tasks wait for it; None when none do."""
    waiters = int(cast(Any, task.get("blocks")) or 0)
    if not waiters:
        return None
    return f"{waiters} open {'task' if waiters == 1 else 'tasks'} (muster tasks --depends-on {task['id']})"


def _merger(standing: dict[str, Any]) -> str:
    """By whom, when and where to, where muster did it."""
    done = cast(dict[str, Any] | None, standing.get("last_merge"))
    if done is None or done["commit"] != standing["commit"]:
        return ""
    by = f" by {done['by']}" if done["by"] else ""
    return f"{by} {since(done['at'])}, {done['merge_commit'][:8]}"


def task_fields(found: dict[str, Any]) -> list[tuple[str, object]]:
    """What `muster task` shows of a task, in order."""
    timeout: Any = found.get("timeout_seconds")
    return [
        ("id", found["id"]),
        ("title", found["title"]),
        ("state", standing(found)),
        ("waiting", waiting_reason(found) if found.get("waiting") else None),
        ("kind", found.get("kind")),
        ("type", found.get("type")),
        ("queue", found.get("queue")),
        ("project", found.get("project") or found.get("project_id")),
        ("session", found.get("session_id")),
        ("parent", found.get("parent_id")),
        ("after", found.get("depends_on")),
        ("blocks", blocked(found)),
        ("tags", found.get("tags")),
        ("priority", found.get("priority")),
        ("class", f"{found.get('task_class')} ({duration(timeout)})" if timeout else found.get("task_class")),
        ("assigned to", found.get("assigned_to")),
        ("agent", found.get("agent_id")),
        ("folder", found.get("working_dir")),
        (
            "cost",
            f"{money(found.get('actual_cost_usd'))} (expected {money(found.get('estimated_cost_usd'))})",
        ),
        *run_fields(cast(dict[str, Any], found.get("attempt") or {}).get("run")),
        ("stale", found.get("stale")),
        ("created", f"{found.get('created_at')} ({since(found.get('created_at'))})"),
        ("started", found.get("started_at")),
        ("finished", found.get("finished_at")),
        ("description", found.get("description")),
        ("error", found.get("error")),
        ("output", found.get("output")),
    ]


def role_of(run: Record) -> str | None:
    """Who an agent was told to be, and by which version; None where it was told nothing."""
    return f"{run['role']}, version {run['role_version']}" if run.get("role") else None


def run_fields(run: dict[str, Any] | None) -> list[tuple[str, object]]:
    """What is shown of an agent's run."""
    if run is None:
        return []
    tokens: dict[str, int] = run["tokens"]
    cached = tokens["cache_read_tokens"] + tokens["cache_write_tokens"]
    window = run.get("context_window")
    used = f"{run['context_used']}{f' of {window}' if window else ''} tokens"
    unpriced = f", {run['unpriced_calls']} without a known price" if run["unpriced_calls"] else ""
    return [
        ("run by", " ".join(filter(None, (run["agent"], run["model"])))),
        ("role", role_of(run)),
        ("agent session", run.get("session")),
        ("branch", run.get("branch")),
        ("working copy", run.get("workspace_kind")),
        ("pushed to", run.get("pushed_to")),
        ("pull request", run.get("pull_request")),
        ("commits", "..".join(filter(None, (run.get("base_commit"), run.get("head_commit"))))),
        ("context", used if run.get("context_used") is not None else None),
        ("model calls", f"{run['calls']} for {money(run['cost_usd'])}{unpriced}" if run["calls"] else None),
        (
            "tokens",
            f"{tokens['input_tokens']} in, {cached} cached, {tokens['output_tokens']} out"
            if run["calls"]
            else None,
        ),
    ]


def cancel(
    context: typer.Context,
    task_ids: Ids,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Kept with the task.")
    ] = None,
) -> None:
    """Cancel tasks, running ones too: their processes end within two seconds."""
    body = {"reason": reason} if reason else {}
    _each(
        context,
        task_ids,
        "Cancelled",
        lambda connection, item: connection.post(path("tasks", item, "cancel"), body),
    )


def requeue(context: typer.Context, task_ids: Ids) -> None:
    """Queue finished tasks again; their attempts so far are kept."""
    _each(
        context,
        task_ids,
        "Queued again",
        lambda connection, item: connection.post(path("tasks", item, "requeue")),
    )


def move(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="TASK")],
    before: Annotated[str | None, typer.Option("--before", metavar="TASK")] = None,
    after: Annotated[str | None, typer.Option("--after", metavar="TASK")] = None,
) -> None:
    """Put a waiting task right before or after another one of its queue; it takes that one's priority."""
    if (before is None) is (after is None):
        raise InvalidInput(field="move", problem="say where: --before TASK or --after TASK")
    call = invocation(context)
    with call.connection() as connection:
        identity = full_id(connection, task_id)
        beside = full_id(connection, before or after or "")
        where = "before" if before else "after"
        answer = connection.post(path("tasks", identity, "move"), {where: beside})
    call.output.done(f"{identity} is now right {where} {beside}, {answer['priority']} priority", answer)


def archive(context: typer.Context, task_ids: Ids) -> None:
    """Put finished tasks out of sight; 'muster tasks --archived' shows them, and they are not purged."""
    _each(
        context,
        task_ids,
        "Archived",
        lambda connection, item: connection.post(path("tasks", item, "archive")),
    )


def unarchive(context: typer.Context, task_ids: Ids) -> None:
    """Bring archived tasks back into the lists."""
    _each(
        context,
        task_ids,
        "Back in the lists:",
        lambda connection, item: connection.post(path("tasks", item, "unarchive")),
    )


def rerun(context: typer.Context, task_ids: Ids) -> None:
    """Queue new tasks like given ones; the old ones stay as they are."""
    _each(
        context,
        task_ids,
        "Queued anew:",
        lambda connection, item: connection.post(path("tasks", item, "rerun")),
    )


def _each(
    context: typer.Context, parts: list[str], word: str, act: Callable[[Connection, str], dict[str, Any]]
) -> None:
    """Do it to every task; what is refused is reported and the others still happen."""
    call = invocation(context)
    answers: list[dict[str, Any]] = []
    refused: list[MusterError] = []
    with call.connection() as connection:
        for identity in full_ids(connection, parts):
            try:
                answers.append(act(connection, identity))
            except MusterError as error:
                refused.append(error)
                if len(parts) > 1:
                    call.output.note(f"{identity}: {error.message}")
            else:
                shown = str(answers[-1].get("id", identity))
                like = f", like {identity}" if shown != identity else ""
                if not call.output.as_json:
                    call.output.text(f"{word} {shown}{like}")
    if call.output.as_json:
        call.output.json(answers[0] if len(parts) == 1 and answers else {"items": answers})
    if refused:
        raise refused[0] if len(parts) == 1 else SomeFailed(failed=len(refused), total=len(parts))


def waiting(context: typer.Context) -> None:
    """Say why each waiting task waits: grouped by reason, with how many and an example.

    The reason of every single task is in 'muster tasks' and 'muster task TASK'.
    """
    call = invocation(context)
    with call.connection() as connection:
        found = cast(list[dict[str, Any]], connection.get(path("status"))["waiting"])
    call.output.table(found, WAITING_COLUMNS, empty="Nothing waits.", answer={"items": found})
