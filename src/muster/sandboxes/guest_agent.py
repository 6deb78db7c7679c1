"""The first process of a virtual machine: runs programs for the worker and carries folders. Standard library only.

It listens on a vsock port and takes connections of the host only, one request each: a line of JSON, answered by a line of
JSON. `run` then exchanges frames (a letter, a length in four bytes, bytes): `i` standard input and `c` its end, `t` ask
to end, `k` end everything; back come `o` and `e` output, and at last `x` with how it ended. `take` and `give` are
followed by a stream of `guest_tree`.

`adopt` comes once, after the start or after each restoring of a snapshot: it gives this machine what no other may have, its
name, its id, fresh randomness and the time, and makes the folders of the attempt.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib
import json
import os
import resource
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from types import ModuleType

PORT = 1024
HOST = 2
USER = 1000
DISK = "/dev/vdb"
STORE = "/run/disk"
SHARED_DISK = "/dev/vdc"
SHARED = "/run/shared"
DISK_TRIES = 200
DISK_PAUSE = 0.02
ROOT = "/run/root"
HOME = "/home/muster"
OWN_PLACES = (
    "proc",
    "sys",
    "dev",
    "tmp",
    "run",
    "home",
    "root",
    "var",
    "mnt",
    "boot",
    "lost+found",
    "muster",
)
DEVICES: Final = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
LINKS: Final = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOATIME, MS_BIND = 1, 2, 4, 1024, 4096
RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207
PR_SET_NO_NEW_PRIVS = 38
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, SIOCADDRT = 0x8914, 0x8916, 0x891C, 0x890B
IFF_UP, RTF_UP_GATEWAY = 1, 3
INTERFACE = b"eth0"
CHUNK = 65_536
FRAME = struct.Struct(">cI")
LENGTH = struct.Struct(">I")
LIBC = ctypes.CDLL(None, use_errno=True)


def tree() -> ModuleType:
    """Its neighbour, which is no part of a package here."""
    return importlib.import_module("guest_tree")


def mount(source: str, place: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    if not Path(place).is_file():
        Path(place).mkdir(parents=True, exist_ok=True)
    words = [text.encode() or None for text in (source, place, kind)]
    if LIBC.mount(*words, ctypes.c_ulong(flags), options.encode() or None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), place)


def mount_soon(source: str, place: str, kind: str, flags: int) -> None:
    """A disk that was changed just now has its size in a moment."""
    for left in reversed(range(DISK_TRIES)):
        try:
            mount(source, place, kind, flags)
        except OSError:
            if not left:
                raise
            time.sleep(DISK_PAUSE)  # noqa: TID251 - inside the guest, where there is no loop
        else:
            return


def show(source: str, place: str) -> None:
    """A folder or a file at another place too."""
    if Path(source).is_dir():
        mount(source, place, "", MS_BIND)
        return
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path(place).touch()
    LIBC.mount(source.encode(), place.encode(), None, MS_BIND, None)


def cover(name: str) -> None:
    """Show this machine's own file instead of the image's in /etc, where that has one."""
    place = f"{ROOT}/etc/{name}"
    if Path(place).exists():
        mount(f"/run/{name}", place, "", MS_BIND)


def unmount(place: str) -> None:
    LIBC.umount2(place.encode(), 2)


class Children:
    """Waits for all processes of the machine and keeps how those ended that somebody asks for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ended: dict[int, int] = {}
        self._wanted: set[int] = set()
        self._starting = 0

    def reap(self) -> None:
        """Forever, in the main thread: a process is waited for as soon as it has ended."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        while True:
            signal.sigwait({signal.SIGCHLD})
            with contextlib.suppress(ChildProcessError):
                while (found := os.waitpid(-1, os.WNOHANG))[0]:
                    with self._changed:
                        if found[0] in self._wanted or self._starting:
                            self._ended[found[0]] = found[1]
                        self._changed.notify_all()

    @contextlib.contextmanager
    def starting(self) -> Generator[None]:
        """While a process is made, each end is kept: it may be that one's."""
        self._starting += 1
        try:
            yield
        finally:
            self._starting -= 1

    def want(self, pid: int) -> None:
        with self._changed:
            self._wanted.add(pid)

    def wait(self, pid: int) -> int:
        with self._changed:
            while pid not in self._ended:
                self._changed.wait()
            self._wanted.discard(pid)
            status = self._ended.pop(pid)
            self._ended.clear()
            return status


