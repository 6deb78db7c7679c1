"""Where a virtual machine's Firecracker works: a folder of its own, which for root's workers is a jail of the jailer's."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FIRST_ID: Final = 0x60000000
IDS: Final = 1 << 24
"""Users that a host has not got: each jailed machine runs as one of them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Firecracker finds its files in `folder`, by their names; `top` is what goes with the machine."""

    top: Path
    folder: Path
    argv: Sequence[str]
    user: int | None = None
    """Whom it runs as, where that is not the worker's user."""

    @classmethod
    def plain(cls, program: str, top: Path) -> Place:
        """As the worker's user, in view of the worker's files."""
        return cls(top, top, (program,))

    @classmethod
    def jailed(cls, program: str, jailer: str, top: Path) -> Place:
        """As a user of its own, in a root that holds nothing but its files and `/dev/kvm`. Only root can make one."""
        name = secrets.token_hex(8)
        user = FIRST_ID + secrets.randbelow(IDS)
        words = ["--id", name, "--exec-file", program, "--uid", str(user), "--gid", str(user)]
        argv = (jailer, *words, "--chroot-base-dir", str(top), "--")
        return cls(top, top / Path(program).name / name / "root", argv, user)

    def make(self) -> None:
        """Make the folder, empty."""
        self.folder.mkdir(parents=True, mode=0o700)

    def show(self, source: Path, name: str) -> None:
        """Let it read a file of ours by this name."""
        if self.user is None:
            (self.folder / name).symlink_to(source)
        else:
            os.link(source.resolve(), self.folder / name)

    def give(self, path: Path) -> None:
        """Let it write a file, or connect to a socket, that we made for it."""
        if self.user is not None:
            os.chown(path, self.user, self.user)

    def take(self, name: str, target: Path) -> None:
        """Keep a file it made: from now on nobody writes it."""
        made = self.folder / name
        if self.user is not None:
            os.chown(made, os.getuid(), os.getgid())
        made.chmod(0o444)
        made.rename(target / name)
