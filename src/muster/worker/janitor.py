"""Removes what a worker that crashed left behind: processes, sandboxes of every level, folders."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from pathlib import Path
from typing import Final

from muster.sandboxes import cgroup
from muster.vcs.bases import Bases
from muster.vcs.git import GitError
from muster.vcs.rescue import read_record, rescue
from muster.worker.isolation import Isolation
from muster.worker.workspace import Workspace, leftovers

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 300.0
KILL_ROUNDS: Final = 200
KILL_PAUSE: Final = 0.01


async def sweep_forever(folder: Path, isolation: Isolation) -> None:
    """Clean up every few minutes, until cancelled: another worker with the same folder may have crashed meanwhile."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        await sweep(folder, isolation)


async def sweep(folder: Path, isolation: Isolation) -> list[str]:
    """Clean up below `folder`; the ids of the attempts that were left. Work of agents is kept as a branch first."""
    swept: list[str] = []
    await asyncio.to_thread(cgroup.forget_warm)
    left = await asyncio.to_thread(leftovers, folder)
    for workspace in left:
        killed = await asyncio.to_thread(_kill_all, workspace)
        await isolation.forget(workspace.tag)
        await clear(workspace)
        swept.append(workspace.name)
        log.warning("%s was left by a worker that is gone: %d processes ended", workspace.name, killed)
    return swept


async def clear(workspace: Workspace) -> None:
    """Remove an attempt's folder, once what an agent left in it is kept. One whose work cannot be kept stays."""
    try:
        await rescue(workspace.root)
        await asyncio.to_thread(workspace.remove)
    except GitError:
        log.error("%s stays: its work could not be kept", workspace.root)
    except OSError as error:
        log.warning("%s: its folder stays until the next start: %s", workspace.name, error)


def prune_bases(folder: Path, bases: Bases) -> list[Path]:
    """Remove kept checkouts that no attempt below `folder` lies over and that nobody asked for lately."""
    places = folder.iterdir() if folder.is_dir() else ()
    records = [read_record(place) for place in places]
    used = [found[0].lower for found in records if found is not None and found[0].lower is not None]
    return bases.prune(used)


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
