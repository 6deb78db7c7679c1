"""The script index: list, search, show, read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, cast

import typer

from muster.cli.connection import path
from muster.cli.invocation import invocation
from muster.cli.output import Column, Record, duration, shortened


def _entries(row: Record, name: str) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], row.get(name) or [])


COLUMNS: Final = (
    Column("script", "name"),
    Column("kind", "kind"),
    Column("description", lambda row: shortened(row.get("description"), 60), flexible=True),
    Column(
        "inputs", lambda row: ", ".join(_signature(item) for item in _entries(row, "inputs")), flexible=True
    ),
    Column("tags", "tags"),
)
PROBLEM_COLUMNS: Final = (
    Column("file", "path", flexible=True),
    Column("line", "line", right=True),
    Column("problem", "message", flexible=True),
)


def scripts(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="Search in names, texts, tags.")
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag")] = None,
    show: Annotated[str | None, typer.Option("--show", metavar="NAME", help="All about one script.")] = None,
) -> None:
    """List and search the scripts that can be queued by name.

    Queue one with: muster enqueue --script NAME --input NAME=VALUE
    """
    call = invocation(context)
    with call.connection() as connection:
        if show is not None:
            found = connection.get(path("scripts", show))
            call.output.record(found, list(_details(found)))
            return
        answer = connection.get(path("scripts"), q=" ".join(words) if words else None, tag=tag)
    call.output.table(answer["items"], COLUMNS, empty="No scripts found.", answer=answer)
    _note_problems(call.output.note, answer)


def reload(context: typer.Context) -> None:
    """Read the script folders again."""
    call = invocation(context)
    with call.connection() as connection:
        answer = connection.post(path("scripts", "reload"))
    call.output.done(f"{answer['count']} scripts", answer)
    _note_problems(call.output.note, answer)


def _note_problems(note: Any, answer: dict[str, Any]) -> None:
    for item in cast(list[dict[str, Any]], answer.get("problems") or []):
        line = f":{item['line']}" if item.get("line") else ""
        note(f"{item['path']}{line}: {item['message']}")


def _signature(item: Record) -> str:
    """An input in a few characters: `target!` is required, `level=3` has a default."""
    if item.get("default") is not None:
        return f"{item['name']}={item['default']}"
    return f"{item['name']}!" if item.get("required") else str(item["name"])


def _details(found: dict[str, Any]) -> Iterator[tuple[str, object]]:
    yield "name", found["name"]
    yield "description", found.get("description")
    yield "kind", found.get("kind")
    yield "file", found.get("path")
    yield "inputs", "\n".join(_described(item) for item in _entries(found, "inputs"))
    yield "outputs", "\n".join(_described(item) for item in _entries(found, "outputs"))
    yield "tags", found.get("tags")
    yield "class", found.get("task_class")
    yield "timeout", duration(found["timeout_seconds"]) if found.get("timeout_seconds") else None


def _described(item: Record) -> str:
    kind = "|".join(item["choices"]) if item.get("choices") else item.get("type")
    extra = " required" if item.get("required") else ""
    extra += f" default {item['default']}" if item.get("default") is not None else ""
    return f"{item['name']}: {kind}{extra}  {item.get('description') or ''}".rstrip()
