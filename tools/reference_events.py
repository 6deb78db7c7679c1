"""docs/reference/events.md: every kind of event of the log."""

from __future__ import annotations

from dataclasses import fields

from muster.domain.events import CATALOGUE


def render() -> str:
    """The page."""
    lines = [
        "# Events",
        "",
        "Written by `make gen`. Every change of state appends one of these to the log, in the same transaction.",
        "What an event is about (task, attempt, agent, project, money moved) stands beside `data`. In `data`, ids are",
        "public ids, money is micro-dollars, times and durations are microseconds; over the API `amount_usd` is dollars.",
        "",
        "| kind | what happened | fields of `data` |",
        "|---|---|---|",
    ]
    for payload in CATALOGUE:
        words = " ".join((payload.__doc__ or "").split()).replace("|", "\\|")
        names = ", ".join(f"`{field.name}`" for field in fields(payload)) or "none"
        lines.append(f"| `{payload.kind}` | {words} | {names} |")
    return "\n".join([*lines, ""])
