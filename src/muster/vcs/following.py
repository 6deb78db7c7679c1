"""Where lines of one commit are in another, and what they say: for comments that follow the work they are about."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from muster.domain.changes import Change
from muster.domain.review import follow
from muster.domain.transcript import ChangeKind
from muster.vcs.changes import changes_between, diff_of
from muster.vcs.git import GitError, git, line

CONTENT_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of a file, from 1."""

    path: str
    first: int
    last: int


@dataclass(slots=True)
class Follower:
    """Finds lines of older commits in newer ones; what git said is asked once."""

    git_dir: Path
    _changes: dict[tuple[str, str], dict[str, Change] | None] = field(
        default_factory=dict[tuple[str, str], dict[str, Change] | None]
    )
    _diffs: dict[tuple[str, str, str], str] = field(default_factory=dict[tuple[str, str, str], str])

    async def follow(self, place: Place, before: str, after: str) -> Place | None:
        """Where these lines are now; None when they were changed, or git does not know a commit any more."""
        if before == after:
            return place
        changes = await self._between(before, after)
        if changes is None:
            return None
        change = changes.get(place.path)
        if change is None:
            return place
        if change.change is ChangeKind.DELETED or change.binary:
            return None
        found = follow(await self._diff(before, after, change), place.first, place.last)
        return None if found is None else Place(change.path, *found)

    async def _between(self, before: str, after: str) -> dict[str, Change] | None:
        key = (before, after)
        if key not in self._changes:
            try:
                found = await changes_between(self.git_dir, before, after)
                self._changes[key] = {change.old_path or change.path: change for change in found}
            except GitError:
                self._changes[key] = None
        return self._changes[key]

    async def _diff(self, before: str, after: str, change: Change) -> str:
        key = (before, after, change.path)
        if key not in self._diffs:
            told = await diff_of(self.git_dir, before, after, change)
            self._diffs[key] = told.decode("utf-8", "replace")
        return self._diffs[key]


async def lines_at(git_dir: Path, commit: str, path: str) -> list[str] | None:
    """The lines of a file at a commit; None when it is not there, or too large to be looked at."""
    try:
        named = f"{commit}:{path}"
        if int(await line("cat-file", "-s", named, git_dir=git_dir)) > CONTENT_BYTES:
            return None
        content = await git("cat-file", "blob", named, git_dir=git_dir)
    except GitError:
        return None
    return content.decode("utf-8", "replace").removesuffix("\n").split("\n")


async def has_file(git_dir: Path, commit: str, path: str) -> bool:
    """Whether a commit has a file; also when git does not know the commit, as nothing can be said against it then."""
    try:
        return bool(await git("ls-tree", "-z", "--name-only", commit, "--", path, git_dir=git_dir))
    except GitError:
        return True


async def commits_since(git_dir: Path, before: str, after: str) -> int | None:
    """How many commits of `after` are not in `before`; None when git does not know one of them."""
    try:
        return int(await line("rev-list", "--count", f"{before}..{after}", "--", git_dir=git_dir))
    except (GitError, ValueError):
        return None
