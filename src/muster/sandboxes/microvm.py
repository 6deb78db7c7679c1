"""One virtual machine: a Firecracker process under a supervisor, its API, and connections to the guest's agent."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from muster.sandboxes.guest_agent import PORT
from muster.sandboxes.guest_image import Image
from muster.sandboxes.launcher import Launch, Launcher
from muster.sandboxes.machine_place import Place
from muster.sandboxes.sandbox import ExitStatus, SandboxError
from muster.sandboxes.supervised import SYSTEM_PATH

API: Final = "api.sock"
VSOCK: Final = "v.sock"
DISK: Final = "disk.ext4"
SHARED: Final = "shared.ext4"
ROOT: Final = "root.ext4"
KERNEL: Final = "vmlinux"
INITRD: Final = "initrd.cpio"
STATE: Final = "state"
MEMORY: Final = "memory"
GUEST_CID: Final = 3
INTERFACE: Final = "eth0"
MAC: Final = "06:00:00:00:00:01"
"""Of every machine: each is alone on its tap."""
BOOT_ARGS: Final = (
    "console=ttyS0 quiet loglevel=3 reboot=k panic=1 pci=off random.trust_cpu=on i8042.noaux i8042.nomux"
    " i8042.nopnp i8042.dumbkbd init=/muster/init"
)
CALL_SECONDS: Final = 60.0
"""Within which the API and the agent answer; a snapshot is written meanwhile."""
SOCKET_SECONDS: Final = 20.0
PING: Final[Mapping[str, Any]] = {"do": "ping"}
POLL_SECONDS: Final = 0.02
END_SECONDS: Final = 10.0
SAID_BYTES: Final = 4000
ENTROPY_BYTES: Final = 64


class MachineFailed(SandboxError):
    """The virtual machine did not do as it should: {problem}"""

    code = "sandbox_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a machine is made of. Machines of one shape come from one snapshot."""

    vcpus: int
    memory_mib: int
    disk_bytes: int
    network: bool = False


