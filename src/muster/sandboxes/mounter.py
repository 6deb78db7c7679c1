"""Adds mounts to a sandbox that already stands, before anything has run in it. Standard library only: see `supervise.py`.

Trees of the host come from open_tree(2). Where the worker may take them (root), they come with the order, and the
supervisor is a `Visitor`: it goes into the sandbox's mounts while that waits, with few of its rights, and is back before
anything runs there. Elsewhere it has a `Helper`: a child that joins the user and mount namespaces of the sandbox, whose
owner it is, takes the trees below `HOST_ROOT`, where the sandbox shows the host's root until then and never afterwards,
and ends.

Protocol with the helper: one JSON object; the answer is `ok` or what went wrong.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import json
import os
import signal
import socket
import stat
import struct
import sys
from pathlib import Path
from typing import Any

HOST_ROOT = "/.host"
REHEARSAL = "/.rehearsal/place"
HERE = -100
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = ctypes.c_long(428), ctypes.c_long(429), ctypes.c_long(442)
ATTRIBUTES = struct.Struct("QQQQ")
SIZE = ctypes.c_long(ATTRIBUTES.size)
CLONE, RECURSIVE, EMPTY_PATH = 0x1, 0x8000, 0x1000
FROM_DESCRIPTOR = 0x4
READ_ONLY, NO_SUID, NO_DEVICES = 0x1, 0x2, 0x4
SLAVE = 1 << 19
PLAIN_NO_SUID, PLAIN_NO_DEVICES = 0x2, 0x4
DETACH = 2
DIE_WITH_PARENT = 1
NEW_USER, NEW_MOUNTS = 0x10000000, 0x20000
CAPABILITY_VERSION = 0x20080522
SYS_CHROOT, SYS_ADMIN = 18, 21
VISITING = 1 << SYS_CHROOT | 1 << SYS_ADMIN
"""What it takes to mount, and to come back."""
OWNER_OF_NAMESPACE = 0xB701
MESSAGE = 1 << 20


@functools.cache
def library() -> ctypes.CDLL:
    """The C library; looking it up takes longer than most calls of it."""
    return ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def tree_of(path: str) -> int:
    """A copy of what is mounted at a place and below it, mounted nowhere yet."""
    flags = CLONE | RECURSIVE | os.O_CLOEXEC
    return checked(library().syscall(OPEN_TREE, HERE, os.fsencode(path), flags), path)


def set_attributes(fd: int, path: str, on: int, off: int = 0, propagation: int = 0, flags: int = 0) -> None:
    wanted = ATTRIBUTES.pack(on, off, propagation, 0)
    checked(library().syscall(MOUNT_SETATTR, fd, os.fsencode(path), flags, wanted, SIZE), path)


def attach(tree: int, place: str, writable: bool) -> None:
    """Mount a tree there: no devices, no set-uid programs, and what happens to its mounts stays here."""
    on = NO_SUID | NO_DEVICES | (0 if writable else READ_ONLY)
    set_attributes(tree, "", on, propagation=SLAVE, flags=EMPTY_PATH | RECURSIVE)
    checked(
        library().syscall(MOVE_MOUNT, tree, b"", HERE, os.fsencode(place), ctypes.c_uint(FROM_DESCRIPTOR)),
        place,
    )


def mount_empty(place: str, mode: int, size: int | None) -> None:
    options = f"mode={mode:04o}" + ("" if size is None else f",size={size}")
    flags = ctypes.c_ulong(PLAIN_NO_SUID | PLAIN_NO_DEVICES)
    checked(library().mount(b"tmpfs", os.fsencode(place), b"tmpfs", flags, options.encode()), place)


def takes_trees() -> bool:
    """Whether this process may take trees of the host and visit a sandbox. False for an ordinary user, and on old systems."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        os.close(tree_of("/"))
        return rights()[0] & VISITING == VISITING
    except OSError:
        return False


def rights() -> list[int]:
    """Capabilities of this process: two times effective, permitted, inheritable."""
    header, found = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    checked(library().capget(header, found), "capget")
    return list(found)


def set_rights(wanted: list[int]) -> None:
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    checked(library().capset(header, (ctypes.c_uint32 * 6)(*wanted)), "capset")


def join(pid: int) -> None:
    """Become part of a sandbox's mounts, with all rights over them."""
    mounts = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    owner = fcntl.ioctl(mounts, OWNER_OF_NAMESPACE)
    checked(library().setns(owner, NEW_USER), "its user namespace")
    checked(library().setns(mounts, NEW_MOUNTS), "its mount namespace")
    os.close(owner)
    os.close(mounts)


def make_place(place: str, folder: bool) -> None:
    """Something to mount over, as bubblewrap makes it."""
    if os.path.lexists(place):
        return
    end = place.find("/", 1)
    while end > 0:
        make_folder(place[:end])
        end = place.find("/", end + 1)
    if folder:
        make_folder(place)
    else:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444))


def make_folder(place: str) -> None:
    try:
        os.mkdir(place, 0o755)  # noqa: PTH102 - each module that is touched costs a copy of its memory
    except FileExistsError:
        return


