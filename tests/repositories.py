"""Repositories of git for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

AUTHOR = ("-c", "user.name=ann", "-c", "user.email=ann@example.org")


def begin_repository(folder: Path, readme: str = "# Hello\n") -> Path:
    """A new repository there with one commit on `main`, of a README."""
    folder.mkdir()
    (folder / "README.md").write_text(readme)
    for words in (("init", "-q", "-b", "main"), ("add", "."), (*AUTHOR, "commit", "-q", "-m", "Begin")):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return folder
