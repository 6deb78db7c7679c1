"""Folders that are kept the same on both sides of a virtual machine: what changed goes over a stream of bytes.

Also runs inside the guest: standard library only. The other side is not trusted: an entry is made below its root by
descriptors that follow no link, whatever its path says.

A stream is entries, each a line of JSON, files with their bytes behind it, and a last line `{"kind": "end"}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Collection, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

LONGEST_LINE = 65_536
CHUNK = 1 << 20
MOST_ENTRIES = 5_000_000
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Found = Mapping[str, os.stat_result]
"""What is below a root, by path."""


class Untrusted(Exception):
    """The other side sent what no honest one sends."""


def scan(
    root: str, without: Collection[str] = (), sockets: list[str] | None = None
) -> dict[str, os.stat_result]:
    """Files, folders and links below a root, outer ones first; `without` those paths. Devices are left out; sockets go to
    a list of their own."""
    found: dict[str, os.stat_result] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with contextlib.suppress(OSError), os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if path in without:
                    continue
                with contextlib.suppress(OSError):
                    about = entry.stat(follow_symlinks=False)
                    if sockets is not None and stat.S_ISSOCK(about.st_mode):
                        sockets.append(path)
                    if _kind(about) is not None:
                        found[path] = about
                        waiting += [path] if stat.S_ISDIR(about.st_mode) else []
    return found


def send(root: str, before: Found, now: Found, out: BinaryIO) -> None:
    """Write what is new, changed or gone since `before`."""
    for path in sorted(before.keys() - now.keys(), reverse=True):
        _write(out, {"kind": "gone", "path": path})
    for path in sorted(now, key=lambda path: (path.count("/"), path)):
        about = now[path]
        if path not in before or _differs(before[path], about):
            with contextlib.suppress(FileNotFoundError, PermissionError):
                _send_one(root, path, about, out)
    _write(out, {"kind": "end"})
    out.flush()


def receive(root: str, read_from: BinaryIO, *, owner: int | None = None, most: int) -> int:
    """Apply a stream below a root; the number of entries. Untrusted for a wrong entry or more than `most` bytes of files."""
    top = os.open(root, FOLDER)
    folders: list[tuple[str, Mapping[str, Any]]] = []
    try:
        for count in range(MOST_ENTRIES):
            entry = _read(read_from)
            if entry["kind"] == "end":
                _finish(top, folders)
                return count
            most -= int(entry.get("size", 0))
            if most < 0:
                raise Untrusted("more bytes than there is room for")
            _apply(top, entry, read_from, owner)
            folders += [(entry["path"], entry)] if entry["kind"] == "dir" else []
    finally:
        os.close(top)
    raise Untrusted("too many entries")


def remove(parent: int, name: str) -> None:
    """Remove what is there under a name, a folder with all that is in it; links are not followed."""
    try:
        about = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(about.st_mode):
        os.unlink(name, dir_fd=parent)
        return
    os.chmod(name, 0o700, dir_fd=parent)
    folder = os.open(name, FOLDER, dir_fd=parent)
    try:
        for inner in os.listdir(folder):
            remove(folder, inner)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=parent)


def _kind(about: os.stat_result) -> str | None:
    mode = about.st_mode
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "dir"
    return "link" if stat.S_ISLNK(mode) else None


def _differs(before: os.stat_result, now: os.stat_result) -> bool:
    if stat.S_ISDIR(before.st_mode) and stat.S_ISDIR(now.st_mode):
        return before.st_mode != now.st_mode
    fields = ("st_mode", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")
    return any(getattr(before, name) != getattr(now, name) for name in fields)


def _send_one(root: str, path: str, about: os.stat_result, out: BinaryIO) -> None:
    kind, whole = _kind(about), f"{root}/{path}"
    entry: dict[str, Any] = {"kind": kind, "path": path, "mode": stat.S_IMODE(about.st_mode)}
    entry["mtime"] = about.st_mtime_ns
    if kind == "link":
        _write(out, entry | {"target": str(Path(whole).readlink())})
        return
    if kind == "dir":
        _write(out, entry)
        return
    with open(os.open(whole, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        left = os.fstat(file.fileno()).st_size
        _write(out, entry | {"size": left})
        while left:
            data = file.read(min(left, CHUNK)) or bytes(min(left, CHUNK))
            out.write(data)
            left -= len(data)


def _apply(top: int, entry: Mapping[str, Any], read_from: BinaryIO, owner: int | None) -> None:
    parts = _parts(entry)
    with _folder(top, parts[:-1]) as parent:
        name = parts[-1]
        match entry["kind"]:
            case "gone":
                remove(parent, name)
            case "dir":
                _make_folder(parent, name, owner)
            case "link":
                remove(parent, name)
                os.symlink(str(entry["target"]), name, dir_fd=parent)
                if owner is not None:
                    os.chown(name, owner, owner, dir_fd=parent, follow_symlinks=False)
            case "file":
                _make_file(parent, name, entry, read_from, owner)
            case _:
                raise Untrusted("an entry of no known kind")


def _parts(entry: Mapping[str, Any]) -> list[str]:
    path = entry.get("path")
    parts = path.split("/") if isinstance(path, str) else []
    if not parts or "\0" in str(path) or any(part in ("", ".", "..") for part in parts):
        raise Untrusted(f"no path below the root: {path!r}")
    return parts


@contextlib.contextmanager
def _folder(top: int, parts: list[str]) -> Generator[int]:
    """A descriptor of a folder below another; nothing on the way may be a link."""
    here = os.dup(top)
    try:
        for part in parts:
            inner = os.open(part, FOLDER, dir_fd=here)
            os.close(here)
            here = inner
        yield here
    except NotADirectoryError as error:
        raise Untrusted("a path leads through what is no folder") from error
    finally:
        os.close(here)


def _make_folder(parent: int, name: str, owner: int | None) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            remove(parent, name)
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=parent)
    if owner is not None:
        os.chown(name, owner, owner, dir_fd=parent, follow_symlinks=False)


def _make_file(
    parent: int, name: str, entry: Mapping[str, Any], read_from: BinaryIO, owner: int | None
) -> None:
    making = f".muster-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(making, flags, 0o600, dir_fd=parent), "wb") as file:
            file.writelines(_bytes(read_from, int(entry["size"])))
            file.flush()
            if owner is not None:
                os.fchown(file.fileno(), owner, owner)
            os.fchmod(file.fileno(), int(entry["mode"]) & 0o777)
            os.utime(file.fileno(), ns=(int(entry["mtime"]), int(entry["mtime"])))
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                remove(parent, name)
        os.replace(making, name, src_dir_fd=parent, dst_dir_fd=parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(making, dir_fd=parent)
        raise


def _finish(top: int, folders: list[tuple[str, Mapping[str, Any]]]) -> None:
    """Permissions and times of folders come last: what is in them had to be made."""
    for path, entry in reversed(folders):
        parts = path.split("/")
        with _folder(top, parts[:-1]) as parent, _folder(parent, parts[-1:]) as folder:
            os.fchmod(folder, int(entry["mode"]) & 0o777)
            os.utime(folder, ns=(int(entry["mtime"]), int(entry["mtime"])))


def _bytes(read_from: BinaryIO, size: int) -> Iterator[bytes]:
    while size:
        data = read_from.read(min(size, CHUNK))
        if not data:
            raise EOFError("the stream ended within a file")
        yield data
        size -= len(data)


def _write(out: BinaryIO, entry: Mapping[str, Any]) -> None:
    out.write(json.dumps(entry).encode() + b"\n")


def _read(read_from: BinaryIO) -> dict[str, Any]:
    line = read_from.readline(LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise EOFError("the stream ended between files")
    entry = json.loads(line)
    if not isinstance(entry, dict) or "kind" not in entry or int(entry.get("size", 0)) < 0:  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        raise Untrusted("a line that is no entry")
    return entry  # pyright: ignore[reportUnknownVariableType]