class Machine:
    """This machine and what it was made for."""

    def __init__(self) -> None:
        self.children = Children()
        self.roots: dict[int, str] = {}
        self.without: dict[int, set[str]] = {}
        self.known: dict[int, dict[str, os.stat_result]] = {}
        self.doors: set[int] = set()
        self.folders: list[dict[str, Any]] = []
        self.running = threading.Lock()
        self._adopting = threading.Lock()
        self._adopted = ""
        self.programs = 0

    def adopt(self, request: dict[str, Any]) -> dict[str, Any]:
        """Become a machine of its own; show what an attempt may see. Asked again, it is done already."""
        with self._adopting:
            if self._adopted != request["machine_id"]:
                self._take_identity(request)
                self._show(request["folders"])
                if request["network"] is not None:
                    reach_out(**request["network"])
                self._adopted = request["machine_id"]
        return {"ok": True}

    def _take_identity(self, request: dict[str, Any]) -> None:
        entropy = bytes.fromhex(request["entropy"])
        with open("/dev/urandom", "wb", buffering=0) as pool:
            fcntl.ioctl(pool, RNDADDENTROPY, struct.pack("ii", len(entropy) * 8, len(entropy)) + entropy)
            fcntl.ioctl(pool, RNDRESEEDCRNG)
        time.clock_settime_ns(time.CLOCK_REALTIME, request["time_ns"])
        socket.sethostname(request["hostname"])
        Path("/run/machine-id").write_text(request["machine_id"] + "\n")

    def _show(self, folders: list[dict[str, Any]]) -> None:
        mount(DISK, STORE, "ext4", MS_NOSUID | MS_NODEV | MS_NOATIME)
        mount("tmpfs", ROOT, "tmpfs", 0, "mode=0755")
        self._show_system()
        self._show_devices()
        cover("machine-id")
        if any("shared" in folder for folder in folders):
            mount_soon(SHARED_DISK, SHARED, "ext4", MS_RDONLY | MS_NOSUID | MS_NODEV)
        self.folders = folders
        self._own_folder(f"{STORE}/tmp/0", f"{ROOT}/tmp", 0o1777)
        for folder in folders:
            self._show_folder(folder)

    def _show_system(self) -> None:
        for name in sorted(os.listdir("/")):
            source, place = Path("/", name), Path(ROOT, name)
            if source.is_symlink():
                place.symlink_to(source.readlink())
            elif source.is_dir() and name not in OWN_PLACES:
                mount(str(source), str(place), "", MS_BIND)
        mount("proc", f"{ROOT}/proc", "proc", MS_NOSUID | MS_NODEV)
        for name in ("run", "var", "home"):
            Path(ROOT, name).mkdir(mode=0o755)
        Path(ROOT, "var/tmp").symlink_to("../tmp")
        self._own_folder(f"{STORE}/home", ROOT + HOME, 0o700)

    def _own_folder(self, source: str, place: str, mode: int) -> None:
        Path(source).mkdir(parents=True, exist_ok=True)
        Path(source).chmod(mode)
        os.chown(source, USER, USER)
        mount(source, place, "", MS_BIND)

    def _show_devices(self) -> None:
        mount("tmpfs", f"{ROOT}/dev", "tmpfs", MS_NOSUID, "mode=0755,size=64k")
        for name, (major, minor) in DEVICES.items():
            os.mknod(f"{ROOT}/dev/{name}", 0o020666, os.makedev(major, minor))
            Path(ROOT, "dev", name).chmod(0o666)
        for name, target in LINKS.items():
            Path(ROOT, "dev", name).symlink_to(target)
        mount("tmpfs", f"{ROOT}/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
        mount("devpts", f"{ROOT}/dev/pts", "devpts", MS_NOSUID, "newinstance,ptmxmode=0666,mode=0620")
        Path(ROOT, "dev/ptmx").symlink_to("pts/ptmx")

    def _show_folder(self, folder: dict[str, Any]) -> None:
        """One that is carried, one of the shared disk, or an empty one over what is not to be seen."""
        if "shared" in folder:
            show(f"{SHARED}/{folder['shared']}", ROOT + folder["place"])
        elif "root" not in folder:
            mount(
                "tmpfs",
                ROOT + folder["place"],
                "tmpfs",
                MS_RDONLY | MS_NOSUID | MS_NODEV,
                "mode=0555,size=4k",
            )
        else:
            source = f"{STORE}/folders/{folder['root']}"
            self._own_folder(source, ROOT + folder["place"], 0o755)
            self.roots[folder["root"]] = source
            self.without[folder["root"]] = set(folder["without"])
            self.known.setdefault(folder["root"], {})

    def take(self, request: dict[str, Any], stream: BinaryIO) -> dict[str, Any]:
        """What changed outside."""
        root = request["root"]
        count = tree().receive(self.roots[root], stream, owner=USER, most=request["most"])
        self.known[root] = tree().scan(self.roots[root], self.without[root])
        return {"ok": True, "entries": count}

    def give(self, request: dict[str, Any], out: BinaryIO) -> None:
        """What changed inside since the last time."""
        root = request["root"]
        now = tree().scan(self.roots[root], self.without[root])
        tree().send(self.roots[root], self.known[root], now, out)
        self.known[root] = now

    def run(self, request: dict[str, Any], stream: BinaryIO, out: BinaryIO) -> None:
        """A program, up to the end of everything it started."""
        if not self.running.acquire(blocking=False):
            say(out, {"error": "a program runs already"})
            return
        try:
            Run(self, request, stream, out).to_its_end()
        finally:
            self.running.release()

    def open_doors(self, doors: list[tuple[int, str, int]]) -> None:
        """Sockets inside that lead to sockets of the host's: in which folder, the path there, the port it has out there."""
        for root, path, port in doors:
            if port not in self.doors:
                self.doors.add(port)
                place = f"{self.roots[root]}/{path}"
                threading.Thread(target=serve_door, args=(door_at(place), port), daemon=True).start()

    def fresh_tmp(self) -> None:
        """An empty /tmp for each program; the attempt's own folders may be below it."""
        self.programs += 1
        inner = [folder for folder in self.folders if folder["place"].startswith("/tmp/")]
        for place in (*(folder["place"] for folder in reversed(inner)), "/tmp"):
            unmount(ROOT + place)
        self._own_folder(f"{STORE}/tmp/{self.programs}", f"{ROOT}/tmp", 0o1777)
        for folder in inner:
            self._show_folder(folder)


def reach_out(address: str, netmask: str, gateway: str, nameservers: list[str]) -> None:
    """Take an address, and send what is not for it to the gateway; programs find the name servers."""
    nowhere = internet("0.0.0.0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for number, value in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, netmask)):
            fcntl.ioctl(any_socket, number, struct.pack("16s16s8x", INTERFACE, internet(value)))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", INTERFACE, IFF_UP))
        places = (nowhere, internet(gateway), nowhere)
        fcntl.ioctl(any_socket, SIOCADDRT, struct.pack("L16s16s16sH62x", 0, *places, RTF_UP_GATEWAY))
    Path("/run/resolv.conf").write_text("".join(f"nameserver {name}\n" for name in nameservers))
    cover("resolv.conf")


def internet(address: str) -> bytes:
    """As system calls take it."""
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))


