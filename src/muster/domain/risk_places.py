"""Where a path leads, as seen from a working copy: what may be written there, and what must not be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from muster.domain.shell_words import Word

_SECRET: Final = re.compile(
    r"(^|/)(\.ssh|\.aws|\.gnupg|\.kube|\.docker|\.netrc|\.npmrc|\.pypirc|\.git-credentials|\.env|shadow|sudoers|id_[a-z0-9]+"
    r"|credentials(\.\w+)?|environ)(/|$)|\.(pem|key|p12|kdbx)$"
)
_NOWHERE: Final = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd/1", "/dev/fd/2"})
_TEMPORARY: Final = ("/tmp", "/var/tmp")


MOST_COMMANDS: Final = 400
"""Of one request; so that none is so long that grading it takes long."""


class Side(StrEnum):
    """Where something is."""

    INSIDE = "inside"
    TEMPORARY = "temporary"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"
    NOWHERE = "nowhere"


@dataclass(slots=True)
class Place:
    """The working copy and, below or beside it, where a command line is by now. `at` None: nobody can tell."""

    root: str | None
    at: str | None = "."
    spent: list[str] = field(default_factory=list[str])
    """One for each command that was looked at, shared by all copies."""

    @property
    def weary(self) -> bool:
        """Whether so many were looked at that no more are."""
        return len(self.spent) > MOST_COMMANDS

    def go(self, word: Word | None) -> None:
        """`cd` there."""
        if word is None:
            self.at = "~"
        elif not word.plain or word.text == "-" or self.at is None:
            self.at = None
        else:
            self.at = self._joined(word.text)

    def _joined(self, path: str) -> str:
        return _plain(path if path.startswith("/") else f"{self.at or '.'}/{path}")

    def side(self, word: Word) -> Side:
        """On which side a path is."""
        if word.text in _NOWHERE:
            return Side.NOWHERE
        if word.text.startswith(("~", "$HOME", "${HOME}")) or (self.at or "").startswith("~"):
            return Side.OUTSIDE
        if not word.plain or (self.at is None and not word.text.startswith("/")):
            return Side.UNKNOWN
        return self._side(self._joined(word.text))

    def _side(self, path: str) -> Side:
        root = None if self.root is None else _plain(self.root)
        if not path.startswith("/"):
            return Side.OUTSIDE if path == ".." or path.startswith("../") else Side.INSIDE
        if root is not None and (path == root or path.startswith(f"{root}/")):
            return Side.INSIDE
        below = any(path == top or path.startswith(f"{top}/") for top in _TEMPORARY)
        return Side.TEMPORARY if below else Side.OUTSIDE


def _plain(path: str) -> str:
    """A path without `.`, `..` and doubled strokes; "." for the place itself."""
    kept: list[str] = []
    rooted = path.startswith("/")
    for name in path.split("/"):
        if name == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif name not in {"", "."} and not (name == ".." and rooted):
            kept.append(name)
    return ("/" if rooted else "") + "/".join(kept) or "."


def is_secret(path: str) -> bool:
    """Whether keys or passwords are usually kept there."""
    return _SECRET.search(path.rstrip("/")) is not None
