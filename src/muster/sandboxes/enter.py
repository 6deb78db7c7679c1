"""Starts a shell on the terminal it was given, in a sandbox that stands: the program between a worker and a console.

Run by itself with the standard library only. Its standard streams are the terminal; a descriptor holds a wish as JSON.
It joins the namespaces of what already runs there and gives up every privilege before anything of the sandbox can
see it; the shell has the filter, the limits and the control group of the sandbox. The end of the worker is its end.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import sys
import termios
from types import FrameType
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
PR_CAPBSET_DROP: Final = 24
PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
SECCOMP_MODE_FILTER: Final = 2
CAPABILITY_VERSION: Final = 0x20080522
INSTRUCTION_BYTES: Final = 8
NS_GET_USERNS: Final = 0xB701
SPACES: Final = ("mnt", "pid", "net", "ipc", "uts", "cgroup")
UNABLE: Final = 125
SWEEP_SECONDS: Final = 0.01

libc = ctypes.CDLL(None, use_errno=True)


class Filter(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def checked(result: int, what: str) -> None:
    """OSError with the reason when a call of the C library failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def reason(error: Exception) -> str:
    """Why, in words."""
    return getattr(error, "strerror", None) or str(error)


def prctl(option: int, *arguments: int) -> int:
    """`prctl` with its arguments as the kernel wants them."""
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    return int(libc.prctl(option, *padded))


def children_of(pid: int) -> list[int]:
    """Its direct children."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as listing:
                found += map(int, listing.read().split())
    except OSError:
        return found
    return found


def space_of(pid: int, name: str) -> str:
    """The identity of one of its namespaces; empty for a process that has ended."""
    try:
        return os.readlink(f"/proc/{pid}/ns/{name}")  # noqa: PTH115 - no pathlib in here: it is started anew for each console
    except OSError:
        return ""


def first_inside(supervisor: int) -> int | None:
    """The first process below a supervisor, generation by generation, that has another process namespace."""
    outside = space_of(supervisor, "pid")
    level = children_of(supervisor)
    while level:
        for pid in level:
            if space_of(pid, "pid") not in ("", outside):
                return pid
        level = [child for pid in level for child in children_of(pid)]
    return None


def join(supervisor: int) -> None:
    """Enter the namespaces of what runs below a supervisor. OSError when nothing does."""
    pid = first_inside(supervisor)
    if pid is None:
        raise OSError(0, "nothing runs in the sandbox now")
    place = os.open(f"/proc/{pid}/ns", os.O_RDONLY | os.O_DIRECTORY)
    if first_inside(supervisor) != pid:
        raise OSError(0, "what ran in the sandbox has just ended")
    others = [name for name in SPACES if os.readlink(name, dir_fd=place) != space_of(os.getpid(), name)]
    spaces = [os.open(name, os.O_RDONLY, dir_fd=place) for name in others]
    users = os.open("user", os.O_RDONLY, dir_fd=place)
    # Bubblewrap makes the others in one user namespace and takes the program to a second one, where it can make no more.
    owners = fcntl.ioctl(spaces[others.index("mnt")], NS_GET_USERNS)
    apart = os.fstat(owners).st_ino != os.fstat(users).st_ino
    # From here on nothing of the sandbox may look at this process: it is not what runs inside, and has its rights.
    checked(prctl(PR_SET_DUMPABLE, 0), "prctl")
    # Nor does it load any code from there.
    sys.meta_path.clear()
    for space in (owners, *spaces, *([users] if apart else [])):
        checked(int(libc.setns(space, 0)), "setns")
        os.close(space)


def give_up() -> None:
    """No capability, now or later."""
    number = 0
    while prctl(PR_CAPBSET_DROP, number) == 0:
        number += 1
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    checked(int(libc.capset(header, (ctypes.c_uint32 * 6)())), "capset")


def confine(program: bytes) -> None:
    """Install a filter of system calls."""
    kept = ctypes.create_string_buffer(program, len(program))
    given = Filter(len(program) // INSTRUCTION_BYTES, ctypes.cast(kept, ctypes.c_void_p))
    address = ctypes.addressof(given)
    checked(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, address), "seccomp")


def limit(number: int, soft: int, hard: int) -> None:
    """Set a resource limit, never above the one already in force."""
    present = resource.getrlimit(number)[1]
    if present != resource.RLIM_INFINITY:
        soft, hard = min(soft, present), min(hard, present)
    resource.setrlimit(number, (soft, hard))


def become(wish: dict[str, Any]) -> None:
    """In the child: take the terminal, give up what is not the sandbox's, become the shell. Never returns."""
    try:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        for name, (soft, hard) in wish["rlimits"].items():
            limit(getattr(resource, name), soft, hard)
        os.umask(0o022)
        os.closerange(3, 256)
        if wish["supervisor"] is not None:
            give_up()
        checked(prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "prctl")
        checked(prctl(PR_SET_NO_NEW_PRIVS, 1), "prctl")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        if wish["filter"]:
            confine(bytes.fromhex(wish["filter"]))
        os.chdir(wish["cwd"])
        shell = next((name for name in wish["shells"] if os.access(name, os.X_OK)), wish["shells"][-1])
        os.execve(shell, [shell], wish["env"])
    except OSError as error:
        os.write(2, f"the console could not be opened: {reason(error)}\r\n".encode())
    finally:
        os._exit(UNABLE)


def sweep() -> None:
    """End all that came from here, also what left its session: it is given to this process."""
    while True:
        for pid in children_of(os.getpid()):
            os.kill(pid, signal.SIGKILL)  # not reaped yet, so it is there
        try:
            # The list may lack some while others end, so that only this says that none is left.
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        select.select([], [], [], SWEEP_SECONDS)


def end_with(worker: int) -> None:
    """End when the worker does, and now if it already has."""
    checked(prctl(PR_SET_PDEATHSIG, signal.SIGTERM), "prctl")
    if os.getppid() != worker:
        raise OSError(0, "its worker has ended")


def main() -> int:
    """Open, wait, tidy up; the shell's exit status."""
    checked(prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl")
    with os.fdopen(int(sys.argv[1]), "rb") as given:
        wish = json.load(given)
    shell = 0

    def end(_number: int, _frame: FrameType | None) -> None:
        if shell == 0:
            os._exit(UNABLE)
        try:
            os.kill(shell, signal.SIGKILL)
        except ProcessLookupError:
            return  # it has just ended, as when its terminal is gone

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        for path in wish["cgroups"]:
            with open(path, "w") as procs:
                procs.write("0")
        end_with(wish["worker"])
        if wish["supervisor"] is not None:
            join(wish["supervisor"])
            # The kernel forgets it where joining has changed this process's rights.
            end_with(wish["worker"])
    except (OSError, ValueError) as error:
        os.write(2, f"the console could not be opened: {reason(error)}\r\n".encode())
        return UNABLE
    shell = os.fork()
    if shell == 0:
        become(wish)
    _, status = os.waitpid(shell, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if wish["supervisor"] is None:
        sweep()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
