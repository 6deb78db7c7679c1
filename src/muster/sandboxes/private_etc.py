"""A copy of what programs need of /etc, with accounts of its own: one mount for a sandbox instead of one for each file."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from muster.sandboxes.folders import remove_tree

INSIDE_ID: Final = 1000
HOME: Final = Path("/home/muster")
PREFIX: Final = "muster-etc-"
FRESH_SECONDS: Final = 0.5
MEMORY: Final = Path("/dev/shm")
MEMORY_BYTES: Final = 32 << 20
"""To be free in memory before a copy, which takes about 1 MB, is made there."""
LIVE: Final = ("hosts", "resolv.conf")
"""Change while a host runs, such as with a new network: shown as they are."""
ENTRIES: Final = (
    *(
        "alternatives",
        "ca-certificates",
        "ca-certificates.conf",
        "crypto-policies",
        "debian_version",
        "fonts",
    ),
    *("gai.conf", "gitconfig", "host.conf", "inputrc", "java", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
    *("locale.alias", "locale.conf", "localtime", "magic", "mime.types", "networks", "nsswitch.conf"),
    *("os-release", "perl", "php", "pki", "profile", "profile.d", "protocols", "python3", "redhat-release"),
    *(
        "rpc",
        "services",
        "shells",
        "skel",
        "ssl/certs",
        "ssl/openssl.cnf",
        "terminfo",
        "timezone",
        "xdg",
        "xml",
    ),
)
"""The rest of /etc stays out: it holds secrets that the worker's user may read."""
ACCOUNTS: Final = {
    "passwd": (
        f"root:x:0:0:root:/nonexistent:/bin/sh\nmuster:x:{INSIDE_ID}:{INSIDE_ID}:muster:{HOME}:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n"
    ),
    "group": f"root:x:0:\nmuster:x:{INSIDE_ID}:\nnogroup:x:65534:\n",
    "hostname": "sandbox\n",
}
"""They know the one user inside."""

Stamp = tuple[tuple[str, int, int], ...]


class PrivateEtc:
    """One for a driver. The copy is made at first need, and anew when the host's /etc has changed."""

    def __init__(self, source: Path = Path("/etc"), fresh_seconds: float = FRESH_SECONDS) -> None:
        self._source = source
        self._folders: list[Path] = []
        self._stamp: Stamp | None = None
        self._fresh = fresh_seconds
        self._looks_again = 0.0

    def folder(self) -> Path:
        """The copy. Blocks for some milliseconds when it has to be made, and looks at the host's at most twice a second."""
        if self._folders and time.monotonic() < self._looks_again:
            return self._folders[-1]
        self._looks_again = time.monotonic() + self._fresh
        stamp = self._present()
        if self._stamp != stamp or not self._folders:
            self._folders.append(self._copy())
            self._stamp = stamp
        return self._folders[-1]

    def _present(self) -> Stamp:
        found: list[tuple[str, int, int]] = []
        for name in ENTRIES:
            with contextlib.suppress(OSError):
                status = (self._source / name).stat()
                found.append((name, status.st_mtime_ns, status.st_ino))
        return tuple(found)

    def _copy(self) -> Path:
        _remove_orphans()
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=_memory())) / "etc"
        folder.mkdir(mode=0o755)
        for name in ENTRIES:
            _copy_entry(self._source / name, folder / name)
        for name in LIVE:
            (folder / name).touch()
        for name, text in ACCOUNTS.items():
            (folder / name).write_text(text)
        return folder

    def live(self) -> dict[str, Path]:
        """What is shown of the host as it is now, by name."""
        return {name: self._source / name for name in LIVE if (self._source / name).exists()}

    def live_stamp(self) -> Sequence[tuple[int, int]]:
        """Differs when one of these is another file than it was: a mount made before shows the old one."""
        found: list[tuple[int, int]] = []
        for name in LIVE:
            with contextlib.suppress(OSError):
                status = os.stat(f"{self._source}/{name}")  # noqa: PTH116 - at each lease
                found.append((status.st_dev, status.st_ino))
        return tuple(found)

    def close(self) -> None:
        """Remove the copies."""
        while self._folders:
            remove_tree(self._folders.pop().parent)


def _copy_entry(source: Path, target: Path) -> None:
    """Links within a folder stay links: they lead to the same place inside. What cannot be read is left out."""
    with contextlib.suppress(OSError, shutil.Error):
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source.resolve(), target, symlinks=True)
        elif source.exists():
            shutil.copy2(source, target)


def _memory() -> Path | None:
    """Where there is room in memory: a disk takes a quarter of a second for the many small files, memory a hundredth."""
    try:
        there = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_BYTES
    except OSError:
        return None
    return MEMORY if there else None


def _remove_orphans() -> None:
    """Copies of workers that crashed."""
    found = (
        path for place in {tempfile.gettempdir(), str(MEMORY)} for path in Path(place).glob(f"{PREFIX}*")
    )
    for path in found:
        owner = path.name.removeprefix(PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if owner.isdigit() and path.lstat().st_uid == os.getuid() and not Path(f"/proc/{owner}").exists():
                remove_tree(path)
