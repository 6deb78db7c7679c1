"""Removes what a worker that crashed left behind: processes, control groups, folders."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path
from typing import Final

from muster.sandboxes import cgroup
from muster.worker.workspace import Workspace, leftovers

log = logging.getLogger(__name__)

KILL_ROUNDS: Final = 200
KILL_PAUSE: Final = 0.01


def sweep(folder: Path) -> list[str]:
    """Clean up below `folder`; the ids of the attempts that were left. Blocks; meant for the start of a worker."""
    swept: list[str] = []
    groups = cgroup.writable_parents() if folder.is_dir() and leftovers(folder) else []
    for workspace in leftovers(folder):
        killed = _kill_all(workspace)
        for group in cgroup.existing(groups, f"muster-{workspace.tag}"):
            group.remove()
        workspace.remove()
        swept.append(workspace.name)
        log.warning("%s was left by a worker that is gone: %d processes ended", workspace.name, killed)
    return swept


def _kill_all(workspace: Workspace) -> int:
    """Kill every process of the attempt until none is left; how many there were."""
    seen: set[int] = set()
    pause = threading.Event()
    for _ in range(KILL_ROUNDS):
        pids = _processes(workspace)
        if not pids:
            break
        for pid in pids:
            _kill(pid)
        seen.update(pids)
        pause.wait(KILL_PAUSE)
    return len(seen)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _processes(workspace: Workspace) -> list[int]:
    """Processes that carry the attempt's result file in their environment: no other attempt on this host has it."""
    mark = f"MUSTER_RESULT_FILE={workspace.result_file}\0".encode()
    found: list[int] = []
    proc = Path("/proc")
    for entry in proc.iterdir() if proc.is_dir() else ():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found
