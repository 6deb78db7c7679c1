"""Removal of folders that programs have written to, whatever permissions they left."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any


def remove_tree(path: Path) -> None:
    """Remove a folder and all below it; links are not followed. OSError when something cannot be removed."""
    if not path.exists() and not path.is_symlink():
        return
    shutil.rmtree(path, onerror=partial(_open_up, path))


def _open_up(root: Path, retry: Callable[..., Any], name: str, _error: object) -> None:
    """Give the owner access to the folder that stands in the way, and try again. What is outside of the tree stays as it is."""
    path = Path(name)
    for folder in (path.parent, path):
        if not folder.is_relative_to(root):
            continue
        try:
            if stat.S_ISDIR(folder.lstat().st_mode):
                folder.chmod(0o700)
        except FileNotFoundError:
            return
    if retry in (os.open, os.scandir, os.listdir, os.lstat):
        remove_tree(path)
    else:
        retry(name)
