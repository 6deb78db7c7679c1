"""How a supervisor starts its program. Standard library only: see `supervise.py`."""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import resource
import signal
import sys
from typing import Any

LINUX = sys.platform.startswith("linux")
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
SINGLE = "tasks"
"""Where a process with one thread joins a control group of version 1."""
INHERITED = frozenset({"RLIMIT_CORE", "RLIMIT_FSIZE"})
"""Limits that a supervisor may have too."""
ORDINARY = (signal.SIGPIPE, signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXFSZ)
"""Signals that programs expect to do what they usually do."""


@functools.cache
def library() -> ctypes.CDLL:
    """The C library; looking it up takes longer than a call of it."""
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    if LINUX:
        library().prctl(option, value, 0, 0, 0)


def spawnable(launch: dict[str, Any]) -> bool:
    """Whether `spawn` can do what `become` does: the program ends with its parent and gives up privileges by itself, and
    what it is to inherit does not hurt its supervisor."""
    return bool(
        LINUX
        and launch["ends_with_parent"]
        and not launch["no_new_privileges"]
        and launch["rlimits"].keys() <= INHERITED
        and all(path.endswith(SINGLE) for path in launch["cgroups"])
    )


def spawn(launch: dict[str, Any], stdio: list[int], extra: list[int]) -> int:
    """Start a program without copying this process, which takes longer than everything else here: it inherits what the
    supervisor takes on for a moment. Its process id."""
    made = documents(launch["documents"])
    opened = [above(fd) for fd in (*stdio, *made, *extra)]
    for name, (soft, hard) in launch["rlimits"].items():
        limit(getattr(resource, name), soft, hard)
    os.umask(0o022)
    try:
        os.chdir(launch["cwd"])
        for path in launch["cgroups"]:
            join_group(path)
        return os.posix_spawn(
            launch["argv"][0],
            launch["argv"],
            launch["env"],
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(opened)],
            setsid=True,
            setsigdef=ORDINARY,
        )
    finally:
        for path in launch["cgroups"]:
            join_group(f"{path.rsplit('/', 2)[0]}/{SINGLE}")
        os.chdir("/")
        for fd in (*opened, *made):
            os.close(fd)


def join_group(path: str) -> None:
    group = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(group, b"0")
    finally:
        os.close(group)


def become(launch: dict[str, Any], stdio: list[int], extra: list[int], failed: int) -> None:
    """In the child: take on limits, then become the program. Never returns."""
    try:
        os.setsid()
        for path in launch["cgroups"]:
            join_group(path)
        failed = above(failed)
        given = [*stdio, *documents(launch["documents"]), *extra]
        for target, fd in enumerate([above(fd) for fd in given]):
            os.dup2(fd, target)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if launch["no_new_privileges"]:
            prctl(PR_SET_NO_NEW_PRIVS, 1)
        os.chdir(launch["cwd"])
        os.umask(0o022)
        for number in ORDINARY:
            signal.signal(number, signal.SIG_DFL)
        for name, (soft, hard) in launch["rlimits"].items():
            limit(getattr(resource, name), soft, hard)
        os.execvpe(launch["argv"][0], launch["argv"], launch["env"])
    except (OSError, ValueError, TypeError) as error:
        os.write(failed, f"{launch['argv'][0]}: {getattr(error, 'strerror', None) or error}".encode())
    finally:
        os._exit(127)


def above(fd: int) -> int:
    """A copy out of the way of the descriptors the program gets."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 16)


def documents(texts: list[str]) -> list[int]:
    """Descriptors from which these texts, in hexadecimal, can be read."""
    found: list[int] = []
    for text in texts:
        fd = os.memfd_create("muster", os.MFD_CLOEXEC)
        left = memoryview(bytes.fromhex(text))
        while left:
            left = left[os.write(fd, left) :]
        os.lseek(fd, 0, os.SEEK_SET)
        found.append(fd)
    return found


def limit(number: int, soft: int, hard: int) -> None:
    """Set a resource limit, never above the one already in force."""
    present = resource.getrlimit(number)[1]
    if present != resource.RLIM_INFINITY:
        soft, hard = min(soft, present), min(hard, present)
    resource.setrlimit(number, (soft, hard))
