"""Python environments for peers that do not run on the interpreter of this project."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.child import NotRun

OBAN_MINIMUM = (3, 12)
OBAN_PACKAGES = ("oban>=0.7",)


def _version(python: str) -> tuple[int, int] | None:
    """Major and minor version of an interpreter that starts; None for one that does not."""
    code = "import sys; print(*sys.version_info[:2])"
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        return None
    major, minor = asked.stdout.split()
    return int(major), int(minor)


def _candidates() -> list[str]:
    named = [found for minor in (12, 13, 14) if (found := shutil.which(f"python3.{minor}"))]
    managed = [str(path) for path in sorted(Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python"))]
    return [sys.executable, *named, *managed]


def cache_directory() -> Path:
    """Where environments and data sets are kept between runs."""
    directory = Path(tempfile.gettempdir()) / "muster-benchmarks"
    directory.mkdir(exist_ok=True)
    return directory


def oban_interpreter() -> str:
    """An interpreter with oban, made once by uv and kept; NotRun when that is not possible."""
    home = cache_directory() / "oban"
    python = home / "bin" / "python"
    ready = home / "installed"
    if ready.exists():
        return str(python)
    uv = shutil.which("uv")
    if uv is None:
        raise NotRun("uv is not on the PATH, so its environment cannot be made")
    chosen = next((c for c in _candidates() if (_version(c) or (0, 0)) >= OBAN_MINIMUM), None)
    if chosen is None:
        raise NotRun("it needs Python 3.12 or newer and there is none on this machine")
    steps = (
        [uv, "venv", "--quiet", "--clear", "--python", chosen, str(home)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *OBAN_PACKAGES],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotRun(f"its environment could not be made: {done.stderr.strip().splitlines()[-1:]}")
    ready.touch()
    return str(python)
