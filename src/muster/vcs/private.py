"""Private repositories: git directories that borrow the objects of another and share nothing else with it.

They are written as files, not by `git init`: that takes a millisecond instead of ten, and nothing of the
machine's templates or configuration comes in.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LONGEST_CHAIN: Final = 5
"""Repositories that borrow from each other in turn; git follows no more."""
SHA256_LENGTH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose name commits carry in a repository with a working copy."""

    name: str
    email: str


def create_private(
    git_dir: Path,
    main: Path | None,
    commit: str | None,
    branch: str,
    *,
    owner: Owner | None = None,
    minimal: bool = False,
) -> None:
    """Make `git_dir` with HEAD on `branch` at `commit`, borrowing from `main`. With an `owner` it has a working copy,
    else it is bare.

    `minimal`: the working copy's files are copies, so only their sizes and times say whether they changed.
    """
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (git_dir / folder).mkdir(parents=True, exist_ok=True)
    if main is not None:
        (git_dir / "objects" / "info" / "alternates").write_text(f"{main / 'objects'}\n")
        if (main / "shallow").is_file():
            shutil.copy(main / "shallow", git_dir / "shallow")
    (git_dir / "config").write_text(_config(commit or "", owner, minimal=minimal))
    if commit is not None:
        reference = git_dir / "refs" / "heads" / branch
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(f"{commit}\n")
    (git_dir / "HEAD").write_text(f"ref: refs/heads/{branch}\n")


def exclude(git_dir: Path, names: Sequence[str]) -> None:
    """Never take these files (paths below the working copy's root) into a commit by themselves."""
    if names:
        lines = "".join(f"/{_escaped(name)}\n" for name in names if "\n" not in name)
        with (git_dir / "info" / "exclude").open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(lines)


def lenders(main: Path) -> tuple[Path, ...]:
    """The object folders that a repository reads from: its own, and those it borrows itself."""
    found = [main / "objects"]
    for place in found:
        listed = place / "info" / "alternates"
        if len(found) > LONGEST_CHAIN or not listed.is_file():
            continue
        lines = listed.read_text(errors="surrogateescape").splitlines()
        found.extend((place / line).resolve() for line in lines if line and not line.startswith("#"))
    return tuple(dict.fromkeys(found))


def _config(commit: str, owner: Owner | None, *, minimal: bool) -> str:
    wide = len(commit) == SHA256_LENGTH
    lines = ["[core]", f"repositoryformatversion = {int(wide)}", "filemode = true"]
    lines.append(f"bare = {'true' if owner is None else 'false'}")
    if minimal:
        lines += ["checkStat = minimal", "trustctime = false"]
    if sys.platform == "darwin":
        lines += ["ignorecase = true", "precomposeunicode = true"]
    lines += ["[gc]", "auto = 0"]
    if wide:
        lines += ["[extensions]", "objectFormat = sha256"]
    if owner is not None:
        lines += ["[user]", f"name = {_quoted(owner.name)}", f"email = {_quoted(owner.email)}"]
    return "".join(f"{line}\n" for line in lines)


def _quoted(value: str) -> str:
    cleaned = " ".join(value.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{cleaned}"'


def _escaped(name: str) -> str:
    return "".join(f"\\{char}" if char in "\\*?[]!# " else char for char in name)