class Run:
    """One program and its streams."""

    def __init__(self, machine: Machine, request: dict[str, Any], stream: BinaryIO, out: BinaryIO) -> None:
        self._machine = machine
        self._request = request
        self._stream = stream
        self._out = out
        self._sending = threading.Lock()
        self._over = False

    def to_its_end(self) -> None:
        self._machine.fresh_tmp()
        self._machine.open_doors(self._request["doors"])
        kills = out_of_memory_kills()
        stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
        with self._machine.children.starting():
            pid = os.fork()
            if pid == 0:
                become(self._request, [stdin[0], stdout[1], stderr[1]])
            self._machine.children.want(pid)
        for fd in (stdin[0], stdout[1], stderr[1]):
            os.close(fd)
        say(self._out, {"started": pid})
        readers = [
            threading.Thread(target=self._pass_on, args=(letter, fd), daemon=True)
            for letter, fd in ((b"o", stdout[0]), (b"e", stderr[0]))
        ]
        for thread in (*readers, threading.Thread(target=self._obey, args=(stdin[1],), daemon=True)):
            thread.start()
        status = os.waitstatus_to_exitcode(self._machine.children.wait(pid))
        end_everything()
        for thread in readers:
            thread.join()
        ended = {"code": status if status >= 0 else None, "signal": -status if status < 0 else None}
        self._over = True
        ended["out_of_memory"] = out_of_memory_kills() > kills
        ended["disk_full"] = os.statvfs(STORE).f_bavail == 0
        self._frame(b"x", json.dumps(ended).encode())

    def _pass_on(self, letter: bytes, fd: int) -> None:
        with open(fd, "rb", buffering=0) as pipe:
            while data := pipe.read(CHUNK):
                self._frame(letter, data)

    def _frame(self, letter: bytes, data: bytes) -> None:
        with self._sending, contextlib.suppress(OSError, ValueError):
            self._out.write(FRAME.pack(letter, len(data)) + data)
            self._out.flush()

    def _obey(self, stdin: int) -> None:
        """What the worker says; everything ends when it is gone."""
        with contextlib.suppress(OSError, ValueError):
            while len(header := self._stream.read(FRAME.size)) == FRAME.size:
                letter, size = FRAME.unpack(header)
                data = self._stream.read(size)
                if letter == b"i":
                    stdin = written(stdin, data)
                elif letter == b"c":
                    stdin = closed(stdin)
                elif not self._over:
                    signal_everything(signal.SIGTERM if letter == b"t" else signal.SIGKILL)
        closed(stdin)
        if not self._over:
            signal_everything(signal.SIGKILL)


