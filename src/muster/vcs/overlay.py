"""Overlay mounts (Linux): a tree that shows another one below it and takes up only what is changed.

A mount outlives the process that made it. So whoever removes a folder ends the mounts below it first.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LINUX: Final = sys.platform.startswith("linux")
MOUNTS: Final = Path("/proc/self/mountinfo")
_NOSUID: Final = 2
_NODEV: Final = 4
_DETACH: Final = 2
_OPTIONS: Final = ("index=off,redirect_dir=on,volatile", "index=off,redirect_dir=on", "")
"""The best first. `volatile` spares syncing the disk when it is unmounted: nobody needs an attempt's tree after that."""
_ESCAPED: Final = re.compile(rb"\\([0-7]{3})")
_AWKWARD: Final = frozenset(",:\\\n")


@dataclass(frozen=True, slots=True)
class Overlay:
    """`tree` shows `lower`, with what is changed in `upper`; `work` is the kernel's own."""

    lower: Path
    tree: Path

    @property
    def upper(self) -> Path:
        """What was changed."""
        return self.tree.parent / "layer" / "upper"

    @property
    def work(self) -> Path:
        """Beside `upper`, on the same file system."""
        return self.tree.parent / "layer" / "work"

    def mount(self) -> None:
        """Mount it, also again after the machine was restarted. OSError where that is not allowed or not possible."""
        if not LINUX or _AWKWARD & set(f"{self.lower}{self.upper}"):
            raise OSError(0, "overlay mounts need Linux, and a path without comma and colon")
        for folder in (self.tree, self.upper, self.work):
            folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        shutil.rmtree(self.work / "work" / "incompat", ignore_errors=True)
        layers = f"lowerdir={self.lower},upperdir={self.upper},workdir={self.work}"
        for number, options in enumerate(_OPTIONS):
            try:
                _mount(self.tree, ",".join(filter(None, (layers, options))))
            except OSError:
                if number == len(_OPTIONS) - 1:
                    raise
            else:
                return

    @property
    def mounted(self) -> bool:
        """Whether something is mounted there now."""
        return self.tree.resolve() in mounts_below(self.tree)


def can_mount(folder: Path) -> str | None:
    """Why no overlay can be mounted below `folder`; None when one can, found out by trying."""
    trial = folder / f"trial-{os.getpid()}"
    try:
        (trial / "lower").mkdir(parents=True, exist_ok=True)
        Overlay(trial / "lower", trial / "tree").mount()
    except OSError as error:
        return error.strerror or str(error)
    finally:
        unmount_below(trial)
        shutil.rmtree(trial, ignore_errors=True)
    return None


def mounts_below(folder: Path) -> list[Path]:
    """Mount points at or below a folder, the deepest first."""
    if not LINUX:
        return []
    try:
        lines = MOUNTS.read_bytes().splitlines()
    except OSError:
        return []
    root = folder.resolve()
    points = [Path(os.fsdecode(_ESCAPED.sub(_unescape, line.split(b" ")[4]))) for line in lines]
    found = [point for point in points if point.is_relative_to(root)]
    return sorted(found, key=lambda point: len(point.parts), reverse=True)


def unmount_below(folder: Path) -> int:
    """End every mount at or below a folder; how many. OSError when one cannot be ended."""
    found = mounts_below(folder)
    for point in found:
        _unmount(point)
    return len(found)


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 8)])


def _mount(target: Path, data: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    words = (b"overlay", os.fsencode(target), b"overlay")
    if libc.mount(*words, ctypes.c_ulong(_NOSUID | _NODEV), os.fsencode(data)) != 0:
        _raise(target)


def _unmount(target: Path) -> None:
    """A tree that somebody still looks into goes out of sight at once, and for good with the last of them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(target), 0) != 0 and libc.umount2(os.fsencode(target), _DETACH) != 0:
        _raise(target)


def _raise(target: Path) -> None:
    code = ctypes.get_errno()
    raise OSError(code, os.strerror(code), str(target))
