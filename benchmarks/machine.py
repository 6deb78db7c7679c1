"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = ("apsw", "asyncpg", "uvicorn", "uvloop", "httptools", "msgspec", "websockets")


def describe(scratch: Path) -> dict[str, Any]:
    """Processor, memory, file system, versions and load: no names of the machine or its user."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "file_system": file_system(scratch),
        "load_average": round(os.getloadavg()[0], 2),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "commit": _commit(),
        "implementation": sys.implementation.name,
    }


def file_system(directory: Path) -> str:
    """The type of the file system that holds `directory`: on `tmpfs` an fsync costs nothing."""
    best, kind = "", "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, fs_type, *_ = line.split()
        if str(directory.resolve()).startswith(mount) and len(mount) >= len(best):
            best, kind = mount, fs_type
    return kind


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return asked.stdout.strip() or "unknown"
