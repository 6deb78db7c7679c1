"""What an attempt changed, file by file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain.transcript import ChangeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file. Counts are lines; None for a binary file. Contents are content addresses of git, empty where there is none."""

    path: str
    change: ChangeKind
    old_path: str = ""
    additions: int | None = None
    deletions: int | None = None
    before: str = ""
    after: str = ""
    outside: bool = False

    @property
    def binary(self) -> bool:
        """Whether it has no lines."""
        return self.additions is None


def summary(changes: list[Change]) -> str:
    """In words for a commit: one file by name, many by number."""
    if not changes:
        return "no changes"
    if len(changes) == 1:
        return f"{_VERBS[changes[0].change]} {changes[0].path}"
    counts = [
        f"{sum(1 for change in changes if change.change is kind)} {kind}"
        for kind in ChangeKind
        if any(change.change is kind for change in changes)
    ]
    return f"{len(changes)} files: {', '.join(counts)}"


_VERBS: Final = {
    ChangeKind.CREATED: "create",
    ChangeKind.MODIFIED: "change",
    ChangeKind.DELETED: "delete",
    ChangeKind.RENAMED: "rename",
}


def commit_message(title: str, task_type: str, changes: list[Change], task: str, attempt: str) -> str:
    """A commit message made from the task and what it changed, with trailers that lead back."""
    prefix = _PREFIXES.get(task_type, "")
    first = " ".join(title.split())[:72] or "Work of an agent"
    body = "\n".join(f"- {_VERBS[change.change]} {change.path}" for change in changes[:20])
    if len(changes) > 20:
        body += f"\n- and {len(changes) - 20} more"
    return (
        f"{prefix}{first}\n\n{body or summary(changes)}\n\nMuster-Task: {task}\nMuster-Attempt: {attempt}\n"
    )


_PREFIXES: Final = {
    "feature_implementation": "feat: ",
    "bug_fix": "fix: ",
    "documentation": "docs: ",
}
