from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from muster.vcs.checkout import Identity

AGENT = Identity(name="claude via muster", email="claude@agents.muster.invalid")


def run_git(folder: Path, *args: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small real repository with a commit on `main`."""
    folder = tmp_path / "repo"
    folder.mkdir()
    run_git(folder, "init", "-q", "-b", "main")
    (folder / "hello.py").write_text("def hello():\n    return 'hello'\n")
    (folder / "README.md").write_text("# demo\n")
    (folder / ".gitignore").write_text("*.env\nbuild/\n")
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-qm", "first")
    return folder
