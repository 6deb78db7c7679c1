"""What an agent does at the moment, told by the newest entries of its transcript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

MOST: Final = 200
"""Characters of an object that are kept."""
_VERBS: Final = {
    "read": "reading",
    "edit": "editing",
    "delete": "deleting",
    "move": "moving",
    "search": "searching",
    "execute": "running",
    "think": "thinking",
    "fetch": "fetching",
}


@dataclass(frozen=True, slots=True)
class Now:
    """A verb (`editing`) and what it is done to ("" when that is not known)."""

    verb: str
    subject: str = ""


def now_of(documents: Sequence[Mapping[str, Any]]) -> Now | None:
    """What the last of these entries tell; None when none of them tells anything."""
    for document in reversed(documents):
        found = _of_entry(document)
        if found is not None:
            return found
    return None


def _of_entry(document: Mapping[str, Any]) -> Now | None:
    match document.get("kind"):
        case "tool_call":
            return _of_call(document)
        case "thinking":
            return Now("thinking")
        case "message" if document.get("role", "agent") == "agent":
            return Now("writing", one_line(document.get("text")))
        case "plan":
            return Now("planning")
        case "result":
            return Now("finishing", one_line(document.get("text")))
        case _:
            return None


def _of_call(document: Mapping[str, Any]) -> Now:
    verb = _VERBS.get(str(document.get("tool")), "calling")
    paths = document.get("paths")
    path: Any = cast(list[Any], paths)[0] if isinstance(paths, list) and paths else ""
    for text in (document.get("command"), path, document.get("title"), document.get("name")):
        if text:
            return Now(verb, one_line(text))
    return Now(verb)


def one_line(text: Any) -> str:
    """The first line of a text that is not blank, cut to what is shown; "" for what is no text."""
    if not isinstance(text, str):
        return ""
    line = next((line for line in map(str.strip, text[: 10 * MOST].splitlines()) if line), "")
    return line if len(line) <= MOST else line[: MOST - 1] + "…"
