"""What a tree of processes uses, from /proc; how much a folder holds."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
BLOCK: Final = 512
REST_FACTOR: Final = 20
"""Measuring folders takes at most a twentieth of one processor, however large they are."""
LEAST_REST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Usage:
    """Of processes that live, and the processor time of their children that ended."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    processes: int = 0


def usage_below(supervisor: int, own_levels: int) -> Usage:
    """Usage of the descendants of a process; the first `own_levels` generations are not counted as processes.

    Zero where there is no /proc.
    """
    ticks, pages, count = _times(supervisor)[1], 0, 0
    level, depth = _children(supervisor), 0
    while level:
        for pid in level:
            own, children, resident = _times(pid)
            ticks += own + children
            if depth >= own_levels:
                pages += resident
                count += 1
        level = [child for pid in level for child in _children(pid)]
        depth += 1
    return Usage(ticks / TICKS, pages * PAGE, count)


def _times(pid: int) -> tuple[int, int, int]:
    """Own ticks, those of children it has waited for, resident pages."""
    with contextlib.suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
        return int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14]), int(fields[21])
    return 0, 0, 0


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())
    return found


def proportional_bytes(supervisor: int) -> int:
    """Memory of a process and its descendants, pages they share divided among those that share them."""
    total, level = 0, [supervisor]
    while level:
        for pid in level:
            with contextlib.suppress(OSError, IndexError, ValueError):
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += int(text.partition("\nPss:")[2].split()[0]) * 1024
        level = [child for pid in level for child in _children(pid)]
    return total


class DiskMeter:
    """Bytes allocated below folders, measured anew only as often as it is cheap."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._bytes = 0
        self._next = 0.0

    @property
    def rest(self) -> float:
        """Seconds until it is worth measuring again."""
        return max(self._next - time.monotonic(), 0.0)

    def measure(self) -> int:
        """Bytes on disk; the last figure while it is fresh. Blocks."""
        started = time.monotonic()
        if started >= self._next:
            self._bytes = sum(_allocated(_outer(self._folders)))
            ended = time.monotonic()
            self._next = ended + max((ended - started) * REST_FACTOR, LEAST_REST)
        return self._bytes


def _outer(folders: Sequence[Path]) -> set[Path]:
    """Those that are not below another of them."""
    return {
        folder
        for folder in folders
        if not any(folder != other and folder.is_relative_to(other) for other in folders)
    }


def _allocated(folders: set[Path]) -> Iterator[int]:
    seen: set[tuple[int, int]] = set()
    waiting: list[str] = [str(folder) for folder in folders]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(found.st_mode):
                        waiting.append(entry.path)
                    elif found.st_nlink > 1 and (found.st_dev, found.st_ino) in seen:
                        continue
                    elif found.st_nlink > 1:
                        seen.add((found.st_dev, found.st_ino))
                    yield found.st_blocks * BLOCK
