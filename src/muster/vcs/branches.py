"""What attempts left in a repository: branches `muster/TASK`, and commits kept under attempts' names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from muster.vcs.checkout import BRANCHES, KEPT
from muster.vcs.git import git, line
from muster.vcs.standing import Standing, standing_of

AT_ONCE: Final = 6
_FIELDS: Final = (
    "%(refname)",
    "%(objectname)",
    "%(committerdate:unix)",
    "%(worktreepath)",
    "%(trailers:key=Muster-Task,valueonly,separator=%2C)",
    "%(contents:subject)",
)


@dataclass(slots=True, kw_only=True)
class TaskWork:
    """All that a repository keeps of one task. `refs` are names with their commits; `at` is in seconds since the epoch.

    `branch` is None where only attempts' names are left. `size` counts bytes that nothing else in the repository needs.
    """

    task: str
    branch: str | None = None
    commit: str = ""
    at: int = 0
    subject: str = ""
    checked_out: str = ""
    refs: dict[str, str] = field(default_factory=dict[str, str])
    standing: Standing = field(default_factory=Standing)
    size: int = 0


async def works_in(main: Path, into: str | None) -> list[TaskWork]:
    """What is kept of each task, the newest first, compared with branch `into`."""
    prefix = f"refs/heads/{BRANCHES}"
    told = await git("for-each-ref", f"--format={'%00'.join(_FIELDS)}", prefix, KEPT, git_dir=main)
    found: dict[str, TaskWork] = {}
    for row in told.decode("utf-8", "replace").splitlines():
        _add(found, row.split("\0"))
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(work: TaskWork) -> None:
        async with gate:
            work.standing = await standing_of(main, work.commit, into)
            work.size = await size_of(main, [work])

    async with asyncio.TaskGroup() as group:
        for work in found.values():
            group.create_task(look(work))
    return sorted(found.values(), key=lambda work: work.at, reverse=True)


def _add(found: dict[str, TaskWork], row: Sequence[str]) -> None:
    """Put a name to its task; the branch is what stands for the task, else its newest attempt."""
    ref, commit, at, worktree, trailer, subject = row
    is_branch = ref.startswith(f"refs/heads/{BRANCHES}")
    task = ref.removeprefix(f"refs/heads/{BRANCHES}") if is_branch else trailer.split(",")[0].strip()
    work = found.setdefault(task or "unknown", TaskWork(task=task))
    work.refs[ref] = commit
    if is_branch:
        work.branch, work.checked_out = ref.removeprefix("refs/heads/"), worktree
    if is_branch or (work.branch is None and int(at or 0) >= work.at):
        work.commit, work.at, work.subject = commit, int(at or 0), subject


async def size_of(main: Path, works: Iterable[TaskWork]) -> int:
    """Bytes of objects that only these need. They are freed when git next tidies up (`git gc`)."""
    commits = sorted({commit for work in works for commit in work.refs.values()})
    if not commits:
        return 0
    others = ("--not", f"--exclude=refs/heads/{BRANCHES}*", f"--exclude={KEPT}*", "--all")
    told = await line("rev-list", "--disk-usage", "--objects", *commits, *others, git_dir=main)
    return int(told or 0)


async def drop_works(main: Path, works: Iterable[TaskWork]) -> int:
    """Remove all names of these, together or not at all; how many. GitError when one moved in the meantime."""
    lines = [f"delete {ref} {commit}\n" for work in works for ref, commit in work.refs.items()]
    if lines:
        await git("update-ref", "--stdin", git_dir=main, stdin="".join(lines).encode())
    return len(lines)
