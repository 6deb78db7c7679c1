"""Virtual machines by Firecracker: a kernel of its own on virtual hardware, started from a snapshot made once for each shape.

Every machine is restored from the snapshot of a machine that had just started, and is then given its own name, id, randomness
and time. What a task may see is carried in over vsock and what it changed is carried out: nothing of the host's file system
is mounted inside, and the host reads no file system that a guest has written.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import glob
import hashlib
import json
import os
import platform
import secrets
import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from muster.sandboxes import cgroup
from muster.sandboxes.folders import remove_tree
from muster.sandboxes.guest_image import Image, current_image
from muster.sandboxes.launcher import Launcher
from muster.sandboxes.machine_net import Way, WaysOut
from muster.sandboxes.machine_place import Place
from muster.sandboxes.microvm import (
    DISK,
    INITRD,
    KERNEL,
    MEMORY,
    ROOT,
    SHARED,
    STATE,
    MachineFailed,
    MicroVm,
    Shape,
    make_disk,
    sparse_copy,
)
from muster.sandboxes.microvm_sandbox import Layout, MicroVmSandbox
from muster.sandboxes.quota import Plan, Quotas
from muster.sandboxes.sandbox import MB, Capabilities, Limits, Sandbox, SandboxError, SandboxSpec
from muster.sandboxes.shared_disk import shared_disk
from muster.sandboxes.supervised import SYSTEM_PATH, private_dir
from muster.sandboxes.view import working_dir_outside_the_system

LEVEL: Final = "firecracker"
KVM: Final = Path("/dev/kvm")
MACHINES: Final = "machines"
NETWORKS: Final = "networks"
SNAPSHOT: Final = "snapshot"
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
TRIAL_SECONDS: Final = 10.0
"""For a guest's start on hardware that takes a second. A machine that only seems to have KVM does not answer at all."""
TRIAL_MIB: Final = 128
DISK_STEP: Final = 256 * MB
DEFAULT_DISK: Final = 16 * 1024 * MB
DISK_SPARE: Final = 64 * MB
LEAST_MIB: Final = 128
MOST_VCPUS: Final = 32
NOTHING_SHARED: Final = 1 * MB
QUOTAS: Final = {
    "memory": "the machine's memory",
    "processes": "RLIMIT_NPROC in the guest",
    "cpu_seconds": "RLIMIT_CPU, each process",
    "file": "RLIMIT_FSIZE, each file",
    "disk": "the machine's disk",
    "output": "worker",
    "wall_seconds": "worker",
}


