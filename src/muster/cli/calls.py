"""`muster calls`: calls to models with tokens and cost."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from muster.cli.connection import path
from muster.cli.invocation import invocation
from muster.cli.output import Column, Record, money, shortened, since
from muster.cli.task_ids import full_id


def cost_of(call: Record) -> str:
    """What a call cost, in a word where that is no number."""
    return money(call.get("cost_usd")) if call.get("pricing") == "priced" else str(call.get("pricing"))


COLUMNS = (
    Column("when", lambda row: since(row.get("at"))),
    Column("try", "attempt", right=True, spare=True),
    Column("model", "model", flexible=True),
    Column("status", lambda row: row.get("status") or "none", right=True),
    Column("in", lambda row: row["tokens"]["input_tokens"], right=True),
    Column(
        "cached",
        lambda row: row["tokens"]["cache_read_tokens"] + row["tokens"]["cache_write_tokens"],
        right=True,
        spare=True,
    ),
    Column("out", lambda row: row["tokens"]["output_tokens"], right=True),
    Column("cost", cost_of, right=True),
    Column("ms", lambda row: round(row.get("duration_ms") or 0), right=True, spare=True),
    Column("error", lambda row: shortened(row.get("error"), 40), flexible=True, clipped=True, spare=True),
)


def calls(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="TASK")],
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="Default: all attempts.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=100_000, help="How many at most.")
    ] = 1_000,
) -> None:
    """List a task's calls to models with tokens and cost, oldest first."""
    call = invocation(context)
    with call.connection() as connection:
        target = path("tasks", full_id(connection, task_id), "calls")
        runs = cast(list[dict[str, Any]], connection.get(target, attempt=attempt, limit=1)["runs"])
        found = list(connection.pages(target, limit=limit, attempt=attempt))
    call.output.table(
        found, COLUMNS, empty="No calls to models were metered.", answer={"items": found, "runs": runs}
    )
    if not call.output.as_json:
        for run in runs:
            call.output.note(total_line(run))


def total_line(run: Record) -> str:
    """A run's totals, and how far the agent's own are from them."""
    unpriced = f", {run['unpriced_calls']} without a known price" if run["unpriced_calls"] else ""
    line = f"{run['agent']}: {run['calls']} calls for {money(run['cost_usd'])}{unpriced}"
    for who, field in (("the agent", "difference"), ("its telemetry", "telemetry_difference")):
        found = cast(dict[str, float | None], run.get(field) or {})
        differences = {name: value for name, value in found.items() if value}
        if differences:
            words = ", ".join(
                f"{name.removesuffix('_tokens').removesuffix('_usd').replace('_', ' ')} {value:+g}"
                for name, value in differences.items()
            )
            line += f"; {who} reports another sum ({words})"
    return line
