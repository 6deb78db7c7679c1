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
    lines = difflib.unified_diff(
        (old or "").splitlines(),
        (new or "").splitlines(),
        *_names(path, old is None, new is None),
        lineterm="",
    )
    return "".join(f"{line}\n" for line in lines)


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