def written(fd: int, data: bytes) -> int:
    """Write it all; -1 instead of the descriptor when nobody reads any more."""
    try:
        while fd >= 0 and data:
            data = data[os.write(fd, data) :]
    except OSError:
        return closed(fd)
    return fd


def closed(fd: int) -> int:
    if fd >= 0:
        os.close(fd)
    return -1


def signal_everything(number: int) -> None:
    """All processes but this one, which is the first."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, number)


def end_everything() -> None:
    """Until no process of the program's user is left."""
    while count_processes():
        signal_everything(signal.SIGKILL)
        time.sleep(0.002)  # noqa: TID251 - inside the guest, where there is no loop


def count_processes() -> int:
    """Living processes but this one and the kernel's."""
    found = 0
    for name in os.listdir("/proc"):
        if name.isdigit() and name != "1":
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{name}/stat").read_bytes().rpartition(b") ")[2].split()
                found += fields[0] not in (b"Z", b"X") and not int(fields[6]) & 0x200000
    return found


def out_of_memory_kills() -> int:
    text = Path("/proc/vmstat").read_text().partition("\noom_kill ")[2]
    return int(text.split()[0]) if text else 0


def become(request: dict[str, Any], stdio: list[int]) -> None:
    """In the child: take on limits and the user, then become the program. Never returns."""
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        for target, fd in enumerate(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 16) for fd in stdio):
            os.dup2(fd, target)
        os.chroot(ROOT)
        for name, value in request["rlimits"].items():
            resource.setrlimit(getattr(resource, name), tuple(value))
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
        os.chdir(request["cwd"])
        os.umask(0o022)
        LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        os.execve(request["argv"][0], request["argv"], request["env"])
    except OSError as error:
        os.write(2, f"{request['argv'][0]}: {error}\n".encode())
    finally:
        os._exit(127)


