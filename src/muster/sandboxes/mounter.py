"""Adds mounts to a sandbox that already stands, before anything has run in it. Standard library only: see `supervise.py`.

A child of the supervisor joins the user and mount namespaces of the sandbox, whose owner it is. Trees of the host come
from open_tree(2): taken by the supervisor where it may do that (root), else by the child below `HOST_ROOT`, where the
sandbox shows the host's root until then and never afterwards. The child ends before the first program inside begins.

Protocol: one JSON object with the supervisor's trees as descriptors; the answer is `ok` or what went wrong.
"""

from __future__ import annotations

import array
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
HERE = -100
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
CLONE, RECURSIVE, EMPTY_PATH = 0x1, 0x8000, 0x1000
FROM_DESCRIPTOR = 0x4
READ_ONLY, NO_SUID, NO_DEVICES = 0x1, 0x2, 0x4
SLAVE = 1 << 19
PLAIN_NO_SUID, PLAIN_NO_DEVICES = 0x2, 0x4
DETACH = 2
DIE_WITH_PARENT = 1
NEW_USER, NEW_MOUNTS = 0x10000000, 0x20000
OWNER_OF_NAMESPACE = 0xB701
MOST_TREES = 200
"""Descriptors that fit one message, and far more than an attempt has."""
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
    flags = ctypes.c_uint(CLONE | RECURSIVE | os.O_CLOEXEC)
    place = ctypes.c_long(HERE)
    return checked(library().syscall(ctypes.c_long(OPEN_TREE), place, os.fsencode(path), flags), path)


def set_attributes(fd: int, path: str, on: int, off: int = 0, propagation: int = 0, flags: int = 0) -> None:
    wanted = struct.pack("QQQQ", on, off, propagation, 0)
    number = ctypes.c_long(MOUNT_SETATTR)
    size = ctypes.c_long(len(wanted))
    result = library().syscall(
        number, ctypes.c_long(fd), os.fsencode(path), ctypes.c_uint(flags), wanted, size
    )
    checked(result, path)


def attach(tree: int, place: str, writable: bool) -> None:
    """Mount a tree there: no devices, no set-uid programs, and what happens to its mounts stays here."""
    on = NO_SUID | NO_DEVICES | (0 if writable else READ_ONLY)
    set_attributes(tree, "", on, propagation=SLAVE, flags=EMPTY_PATH | RECURSIVE)
    target, flags = os.fsencode(place), ctypes.c_uint(FROM_DESCRIPTOR)
    number, here = ctypes.c_long(MOVE_MOUNT), ctypes.c_long(HERE)
    checked(library().syscall(number, ctypes.c_long(tree), b"", here, target, flags), place)


def mount_empty(place: str, mode: int, size: int | None) -> None:
    options = f"mode={mode:04o}" + ("" if size is None else f",size={size}")
    flags = ctypes.c_ulong(PLAIN_NO_SUID | PLAIN_NO_DEVICES)
    checked(library().mount(b"tmpfs", os.fsencode(place), b"tmpfs", flags, options.encode()), place)


def takes_trees() -> bool:
    """Whether this process may take trees of the host by itself. False for an ordinary user, and on old systems."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        os.close(tree_of("/"))
    except OSError:
        return False
    return True


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
    path = Path(place)
    (path if folder else path.parent).mkdir(0o755, parents=True, exist_ok=True)
    if not folder:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444))


def show(mount: dict[str, Any], tree: int | None) -> None:
    """Mount one entry. OSError when it is not what the worker looked at."""
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
    os.close(fd)


def complete(order: dict[str, Any], trees: list[int]) -> None:
    """Show what the attempt adds, and see that nothing but that is left of the host."""
    taken = iter(trees)
    set_attributes(HERE, "/", 0, off=READ_ONLY)
    for mount in order["mounts"]:
        show(mount, next(taken) if order["taken"] and mount["source"] is not None else None)
    if not order["taken"]:
        checked(library().umount2(os.fsencode(HOST_ROOT), DETACH), HOST_ROOT)
        Path(HOST_ROOT).rmdir()
    set_attributes(HERE, "/", READ_ONLY)
    if not Path(order["cwd"]).is_dir():
        raise OSError(0, "is not there", order["cwd"])


def serve(orders: socket.socket, pid: int) -> None:
    """In the child: join, wait for the one order there is, and follow it."""
    try:
        join(pid)
        rehearse()
        orders.sendall(b"ok")
        data, ancillary, _, _ = orders.recvmsg(MESSAGE, socket.CMSG_SPACE(4 * MOST_TREES))
        trees = array.array("i")
        for _, _, content in ancillary:
            trees.frombytes(content[: len(content) - len(content) % trees.itemsize])
        if data:
            complete(json.loads(data), list(trees))
            orders.sendall(b"ok")
    except (OSError, ValueError, KeyError) as error:
        orders.sendall(f"{getattr(error, 'filename', '') or ''} {error}".strip().encode())


def rehearse() -> None:
    """Go through what an order takes, so that nothing of it is done for the first time then."""
    mount = {"place": "/proc", "source": "/proc", "writable": False, "identity": [0, 0]}
    told = json.loads(json.dumps({"mounts": [mount], "cwd": "/", "taken": False}))
    make_place(told["mounts"][0]["place"], True)
    set_attributes(HERE, "/", READ_ONLY)
    Path(told["cwd"]).is_dir()
    os.close(tree_of(told["mounts"][0]["source"]))


def fork(pid: int) -> socket.socket | str:
    """In the supervisor: a child that has joined the sandbox of that process, by the socket to it; else what went wrong."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        try:
            ours.close()
            library().prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
            os.umask(0o022)
            serve(theirs, pid)
        finally:
            os._exit(0)
    theirs.close()
    answer = ours.recv(4096)
    return ours if answer == b"ok" else answer.decode(errors="replace") or "its helper ended"


def take(mounts: list[dict[str, Any]]) -> list[int]:
    """In the supervisor: trees of the host, in the order of the mounts."""
    return [tree_of(mount["source"]) for mount in mounts if mount["source"] is not None]


def order(orders: socket.socket, mounts: list[dict[str, Any]], cwd: str, taken: bool) -> str | None:
    """In the supervisor: have it done. What went wrong, if anything did."""
    trees: list[int] = []
    try:
        if taken:
            trees = take(mounts)
        if len(trees) > MOST_TREES:
            return "it has too many folders"
        text = json.dumps({"mounts": mounts, "cwd": cwd, "taken": taken}).encode()
        socket.send_fds(orders, [text], trees)
        answer = orders.recv(4096)
    except OSError as error:
        return f"{error.filename or ''} {error.strerror}".strip()
    finally:
        for fd in trees:
            os.close(fd)
    return None if answer == b"ok" else answer.decode(errors="replace") or "it could not be completed"
