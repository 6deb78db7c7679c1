"""`muster compare`: two attempts of a task, or two tasks, figure by figure, as the web's compare page has them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, cast

import typer

from muster.cli.connection import Connection, path
from muster.cli.invocation import invocation
from muster.cli.output import Column, Output, Record, money, shortened
from muster.cli.task_ids import full_id
from muster.cli.tasks import role_of
from muster.domain.errors import Conflict, NotFound

_TOKENS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


_RESULT: Final = 120
"""Characters of a result that are shown; `--json` has all of it."""


class NothingToCompare(Conflict):
    """{task} was tried {times}; there is nothing to compare it with. Name another task: muster compare {task} TASK."""

    code = "nothing_to_compare"


class ThreeTasks(Conflict):
    """Three tasks are named, and two are compared. Say which: muster compare {a} {b}."""

    code = "three_tasks"


@dataclass(frozen=True, slots=True)
class Side:
    """An attempt of a task with the files it changed."""

    task_id: str
    attempt: Record
    files: Record

    @property
    def name(self) -> str:
        """Which it is."""
        return f"{self.attempt['number']} of {self.task_id}"

    def figures(self) -> dict[str, Any]:
        """What is compared, as values."""
        attempt, run = self.attempt, cast(Record, self.attempt.get("run") or {})
        tokens = cast(Record, run.get("tokens") or attempt)
        totals, produced = cast(Record, self.files["totals"]), cast(list[Record], self.files["produced"])
        return {
            "state": attempt["state"],
            "ended_because": why_of(attempt),
            "agent": run.get("agent") or attempt["agent_id"],
            "model": run.get("model") or None,
            "role": run.get("role"),
            "role_version": run.get("role_version"),
            "cost_usd": run["cost_usd"] if run else attempt["cost_usd"],
            "unpriced_calls": run.get("unpriced_calls", 0),
            "tokens": sum(int(tokens[name]) for name in _TOKENS),
            "seconds": _seconds(attempt),
            "model_calls": run.get("calls", 0),
            "files_changed": len(produced),
            "additions": totals["additions"],
            "deletions": totals["deletions"],
            "lines_of_output": attempt["lines"],
            "ran_on": attempt["worker_id"] or attempt["agent_id"],
            "result": attempt["output"],
        }


def _cost(has: dict[str, Any]) -> str:
    if has["unpriced_calls"]:
        return (
            "unpriced"
            if not has["cost_usd"]
            else f"{money(has['cost_usd'])}, {has['unpriced_calls']} unpriced"
        )
    return money(has["cost_usd"])


Shown = Callable[[dict[str, Any]], object]
ROWS: Final[Sequence[tuple[str, str | None, Shown]]] = (
    ("State", None, lambda has: has["state"]),
    ("Ended because", None, lambda has: has["ended_because"]),
    ("Agent", None, lambda has: has["agent"]),
    ("Model", None, lambda has: has["model"]),
    ("Role", None, role_of),
    ("Cost", "cost_usd", _cost),
    ("Tokens", "tokens", lambda has: f"{has['tokens']:,}"),
    ("Duration", "seconds", lambda has: took(has["seconds"])),
    ("Calls to models", "model_calls", lambda has: f"{has['model_calls']:,}"),
    (
        "Files changed",
        "files_changed",
        lambda has: f"{has['files_changed']:,}, +{has['additions']} -{has['deletions']}",
    ),
    ("Lines of output", "lines_of_output", lambda has: f"{has['lines_of_output']:,}"),
    ("Ran on", None, lambda has: has["ran_on"]),
)
"""Label, which figure the difference is of, and how it is shown."""


def why_of(attempt: Record) -> str:
    """Why an attempt ended, in a line."""
    if attempt["state"] == "running":
        return str(attempt["message"] or "it runs")
    exited = f"exit {attempt['exit_code']}" if attempt["exit_code"] else ""
    said = "" if attempt["state"] == "succeeded" else str(attempt["error"] or "").strip().split("\n")[0]
    told = ", ".join(part for part in (attempt["code"], exited, said) if part)
    return told or ("done" if attempt["state"] == "succeeded" else str(attempt["state"]))


def change(before: float, after: float) -> str:
    """By how much more or less; nothing where either is 0."""
    if before <= 0 or after <= 0 or before == after:
        return ""
    return f"{(after - before) / before:+.0%}"


def took(seconds: float) -> str:
    """A duration in two units, or with one decimal below ten seconds."""
    if seconds < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{int(seconds)}s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


def files_of(a: Record, b: Record) -> list[dict[str, Any]]:
    """Files that both, or only one of them changed; `same`: by as many lines."""
    one, two = (
        {str(file["path"]): (file["additions"], file["deletions"]) for file in side["produced"]}
        for side in (a, b)
    )
    return [
        {"path": name, "a": name in one, "b": name in two, "same": name in one and one[name] == two.get(name)}
        for name in sorted({*one, *two})
    ]


def compare(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="TASK")],
    first: Annotated[
        str | None, typer.Argument(metavar="A", help="An attempt of it by number, or another task.")
    ] = None,
    second: Annotated[str | None, typer.Argument(metavar="B", help="With what A is compared.")] = None,
) -> None:
    """Put two attempts, or two tasks, beside each other: state, cost, tokens, time, files, result.

    TASK: its last two attempts. TASK 1 3: these two. TASK 1: it and the last one. TASK OTHER: the last attempts of both.
    """
    call = invocation(context)
    with call.connection() as connection:
        identity = full_id(connection, task_id)
        a, b = (
            _side(connection, *pick)
            for pick in _picks(connection, identity, [one for one in (first, second) if one])
        )
    before, after, files = a.figures(), b.figures(), files_of(a.files, b.files)
    if call.output.as_json:
        call.output.json({"a": _json(a, before), "b": _json(b, after), "files": files})
        return
    _show(call.output, (a.name, b.name), (before, after), files)


def _picks(connection: Connection, task: str, named: list[str]) -> list[tuple[str, int | None]]:
    """Which attempt (None: the last) of which task stands on which side."""
    picks = [_pick(connection, task, one) for one in named]
    if len(picks) == 2:
        if all(other != task for other, _ in picks):
            raise ThreeTasks(a=picks[0][0], b=picks[1][0])
        return picks
    if picks and picks[0][0] != task:
        return [(task, None), picks[0]]
    numbers = [int(one["number"]) for one in _attempts(connection, task)]
    if len(numbers) < 2:
        raise NothingToCompare(task=task, times="once" if numbers else "not at all")
    return [picks[0] if picks else (task, numbers[-2]), (task, numbers[-1])]


def _pick(connection: Connection, task: str, named: str) -> tuple[str, int | None]:
    if named.isdecimal() and len(named) < 4:
        return task, int(named)
    return full_id(connection, named), None


def _attempts(connection: Connection, task: str) -> list[Record]:
    return cast(list[Record], connection.get(path("tasks", task, "attempts"))["items"])


def _side(connection: Connection, task: str, number: int | None) -> Side:
    attempts = _attempts(connection, task)
    wanted = [one for one in attempts if number is None or one["number"] == number]
    if not wanted:
        raise NotFound(
            f"{task} has no attempt{'' if number is None else f' {number}'}; it has {len(attempts)}.",
            noun="attempt",
            id=str(number),
        )
    files = connection.get(path("tasks", task, "files"), attempt=wanted[-1]["number"])
    return Side(task, wanted[-1], files)


def _seconds(attempt: Record) -> float:
    begun = datetime.fromisoformat(str(attempt["claimed_at"])).timestamp()
    ended = attempt["finished_at"]
    return round(
        (datetime.fromisoformat(str(ended)).timestamp() if ended else time.time_ns() / 1e9) - begun, 3
    )


def _json(side: Side, figures: dict[str, Any]) -> dict[str, Any]:
    place = {"task_id": side.task_id, "attempt": side.attempt["number"], "attempt_id": side.attempt["id"]}
    return place | figures


def _show(
    output: Output,
    names: tuple[str, str],
    sides: tuple[dict[str, Any], dict[str, Any]],
    files: list[dict[str, Any]],
) -> None:
    before, after = sides
    rows = [
        {
            "what": label,
            "a": shown(before),
            "b": shown(after),
            "change": "" if of is None else change(float(before[of]), float(after[of])),
        }
        for label, of, shown in ROWS
    ]
    rows += [
        {
            "what": one["path"],
            "a": "changed" if one["a"] else None,
            "b": "changed" if one["b"] else None,
            "change": "as many lines" if one["same"] else "",
        }
        for one in files
    ]
    told = {side: shortened(has["result"], _RESULT) for side, has in (("a", before), ("b", after))}
    rows = [{"what": "Attempt", "a": names[0], "b": names[1], "change": ""}, *rows]
    result = {"what": "Result", **told, "change": ""}
    columns = (
        Column("", "what", flexible=True),
        Column("a", "a", flexible=True),
        Column("b", "b", flexible=True),
        Column("change", lambda row: row["change"] or " ", right=True),
    )
    output.table([*rows, result], columns, empty="")