class MicroVm:
    """A Firecracker process that works in its place, where its sockets and its disk are. It ends with this worker."""

    def __init__(self, place: Place, launcher: Launcher, cgroups: tuple[str, ...] = ()) -> None:
        self.place = place
        self.folder = place.folder
        self._said = bytearray()
        launch = Launch(
            argv=[*place.argv, "--api-sock", API, "--level", "Error"],
            env={"PATH": SYSTEM_PATH},
            cwd=str(place.folder),
            timeout=None,
            grace=0.0,
            rlimits={"RLIMIT_CORE": (0, 0)},
            cgroups=cgroups,
        )
        self.program = launcher.start(launch, b"")
        self._life = asyncio.create_task(  # noqa: TID251 - awaited by `close`, which every machine gets
            self.program.wait(self._hear, None)
        )

    def _hear(self, _stream: str, data: bytes) -> None:
        self._said = (self._said + data)[-SAID_BYTES:]

    @property
    def said(self) -> str:
        """The end of what Firecracker and the guest's console said."""
        return self._said.decode(errors="replace").strip()

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._life.done()

    async def end(self) -> ExitStatus:
        """Wait until it is gone."""
        return await asyncio.shield(self._life)

    async def boot(self, image: Image, shape: Shape, tap: str | None = None) -> None:
        """Start the guest's kernel, with an interface that is this host's `tap`. Its agent answers later."""
        ramdisk = {"initrd_path": INITRD} if image.initial_ramdisk else {}
        await self.call(
            "PUT", "/boot-source", {"kernel_image_path": KERNEL, "boot_args": BOOT_ARGS, **ramdisk}
        )
        root = {"drive_id": "root", "path_on_host": ROOT, "is_root_device": True}
        await self.call("PUT", "/drives/root", root | {"is_read_only": True})
        for name, path, read_only in (("disk", DISK, False), ("shared", SHARED, True)):
            drive = {
                "drive_id": name,
                "path_on_host": path,
                "is_root_device": False,
                "is_read_only": read_only,
            }
            await self.call("PUT", f"/drives/{name}", drive)
        if tap is not None:
            card = {"iface_id": INTERFACE, "guest_mac": MAC, "host_dev_name": tap}
            await self.call("PUT", f"/network-interfaces/{INTERFACE}", card)
        await self.call("PUT", "/vsock", {"guest_cid": GUEST_CID, "uds_path": VSOCK})
        machine = {"vcpu_count": shape.vcpus, "mem_size_mib": shape.memory_mib, "track_dirty_pages": True}
        await self.call("PUT", "/machine-config", machine)
        await self.call("PUT", "/actions", {"action_type": "InstanceStart"})

    async def snapshot(self) -> None:
        """Stop it and write what it is, beside its disk. Only what the guest has touched of its memory takes room."""
        await self.call("PATCH", "/vm", {"state": "Paused"})
        files = {"snapshot_path": STATE, "mem_file_path": MEMORY}
        await self.call("PUT", "/snapshot/create", {"snapshot_type": "Diff", **files})

    async def restore(self, tap: str | None = None) -> None:
        """Go on where the snapshot in its folder was taken; memory is read as it is needed, and never written back.

        The shared disk is another than then, and the guest is told so; so is the tap, of which it knows nothing.
        """
        memory = {"backend_type": "File", "backend_path": MEMORY}
        load: dict[str, Any] = {"snapshot_path": STATE, "mem_backend": memory, "resume_vm": False}
        if tap is not None:
            load["network_overrides"] = [{"iface_id": INTERFACE, "host_dev_name": tap}]
        await self.call("PUT", "/snapshot/load", load)
        await self.call("PATCH", "/drives/shared", {"drive_id": "shared", "path_on_host": SHARED})
        await self.call("PATCH", "/vm", {"state": "Resumed"})

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One call of Firecracker's API. MachineFailed with what it answers when it refuses."""
        try:
            async with asyncio.timeout(CALL_SECONDS):
                status, answer = await self._exchange(method, path, body)
        except (TimeoutError, OSError, EOFError, ValueError) as error:
            what = str(error) or type(error).__name__
            raise MachineFailed(problem=f"{method} {path}: {what}. {self.said}".strip()) from error
        if status >= 300:
            problem = answer.get("fault_message", answer) if isinstance(answer, dict) else answer  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            raise MachineFailed(problem=f"{method} {path}: {problem}")
        return answer

    async def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, Any]:
        reader, writer = await asyncio.open_unix_connection(sock=await self._reach(API))
        try:
            data = b"" if body is None else json.dumps(body).encode()
            head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
            writer.write(head.encode() + data)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
            }
            text = await reader.readexactly(int(fields.get("content-length", "0")))
            return int(lines[0].split()[1]), json.loads(text) if text else None
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _reach(self, name: str) -> socket.socket:
        """A connection to one of its sockets, as soon as it listens."""
        deadline = time.monotonic() + SOCKET_SECONDS
        while True:
            try:
                return connect(self.folder, name)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN):
                    raise
                if self.ended or time.monotonic() > deadline:
                    raise MachineFailed(
                        problem=f"Firecracker does not listen. {self.said}".strip()
                    ) from error
            await asyncio.sleep(POLL_SECONDS)

    async def answering(self, seconds: float, request: Mapping[str, Any] = PING) -> None:
        """Wait until the guest's agent has answered. MachineFailed when it does not within so many seconds.

        A guest that goes on from a snapshot cuts the connections it finds: asked anew, it answers.
        """
        deadline = time.monotonic() + seconds
        while True:
            if self.ended:
                raise MachineFailed(problem=f"it ended while it started. {self.said}".strip())
            try:
                await self.ask(request, seconds=max(deadline - time.monotonic(), 0.1))
            except (OSError, EOFError, TimeoutError):
                if time.monotonic() > deadline:
                    raise MachineFailed(
                        problem=f"its guest did not answer within {seconds:g} s. {self.said}".strip()
                    ) from None
            else:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def ask(self, request: Mapping[str, Any], seconds: float = CALL_SECONDS) -> dict[str, Any]:
        """One request of the agent that is a line and is answered by one."""
        async with asyncio.timeout(seconds):
            reader, writer = await self.talk(request)
            try:
                return answer_in(await reader.readline())
            finally:
                writer.close()

    async def talk(self, request: Mapping[str, Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the agent with a request under way. EOFError while it takes none."""
        reader, writer = await asyncio.open_unix_connection(sock=connect(self.folder, VSOCK))
        try:
            writer.write(f"CONNECT {PORT}\n".encode())
            if not (await reader.readline()).startswith(b"OK "):
                raise EOFError("the guest's agent does not listen")
            writer.write(json.dumps(request).encode() + b"\n")
        except BaseException:
            writer.close()
            raise
        return reader, writer

    @contextlib.contextmanager
    def stream(self, request: Mapping[str, Any]) -> Generator[tuple[BinaryIO, BinaryIO]]:
        """The same for threads, to carry folders: from the agent, to the agent."""
        with connect(self.folder, VSOCK) as talk:
            talk.settimeout(CALL_SECONDS)
            with talk.makefile("rb") as reading, talk.makefile("wb") as writing:
                writing.write(f"CONNECT {PORT}\n".encode())
                writing.flush()
                if not reading.readline().startswith(b"OK "):
                    raise EOFError("the guest's agent does not listen")
                writing.write(json.dumps(request).encode() + b"\n")
                yield reading, writing

    def kill(self) -> None:
        """End the process. It may have ended by itself just now."""
        if not self.ended:
            self.program.kill()

    def pause(self, paused: bool) -> None:
        """Stop the process, or let it go on."""
        if not self.ended:
            self.program.pause(paused)

    async def close(self) -> None:
        """End the process, and wait until it is gone."""
        self.kill()
        with contextlib.suppress(SandboxError):
            await asyncio.shield(self._life)


def answer_in(line: bytes) -> dict[str, Any]:
    """What the agent says; MachineFailed for what it cannot do, EOFError when it is gone."""
    if not line:
        raise EOFError("the guest's agent is gone")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise MachineFailed(problem=f"in the guest: {answer['error']}")
    return answer


def connect(folder: Path, name: str) -> socket.socket:
    """A connection to a socket in a folder, however long the folder's path is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    talk = socket.socket(socket.AF_UNIX)
    try:
        talk.connect(f"/proc/self/fd/{descriptor}/{name}")
    except BaseException:
        talk.close()
        raise
    finally:
        os.close(descriptor)
    return talk


def identity() -> dict[str, Any]:
    """What no other machine has. The time is the host's."""
    number = secrets.token_hex(16)
    return {
        "hostname": f"sandbox-{number[:8]}",
        "machine_id": number,
        "entropy": secrets.token_hex(ENTROPY_BYTES),
        "time_ns": time.clock_gettime_ns(time.CLOCK_REALTIME),
    }


def make_disk(path: Path, size: int) -> None:
    """An empty file system in a file that takes room only as it is filled."""
    make = shutil.which("mke2fs", path=SYSTEM_PATH)
    if make is None:
        raise MachineFailed(problem="the program mke2fs is not installed (apt install e2fsprogs)")
    options = ["-O", "^has_journal", "-E", "lazy_itable_init=1,root_owner=0:0"]
    words = [make, "-q", "-F", "-t", "ext4", "-m", "0", *options, str(path), f"{size // 1024}k"]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode:
        raise MachineFailed(problem=f"mke2fs: {done.stderr.decode(errors='replace').strip()}")


def sparse_copy(source: Path, target: Path) -> None:
    """A copy with the same holes."""
    with source.open("rb") as reading, target.open("wb") as writing:
        size = os.fstat(reading.fileno()).st_size
        writing.truncate(size)
        place = 0
        while place < size:
            try:
                place = os.lseek(reading.fileno(), place, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    return
                raise
            end = os.lseek(reading.fileno(), place, os.SEEK_HOLE)
            while place < end:
                data = os.pread(reading.fileno(), min(end - place, 1 << 20), place)
                place += os.pwrite(writing.fileno(), data, place)
