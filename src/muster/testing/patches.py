"""Patches in the format of Codex's `apply_patch`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from muster.testing.conversation import Item

_NUMBERED: Final = re.compile(r"^\s*\d+(?:\t|[:|] ?)")


def patched_file(path: str, content: str) -> str:
    """A new file."""
    lines = "".join(f"+{line}\n" for line in content.splitlines())
    return f"*** Begin Patch\n*** Add File: {path}\n{lines}*** End Patch\n"


def removed_and_added(path: str, old: str, new: str, items: Sequence[Item]) -> str:
    """A changed line. The whole line is needed, so it is looked for in what tools gave back."""
    results = (item.text for item in reversed(items) if item.role == "result")
    lines = (line for text in results for line in re.split(r"\n|\\n", text) if old in line)
    line = _NUMBERED.sub("", next(lines, old))
    changed = line.replace(old, new)
    return f"*** Begin Patch\n*** Update File: {path}\n@@\n-{line}\n+{changed}\n*** End Patch\n"