class FirecrackerDriver:
    """Programs run in virtual machines of the image in `images`, which is the folder that `build_image` filled."""

    def __init__(
        self,
        images: Path | None = None,
        *,
        program: str | None = None,
        jailer: str | None = None,
        nft: str | None = None,
        path: str = SYSTEM_PATH,
        python: str = sys.executable,
        kvm: Path = KVM,
        trial_seconds: float = TRIAL_SECONDS,
    ) -> None:
        self._images = images
        self._ways = None if images is None else WaysOut(images / NETWORKS, nft)
        self._program = program or shutil.which("firecracker")
        self._jailer = _jailer(jailer)
        self._path = path
        self._kvm = kvm
        self._launcher = Launcher(python)
        self._trial_seconds = trial_seconds
        self._capabilities: Capabilities | None = None
        self._image: Image | None = None
        self._quotas = Quotas(())
        self._making = asyncio.Lock()
        self._groups: dict[str, Plan] = {}

    @property
    def level(self) -> str:
        """`firecracker`."""
        return LEVEL

    async def probe(self) -> Capabilities:
        """Starts a guest once for each image and each start of the host; what came of it is kept beside the image."""
        if self._capabilities is None:
            self._quotas = await asyncio.to_thread(Quotas.detect)
            problem = await self._problem()
            self._capabilities = Capabilities.tried(
                LEVEL, problem, quotas=self._in_force(), hardening=self._hardening()
            )
        return self._capabilities

    def _hardening(self) -> tuple[str, ...]:
        jail = ("jailer",) if self._jailer else ()
        return ("kernel of its own", "virtual machine", "seccomp around it", *jail)

    def _in_force(self) -> Mapping[str, str]:
        found = self._quotas.in_force()
        return QUOTAS | ({"cpus": found["cpus"]} if "cpus" in found else {})

    async def _problem(self) -> str | None:
        missing = self._missing()
        if missing is not None:
            return missing
        image = self._image
        if image is None:
            return "no image was built: muster image build"
        tried_already = await asyncio.to_thread(self._trial_before, image)
        if tried_already is not None:
            return tried_already or None
        await asyncio.to_thread(_remove_stale, image)
        problem = ""
        try:
            await self._snapshot(image, Shape(vcpus=1, memory_mib=TRIAL_MIB, disk_bytes=DISK_STEP))
        except SandboxError as error:
            problem = f"{self._kvm} is there, but no guest starts on it: {error.message}"
        (image.folder / "trial.json").write_text(json.dumps({self._trial_key(image): problem}))
        return problem or None

    def _missing(self) -> str | None:
        if not sys.platform.startswith("linux"):
            return "Firecracker needs Linux"
        if platform.machine() != "x86_64":
            return f"it is made for x86-64 only, and this is {platform.machine()}"
        if self._program is None:
            return "the program firecracker is not installed (firecracker-microvm.github.io)"
        if not self._kvm.exists():
            return f"this host has no {self._kvm}: no virtualisation, or the module kvm is not loaded"
        if not os.access(self._kvm, os.R_OK | os.W_OK):
            return f"this user may not use {self._kvm} (usermod -aG kvm USER)"
        self._image = current_image(self._images) if self._images is not None else None
        return None

    def _trial_key(self, image: Image) -> str:
        return f"{image.id} {_host_and_program(str(self._program))} {self._trial_seconds:g}"

    def _trial_before(self, image: Image) -> str | None:
        """What came of a trial of this image since the host started: its problem, or nothing; None when there was none."""
        with contextlib.suppress(OSError, ValueError):
            known: dict[str, str] = json.loads((image.folder / "trial.json").read_text())
            return known.get(self._trial_key(image))
        return None

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """A machine of its own, which has the attempt's folders as they are now."""
        working_dir = working_dir_outside_the_system(spec.working_dir)
        capabilities = await self.probe()
        if not capabilities.available or self._image is None:
            raise SandboxError(problem=f"no {LEVEL} sandbox: {capabilities.reason}")
        layout = Layout.of(spec, working_dir)
        shape = shape_for(spec.limits, network=spec.network)
        snapshot = await self._snapshot(self._image, shape)
        place = self._place(spec.name, private_dir(spec) / "machine")
        ended = partial(self._leave, spec.name, place)
        try:
            way = await self._way(place, spec.name, shape)
            await asyncio.to_thread(self._lay_out, place, self._image, snapshot, layout, spec)
            machine = MicroVm(place, self._launcher, self._join_group(spec))
        except BaseException:
            await ended()
            raise
        sandbox = MicroVmSandbox(spec, machine, layout, self._path, disk_bytes=shape.disk_bytes, ended=ended)
        try:
            await machine.restore(None if way is None else way.tap)
            await sandbox.adopt(None if way is None else way.document())
        except BaseException as error:
            await sandbox.close()
            if isinstance(error, OSError | EOFError | TimeoutError):
                raise MachineFailed(problem=f"its guest does not answer. {machine.said}".strip()) from error
            raise
        return sandbox

    def _place(self, name: str, plain: Path) -> Place:
        """A jail beside the image, whose files are linked into it; where there is no jailer, a folder of the attempt's."""
        if self._jailer is None or self._images is None:
            return Place.plain(str(self._program), plain)
        top = self._images / MACHINES / f"{name}-{secrets.token_hex(4)}"
        return Place.jailed(str(self._program), self._jailer, top)

    async def _way(self, place: Place, name: str, shape: Shape) -> Way | None:
        """None where no network is asked for."""
        if not shape.network or self._ways is None:
            return None
        return await asyncio.to_thread(self._ways.open, _way_name(name, place), place.user)

    async def _close_way(self, name: str, place: Place) -> None:
        if self._ways is not None:
            await asyncio.to_thread(self._ways.forget, _way_name(name, place))

    def _lay_out(self, place: Place, image: Image, snapshot: Path, layout: Layout, spec: SandboxSpec) -> None:
        place.make()
        sparse_copy(snapshot / DISK, place.folder / DISK)
        place.give(place.folder / DISK)
        shared = snapshot / SHARED
        if layout.shared and self._images is not None:
            shared = shared_disk(self._images / "shared", layout.shared, spec.hidden)
        for source, name in (
            (shared, SHARED),
            (image.root, ROOT),
            (snapshot / STATE, STATE),
            (snapshot / MEMORY, MEMORY),
        ):
            place.show(source, name)

    def _join_group(self, spec: SandboxSpec) -> tuple[str, ...]:
        """Control groups only where a share of the processors is asked for: the machine bounds memory by itself."""
        if spec.limits.cpus is None:
            return ()
        nothing = Limits(memory_bytes=None, processes=None, file_bytes=None, cpus=spec.limits.cpus)
        plan = self._groups[spec.name] = self._quotas.plan(spec.name, nothing)
        return tuple(plan.group.joins) if plan.group else ()

    async def _leave(self, name: str, place: Place) -> None:
        await asyncio.to_thread(remove_tree, place.top)
        await self._close_way(name, place)
        plan = self._groups.pop(name, None)
        if plan is not None and plan.group is not None and not plan.group.remove():
            await asyncio.to_thread(cgroup.forget, name)

    async def _snapshot(self, image: Image, shape: Shape) -> Path:
        """The folder of a snapshot of a machine of this shape that has just started; made when there is none."""
        words = f"{shape} {_host_and_program(str(self._program))}"
        folder = image.folder / "snapshots" / hashlib.sha256(words.encode()).hexdigest()[:16]
        async with self._making:
            if not folder.is_dir():
                with (image.folder / "making").open("w") as lock:
                    await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
                    await asyncio.to_thread(self._forget_unfinished, image)
                    if not folder.is_dir():
                        await self._make_into(image, shape, folder)
        return folder

    def _forget_unfinished(self, image: Image) -> None:
        """What workers left that were killed while they made a snapshot. No other worker makes one of this image now."""
        for left in (image.folder / "snapshots").glob("new-*"):
            remove_tree(left)
        if self._images is not None and self._ways is not None:
            for jail in (self._images / MACHINES).glob(f"{_snapshot_name(image)}-*"):
                remove_tree(jail)
            self._ways.forget(f"{_snapshot_name(image)} ")

    async def _make_into(self, image: Image, shape: Shape, folder: Path) -> None:
        making = folder.with_name(f"new-{secrets.token_hex(6)}")
        making.mkdir(parents=True, mode=0o700)
        place = self._place(_snapshot_name(image), making / "machine")
        try:
            await self._make_snapshot(image, shape, place, making)
            await asyncio.to_thread(remove_tree, place.top)
            making.rename(folder)
        finally:
            await asyncio.to_thread(remove_tree, place.top)
            await asyncio.to_thread(remove_tree, making)

    async def _make_snapshot(self, image: Image, shape: Shape, place: Place, folder: Path) -> None:
        await asyncio.to_thread(_lay_out_first, place, image, shape)
        way = await self._way(place, _snapshot_name(image), shape)
        machine = MicroVm(place, self._launcher)
        try:
            async with asyncio.timeout(self._trial_seconds):
                await machine.boot(image, shape, None if way is None else way.tap)
                await machine.answering(self._trial_seconds)
            await machine.snapshot()
        except TimeoutError:
            problem = f"it did not start within {self._trial_seconds:g} s. {machine.said}".strip()
            raise MachineFailed(problem=problem) from None
        finally:
            await machine.close()
            await self._close_way(_snapshot_name(image), place)
        for name in (STATE, MEMORY, DISK, SHARED):
            place.take(name, folder)

    async def forget(self, name: str) -> None:
        """Remove its control groups, jails and networks. Machines end with the worker whose they are."""
        await asyncio.to_thread(cgroup.forget, name)
        if self._ways is not None:
            await asyncio.to_thread(self._ways.forget, f"{name} ")
        if self._images is not None:
            for jail in (self._images / MACHINES).glob(f"{glob.escape(name)}*"):
                await asyncio.to_thread(remove_tree, jail)

    async def close(self) -> None:
        """End the keeper process."""
        self._launcher.close()