def show(mount: dict[str, Any], tree: int | None) -> None:
    """Mount one entry: a tree, or what is found of the host. OSError when that is not what the worker looked at."""
    place = mount["place"]
    if mount["source"] is None:
        make_place(place, True)
        mount_empty(place, mount["mode"], mount["size"])
        return
    fd = tree_of(HOST_ROOT + mount["source"]) if tree is None else tree
    found = os.fstat(fd)
    if [found.st_dev, found.st_ino] != mount["identity"]:
        raise OSError(0, "is another one meanwhile", mount["source"])
    make_place(place, stat.S_ISDIR(found.st_mode))
    attach(fd, place, mount["writable"])


def complete(order: dict[str, Any], trees: list[int] | None) -> None:
    """Show what the attempt adds, and see that nothing but that is left of the host. `trees` in the order of the mounts."""
    taken = iter(trees or ())
    if trees is not None and len(trees) != sum(mount["source"] is not None for mount in order["mounts"]):
        raise OSError(0, "its folders did not come with it")
    for mount in order["mounts"]:
        show(mount, next(taken) if trees is not None and mount["source"] is not None else None)
    if trees is None:
        checked(library().umount2(os.fsencode(HOST_ROOT), DETACH), HOST_ROOT)
        Path(HOST_ROOT).rmdir()
    set_attributes(HERE, "/", READ_ONLY)
    if not stat.S_ISDIR(os.stat(order["cwd"]).st_mode):  # noqa: PTH116 - as above
        raise OSError(0, "is no folder", order["cwd"])


def prepare() -> None:
    """Open the root for the places to come, and go through what an order takes, so that nothing of it is done for the first
    time then: each page of memory that a fork shares is copied once."""
    place, text = (
        REHEARSAL,
        json.dumps({"mounts": [], "cwd": "/tmp"} | dict.fromkeys(map(str, range(40)), "/")),
    )
    set_attributes(HERE, "/", 0, off=READ_ONLY)
    tree = tree_of("/tmp")
    found = os.fstat(tree)
    mount = {"place": place, "source": "/tmp", "writable": True, "identity": [found.st_dev, found.st_ino]}
    complete(json.loads(text) | {"mounts": [mount]}, [tree])
    os.close(tree)
    checked(library().umount2(os.fsencode(place), DETACH), place)
    set_attributes(HERE, "/", 0, off=READ_ONLY)
    for part in (place, os.path.dirname(place)):  # noqa: PTH120 - as above
        os.rmdir(part)  # noqa: PTH106 - as above


def problem_of(error: Exception) -> str:
    return f"{getattr(error, 'filename', '') or ''} {error}".strip()


class Visitor:
    """In the supervisor, where trees of the host can be taken: it is itself in the sandbox's mounts until `leave`."""

    def __init__(self, pid: int) -> None:
        self._own = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        self._root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        mounts = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        self._rights = rights()
        self._mask = os.umask(0o022)
        try:
            checked(library().setns(mounts, NEW_MOUNTS), "its mount namespace")
            set_rights([VISITING, *self._rights[1:3], 0, *self._rights[4:]])
            prepare()
        except OSError:
            self.leave()
            raise
        finally:
            os.close(mounts)

    def complete(self, order: dict[str, Any], trees: list[int]) -> str | None:
        """Show what the attempt adds; what went wrong, if anything did."""
        try:
            complete(order, trees)
        except (OSError, ValueError, KeyError) as error:
            return problem_of(error)
        return None

    def leave(self) -> None:
        """Back to where it was, with all its rights. OSError is the end of this supervisor, and so of the sandbox."""
        checked(library().setns(self._own, NEW_MOUNTS), "its own mount namespace")
        os.fchdir(self._root)
        os.chroot(".")
        set_rights(self._rights)
        os.umask(self._mask)
        os.close(self._own)
        os.close(self._root)


class Helper:
    """In the supervisor, for an ordinary user: a child that has joined the sandbox of a process."""

    def __init__(self, pid: int) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            try:
                self._orders.close()
                library().prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
                os.umask(0o022)
                serve(theirs, pid)
            finally:
                os._exit(0)
        theirs.close()
        answer = self._orders.recv(4096)
        if answer != b"ok":
            raise OSError(0, answer.decode(errors="replace") or "its helper ended")

    def complete(self, order: dict[str, Any], _trees: list[int]) -> str | None:
        """Have it show what the attempt adds; what went wrong, if anything did."""
        try:
            self._orders.sendall(json.dumps({"mounts": order["mounts"], "cwd": order["cwd"]}).encode())
            answer = self._orders.recv(4096)
        except OSError as error:
            return problem_of(error)
        return None if answer == b"ok" else answer.decode(errors="replace") or "it could not be completed"

    def leave(self) -> None:
        """It ends by that, if it has not."""
        self._orders.close()


def serve(orders: socket.socket, pid: int) -> None:
    """In the child: join, wait for the one order there is, and follow it."""
    try:
        join(pid)
        prepare()
        orders.sendall(b"ok")
        data = orders.recv(MESSAGE)
        if data:
            complete(json.loads(data), None)
            orders.sendall(b"ok")
    except (OSError, ValueError, KeyError) as error:
        orders.sendall(problem_of(error).encode())
