"""The check of a working directory, before anything starts."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from muster.sandboxes.sandbox import WorkdirMissing


def usable_working_dir(path: Path) -> Path:
    """The directory without symbolic links. WorkdirMissing when it is gone, no directory, or cannot be written."""
    if not path.is_absolute():
        raise WorkdirMissing(path=path, problem="is not an absolute path")
    try:
        real = Path(os.path.realpath(path, strict=True))
    except (OSError, ValueError, RuntimeError) as error:
        raise WorkdirMissing(
            path=path, problem=f"is not there ({getattr(error, 'strerror', None) or error})"
        ) from error
    if not stat.S_ISDIR(real.stat().st_mode):
        raise WorkdirMissing(path=path, problem="is not a directory")
    if not os.access(real, os.W_OK | os.X_OK):
        raise WorkdirMissing(path=path, problem="cannot be written by the worker")
    return real
