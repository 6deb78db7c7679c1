"""One process at a time: a lock file that names its holder, let go by the system when that ends in any way."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_one(lock: Path, taken: Callable[[str], Exception]) -> Generator[None]:
    """Hold the lock while the block runs; raises what `taken` makes of the holder's process number, or of `?`."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise taken(os.read(descriptor, 20).decode() or "?") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
