"""What changed between two commits, from git and nothing else. The repository is the host's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from muster.domain.changes import Change
from muster.domain.ownership import owned
from muster.domain.transcript import ChangeKind
from muster.vcs.git import git

MOST_FILES: Final = 20_000
DIFF_BYTES: Final = 2 * 1024 * 1024
NOTHING: Final = "0" * 40
_KINDS: Final = {
    "A": ChangeKind.CREATED,
    "D": ChangeKind.DELETED,
    "R": ChangeKind.RENAMED,
    "C": ChangeKind.CREATED,
}
DIFF: Final = (
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--find-renames",
    "--ignore-submodules=none",
)


async def changes_between(git_dir: Path, before: str, after: str, globs: Sequence[str] = ()) -> list[Change]:
    """All files that differ, by path; `outside` marks those that `globs` do not cover."""
    if before == after:
        return []
    raw = await git(*DIFF, "--raw", "--numstat", "-z", "--no-abbrev", before, after, git_dir=git_dir)
    return [replace(change, outside=not owned(change.path, globs)) for change in _parsed(raw)[:MOST_FILES]]


def _parsed(raw: bytes) -> list[Change]:
    """The output of `--raw --numstat -z`: first all raw records, then all counts in the same order."""
    fields = raw.split(b"\0")
    found: list[Change] = []
    position = 0
    while position < len(fields) and fields[position].startswith(b":"):
        _, _, old, new, status = fields[position].decode().lstrip(":").split(" ")
        names = [name.decode("utf-8", "replace") for name in fields[position + 1 : position + 3]]
        two = status[0] in "RC"
        position += 3 if two else 2
        found.append(
            Change(
                path=names[1] if two else names[0],
                old_path=names[0] if status[0] == "R" else "",
                change=_KINDS.get(status[0], ChangeKind.MODIFIED),
                before="" if set(old) == {"0"} else old,
                after="" if set(new) == {"0"} else new,
            )
        )
    counted: list[Change] = []
    for change in found:
        added, deleted, name = fields[position].decode("utf-8", "replace").split("\t", 2)
        position += 1 if name else 3
        lines = (None, None) if added == "-" else (int(added), int(deleted))
        counted.append(replace(change, additions=lines[0], deletions=lines[1]))
    return counted


async def diff_of(git_dir: Path, before: str, after: str, change: Change) -> bytes:
    """The unified diff of one file, cut at 2 MiB."""
    names = [change.old_path, change.path] if change.old_path else [change.path]
    told = await git(
        *DIFF, "--patch", before, after, "--", *(f":(literal){name}" for name in names), git_dir=git_dir
    )
    return told if len(told) <= DIFF_BYTES else told[:DIFF_BYTES] + b"\n[cut here]\n"
