"""Unix sockets that are doors of sandboxes without a network."""

from __future__ import annotations

import os
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Final

LONGEST: Final = 100
"""Bytes of a path that every system takes for a socket's name."""


def listen(path: Path) -> socket:
    """A listening socket at `path`, made anew, that only this user can connect to.

    A name too long for a socket is reached through its folder's descriptor (Linux). OSError where that is not there.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    listener = socket(AF_UNIX)
    try:
        if len(os.fsencode(path)) <= LONGEST:
            listener.bind(str(path))
        else:
            _bind_in_folder(listener, path)
        path.chmod(0o600)
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener


def _bind_in_folder(listener: socket, path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
