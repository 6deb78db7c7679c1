"""Which files a part of a task may change: path globs as in .gitignore, `**` for any depth."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache


def owned(path: str, globs: Sequence[str]) -> bool:
    """Whether a path, relative to the repository, is among those that may be changed. No globs: all are.

    A glob without a slash matches a name at any depth, one that ends in a slash everything below; `!` takes back.
    """
    if not globs:
        return True
    verdict = False
    for glob in globs:
        negated = glob.startswith("!")
        if _pattern(glob[1:] if negated else glob).fullmatch(path):
            verdict = not negated
    return verdict


def outside(paths: Iterable[str], globs: Sequence[str]) -> list[str]:
    """Those paths that may not be changed."""
    return [path for path in paths if not owned(path, globs)]


@lru_cache(maxsize=1_000)
def _pattern(glob: str) -> re.Pattern[str]:
    text = glob.strip().removeprefix("./")
    anchored = "/" in text.rstrip("/")
    text = text.removeprefix("/")
    below = text.endswith("/")
    body = _translate(text.rstrip("/"))
    start = "" if anchored else r"(?:.*/)?"
    end = r"/.*" if below else r"(?:/.*)?"
    return re.compile(f"{start}{body}{end}", re.DOTALL)


def _translate(glob: str) -> str:
    out: list[str] = []
    position = 0
    while position < len(glob):
        rest = glob[position:]
        if rest.startswith("**/"):
            out.append(r"(?:.*/)?")
            position += 3
        elif rest.startswith("**"):
            out.append(r".*")
            position += 2
        elif rest[0] == "*":
            out.append(r"[^/]*")
            position += 1
        elif rest[0] == "?":
            out.append(r"[^/]")
            position += 1
        else:
            out.append(re.escape(rest[0]))
            position += 1
    return "".join(out)
