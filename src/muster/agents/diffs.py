"""Unified diffs from what agents tell of an edit. For show: file changes are taken from git."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from muster.agents.wire import count, texts

LONGEST: Final = 200_000
"""Longer texts are not compared, as that takes time in the square of their lines."""


def unified(path: str, old: str | None, new: str | None) -> str:
    """The change from `old` to `new`; None where there is no file. Empty when it is too long to compare."""
    if len(old or "") + len(new or "") > LONGEST:
        return ""
    names = _names(path, old is None, new is None)
    if not old or not new:
        return _all_of(names, new or old or "", "+" if new else "-")
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), *names, lineterm="")
    return "".join([f"{line}\n" for line in lines])


def _all_of(names: tuple[str, str], words: str, sign: str) -> str:
    """A change that adds or removes everything: nothing is to be compared."""
    lines = words.splitlines()
    if not lines:
        return ""
    part = f"{sign}1,{len(lines)}" if len(lines) > 1 else f"{sign}1"
    ranges = f"-0,0 {part}" if sign == "+" else f"{part} +0,0"
    body = "".join([f"{sign}{line}\n" for line in lines])
    return f"--- {names[0]}\n+++ {names[1]}\n@@ {ranges} @@\n{body}"


def hunks(path: str, patch: Iterable[Mapping[str, Any]]) -> str:
    """A change given as hunks of `oldStart`, `oldLines`, `newStart`, `newLines` and `lines`."""
    parts: list[str] = []
    for hunk in patch:
        old = f"{count(hunk.get('oldStart'))},{count(hunk.get('oldLines'))}"
        new = f"{count(hunk.get('newStart'))},{count(hunk.get('newLines'))}"
        parts.append(f"@@ -{old} +{new} @@\n" + "".join(f"{line}\n" for line in texts(hunk.get("lines"))))
    before, after = _names(path, False, False)
    return f"--- {before}\n+++ {after}\n{''.join(parts)}" if parts else ""


def _names(path: str, created: bool, deleted: bool) -> tuple[str, str]:
    shown = path.lstrip("/")
    return ("/dev/null" if created else f"a/{shown}"), ("/dev/null" if deleted else f"b/{shown}")