def _lay_out_first(place: Place, image: Image, shape: Shape) -> None:
    place.make()
    make_disk(place.folder / DISK, shape.disk_bytes)
    with (place.folder / SHARED).open("wb") as file:
        file.truncate(NOTHING_SHARED)
    for name in (DISK, SHARED):
        place.give(place.folder / name)
    place.show(image.kernel, KERNEL)
    place.show(image.root, ROOT)
    if image.initial_ramdisk is not None:
        place.show(image.initial_ramdisk, INITRD)


def shape_for(limits: Limits, *, network: bool = False) -> Shape:
    """The machine that holds a program to its limits. Disks come in few sizes, so that there are few snapshots."""
    memory = max((limits.memory_bytes or Limits().memory_bytes or 0) // MB, LEAST_MIB)
    wanted = DEFAULT_DISK if limits.disk_bytes is None else limits.disk_bytes * 21 // 20 + DISK_SPARE
    present = len(os.sched_getaffinity(0))
    vcpus = present if limits.cpus is None else min(-int(-limits.cpus // 1), present)
    even = vcpus if vcpus == 1 else vcpus // 2 * 2
    return Shape(
        vcpus=min(max(even, 1), MOST_VCPUS),
        memory_mib=memory,
        disk_bytes=-(-wanted // DISK_STEP) * DISK_STEP,
        network=network,
    )


def _snapshot_name(image: Image) -> str:
    return f"{SNAPSHOT}-{image.id}"


def _way_name(name: str, place: Place) -> str:
    """Each machine's own, and found by the attempt's."""
    return f"{name} {place.top}"


def _jailer(named: str | None) -> str | None:
    """None where there is none, this is not root's worker, or the name is empty."""
    if os.geteuid() != 0:
        return None
    return (shutil.which("jailer") if named is None else named) or None


def _host_and_program(program: str) -> str:
    """A snapshot is good for the host that made it, as long as that is up, and for the same Firecracker."""
    about = Path(program).resolve().stat()
    return f"{BOOT_ID.read_text().strip()} {about.st_size} {about.st_mtime_ns}"


def _remove_stale(image: Image) -> None:
    """Snapshots of before the host started anew."""
    known = image.folder / "snapshots" / "boot"
    present = BOOT_ID.read_text()
    if known.is_file() and known.read_text() == present:
        return
    remove_tree(known.parent)
    known.parent.mkdir(mode=0o700)
    known.write_text(present)