def door_at(place: str) -> socket.socket:
    """A socket that the program can connect to, however long its path is."""
    parent, name = os.path.split(place)
    Path(parent).mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    folder = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        tree().remove(folder, name)
        listener.bind(f"/proc/self/fd/{folder}/{name}")
        os.chown(name, USER, USER, dir_fd=folder)
    finally:
        os.close(folder)
    listener.listen(128)
    return listener


def serve_door(listener: socket.socket, port: int) -> None:
    while True:
        inside, _ = listener.accept()
        threading.Thread(target=through_door, args=(inside, port), daemon=True).start()


def through_door(inside: socket.socket, port: int) -> None:
    """One connection, both ways."""
    with inside, socket.socket(socket.AF_VSOCK) as outside:
        try:
            outside.connect((HOST, port))
        except OSError:
            return
        back = threading.Thread(target=inward, args=(outside, inside), daemon=True)
        back.start()
        outward(inside, outside)
        back.join()


def outward(inside: socket.socket, outside: socket.socket) -> None:
    """Bytes behind their number, until their end, which is zero of them: Firecracker's vsock knows no half-closed connection."""
    try:
        while data := inside.recv(CHUNK):
            outside.sendall(LENGTH.pack(len(data)) + data)
        outside.sendall(LENGTH.pack(0))
    except OSError:
        end_both(inside, outside)


def inward(outside: socket.socket, inside: socket.socket) -> None:
    """The same the other way."""
    try:
        with outside.makefile("rb") as stream:
            while size := LENGTH.unpack(stream.read(LENGTH.size))[0]:
                inside.sendall(stream.read(size))
        inside.shutdown(socket.SHUT_WR)
    except (OSError, struct.error):
        end_both(inside, outside)


def end_both(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def say(out: BinaryIO, answer: dict[str, Any]) -> None:
    out.write(json.dumps(answer).encode() + b"\n")
    out.flush()


def serve(machine: Machine, connection: socket.socket) -> None:
    """One request of the host's."""
    with connection, connection.makefile("rb") as stream, connection.makefile("wb") as out:
        line = stream.readline()
        if not line:
            return
        request = json.loads(line)
        try:
            match request["do"]:
                case "adopt":
                    say(out, machine.adopt(request))
                case "take":
                    say(out, machine.take(request, stream))
                case "give":
                    machine.give(request, out)
                case "run":
                    machine.run(request, stream, out)
                case _:
                    say(out, {"ok": True, "processes": count_processes()})
        except Exception as error:  # noqa: BLE001 - told to the host, which ends this machine
            with contextlib.suppress(OSError):
                say(out, {"error": f"{type(error).__name__}: {error}"})


def listen(machine: Machine) -> None:
    """Take requests, of the host only."""
    listener = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    listener.bind((socket.VMADDR_CID_ANY, PORT))
    listener.listen(64)
    while True:
        connection, (peer, _) = listener.accept()
        if peer == HOST:
            threading.Thread(target=serve, args=(machine, connection), daemon=True).start()
        else:
            connection.close()


def prepare() -> None:
    """What the first process of a machine does before anything else."""
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV)
    with contextlib.suppress(OSError):
        mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID)
    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parent))
    prepare()
    tree()
    machine = Machine()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    threading.Thread(target=listen, args=(machine,), daemon=True).start()
    machine.children.reap()
