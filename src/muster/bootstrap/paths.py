"""Which file configures muster, and where its data goes when nothing says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from muster.domain.errors import NotFound

CONFIG_NAME: Final = "muster.yml"


def find_config(environ: Mapping[str, str], cwd: Path, named: Path | None = None) -> Path | None:
    """The configuration file in force: the named one, MUSTER_CONFIG, `./muster.yml`, that of the repository, or none.

    A file that was named and does not exist is NotFound.
    """
    chosen = named or (Path(environ["MUSTER_CONFIG"]) if environ.get("MUSTER_CONFIG") else None)
    if chosen is not None:
        path = (cwd / chosen.expanduser()).resolve()
        if not path.is_file():
            raise NotFound(f"There is no configuration file {path}; correct --config or MUSTER_CONFIG.")
        return path
    root = repository_root(cwd)
    for folder in [cwd] if root is None else [cwd, root]:
        path = folder / CONFIG_NAME
        if path.is_file():
            return path.resolve()
    return None


def repository_root(folder: Path) -> Path | None:
    """The closest folder at or above `folder` that holds a git repository or worktree."""
    for candidate in [folder, *folder.parents]:
        if (candidate / ".git").exists():
            return candidate
    return None


def home_of(environ: Mapping[str, str]) -> Path:
    """The user's home."""
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def user_data_dir(environ: Mapping[str, str]) -> Path:
    """`$XDG_DATA_HOME/muster`, by default `~/.local/share/muster`."""
    configured = environ.get("XDG_DATA_HOME", "")
    base = Path(configured) if configured.startswith("/") else home_of(environ) / ".local" / "share"
    return base / "muster"


def demo_folder(data_dir: Path) -> Path:
    """Where the repository of `up --demo` is, beside the data directory."""
    return data_dir.with_name(f"{data_dir.name}-demo")


def demo_mark(folder: Path) -> Path:
    """A file that only a repository made by `up --demo` has."""
    return folder / ".git" / "muster-demo"
