"""Quotas on memory, processes and processors by control groups: version 2 where a group is delegated, else writable version 1."""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.sandboxes.sandbox import Limits

MOUNTS: Final = Path("/proc/self/mountinfo")
MEMBERSHIP: Final = Path("/proc/self/cgroup")
CONTROLLERS: Final = ("memory", "pids", "cpu")
PERIOD_US: Final = 100_000
LEAST_US: Final = 1_000
WARM: Final = "muster-warm-"
FORGET_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.02

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parent:
    """A group below which groups can be made, for some controllers."""

    path: Path
    version: int
    controllers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Group:
    """The groups of one sandbox: one directory (version 2), or one for each controller (version 1)."""

    directories: Mapping[str, Path]

    @property
    def procs(self) -> Sequence[str]:
        """Files that list the processes."""
        return sorted({str(directory / "cgroup.procs") for directory in self.directories.values()})

    @property
    def joins(self) -> Sequence[str]:
        """Files a process with a single thread writes 0 to in order to join.

        In version 1 that is `tasks`: what is written to `cgroup.procs` waits until no process of the host forks or
        ends, which takes 8 ms on an idle host.
        """
        places = set(self.directories.values())
        return sorted(
            str(place / ("tasks" if (place / "tasks").exists() else "cgroup.procs")) for place in places
        )

    def hits(self) -> Mapping[str, int]:
        """How often each limit has been hit: kills for want of memory, refused forks."""
        memory, pids = self.directories.get("memory"), self.directories.get("pids")
        return {
            "memory": _oom_kills(memory) if memory else 0,
            "processes": _counter(pids / "pids.events", "max") if pids else 0,
        }

    def members(self) -> list[int]:
        """Process ids in the groups."""
        found: set[int] = set()
        for path in self.procs:
            with contextlib.suppress(OSError):
                found.update(map(int, Path(path).read_text().split()))
        return sorted(found)

    def remove(self) -> bool:
        """Remove the groups. False while the kernel still counts a process in one of them."""
        gone = True
        for directory in set(self.directories.values()):
            try:
                directory.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                gone = False
        return gone


def _oom_kills(directory: Path) -> int:
    return _counter(directory / "memory.events", "oom_kill") + _counter(
        directory / "memory.oom_control", "oom_kill"
    )


def _counter(path: Path, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in _read(path).splitlines():
            key, _, value = line.partition(b" ")
            if key == name.encode():
                return int(value)
    return 0


def _read(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 65_536)
    finally:
        os.close(fd)


def _write(path: Path, text: str) -> None:
    """Without the buffers of a file: some of these are written for every sandbox."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def writable_parents() -> list[Parent]:
    """Where groups can be made, best first, each controller once. Empty where nothing is delegated."""
    if not MEMBERSHIP.exists() or not MOUNTS.exists():
        return []
    memberships = _memberships(MEMBERSHIP.read_text())
    parents: list[Parent] = []
    missing = set(CONTROLLERS)
    for mount, version, controllers in _mounts(MOUNTS.read_text()):
        wanted = missing if version == 2 else missing & controllers
        for parent in _candidates(mount, version, memberships, frozenset(wanted)):
            found = _try(parent)
            if found:
                parents.append(Parent(parent.path, version, found))
                missing -= found
                break
    return parents


def _memberships(text: str) -> dict[str, str]:
    """Own path by controller; version 2 is under the empty name."""
    own: dict[str, str] = {}
    for line in text.splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            own[name] = path
    return own


def _mounts(text: str) -> list[tuple[Path, int, set[str]]]:
    """Mount points of control groups, version 2 first."""
    found: list[tuple[Path, int, set[str]]] = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            found.append((Path(before.split()[4]), 2 if kind == "cgroup2" else 1, set(options.split(","))))
    return sorted(found, key=lambda entry: -entry[1])


def _candidates(
    mount: Path, version: int, memberships: Mapping[str, str], wanted: frozenset[str]
) -> list[Parent]:
    """The own group and, in version 2, the one above it: a group with processes in it cannot hand controllers down."""
    name = "" if version == 2 else next(iter(wanted), "")
    if not wanted or name not in memberships:
        return []
    own = mount / memberships[name].lstrip("/")
    places = [own, own.parent] if version == 2 and own != mount else [own]
    return [Parent(path, version, wanted) for path in places if os.access(path, os.W_OK)]


def _try(parent: Parent) -> frozenset[str]:
    """The controllers for which a group with a limit can really be made."""
    if parent.version == 2:
        with contextlib.suppress(OSError):
            (parent.path / "cgroup.subtree_control").write_text(
                " ".join(f"+{name}" for name in sorted(parent.controllers))
            )
    working: set[str] = set()
    for name in parent.controllers:
        group = create(
            [Parent(parent.path, parent.version, frozenset({name}))],
            f"muster-probe-{os.getpid()}",
            Limits(memory_bytes=64 << 20, processes=16, cpus=1),
        )
        if group is not None:
            working.add(name)
            group.remove()
    return frozenset(working)


def create(parents: Sequence[Parent], name: str, limits: Limits) -> Group | None:
    """Groups for one sandbox with its limits set. None when one of them could not be made (nothing is left then)."""
    directories: dict[str, Path] = {}
    try:
        for parent in parents:
            if limits.cpus is None and parent.controllers == frozenset({"cpu"}):
                continue
            directory = parent.path / name
            directory.mkdir(exist_ok=True)
            for controller in parent.controllers:
                directories[controller] = directory
                _limit(directory, parent.version, controller, limits)
    except OSError:
        Group(directories).remove()
        return None
    return Group(directories)


def limit(parents: Sequence[Parent], group: Group, limits: Limits) -> bool:
    """Set the limits of groups that were made without any. False when one could not be set."""
    versions = {parent.path: parent.version for parent in parents}
    try:
        for controller, directory in group.directories.items():
            _limit(directory, versions[directory.parent], controller, limits)
    except OSError:
        return False
    return True


def _limit(directory: Path, version: int, controller: str, limits: Limits) -> None:
    match controller:
        case "pids":
            text = "max" if limits.processes is None else str(limits.processes)
            _write(directory / "pids.max", text)
        case "cpu":
            _limit_cpus(directory, version, limits.cpus)
        case _:
            _limit_memory(directory, version, limits.memory_bytes)


def _limit_cpus(directory: Path, version: int, cpus: float | None) -> None:
    quota = None if cpus is None else max(round(cpus * PERIOD_US), LEAST_US)
    if version == 2:
        (directory / "cpu.max").write_text(f"{'max' if quota is None else quota} {PERIOD_US}")
    else:
        (directory / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (directory / "cpu.cfs_quota_us").write_text(str(-1 if quota is None else quota))


def _limit_memory(directory: Path, version: int, value: int | None) -> None:
    if version == 2:
        _write(directory / "memory.max", "max" if value is None else str(value))
        swap = directory / "memory.swap.max"
        if swap.exists() and value is not None:
            swap.write_text("0")
    elif value is not None:
        _write(directory / "memory.limit_in_bytes", str(value))
        with contextlib.suppress(FileNotFoundError):
            _write(directory / "memory.memsw.limit_in_bytes", str(value))


def existing(parents: Sequence[Parent], name: str) -> list[Group]:
    """Groups whose name is that, or that and `-` and more: left by an earlier process."""
    return [
        Group(dict.fromkeys(parent.controllers, path))
        for parent in parents
        for path in (parent.path / name, *sorted(parent.path.glob(f"{glob.escape(name)}-*")))
        if path.is_dir()
    ]


def forget(name: str) -> None:
    """End what is left of sandboxes whose worker crashed, and remove their groups once the kernel counts no process there."""
    groups = existing(writable_parents(), f"muster-{name}")
    deadline = time.monotonic() + FORGET_SECONDS
    while groups := [group for group in groups if not group.remove()]:
        left = {pid for group in groups for pid in group.members() if pid > 0}
        if time.monotonic() > deadline:
            log.warning("%s could not be ended: processes %s", name, sorted(left))
            return
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)  # noqa: TID251 - the kernel tells nobody when it has counted a process out


def warm_name(number: int) -> str:
    """The name of the groups of a sandbox that nobody has leased: it tells which process made it."""
    return f"{WARM}{os.getpid()}-{_started(os.getpid())}-{number}"


def _started(pid: int) -> str | None:
    """When a process started, in ticks since the host did; None when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19]
    except OSError:
        return None


def forget_warm(parents: Sequence[Parent] | None = None) -> None:
    """Remove the groups of sandboxes that a worker had in store, or had given out of it, when it crashed."""
    for parent in writable_parents() if parents is None else parents:
        for path in parent.path.glob(f"{WARM}*"):
            pid, _, rest = path.name.removeprefix(WARM).partition("-")
            if pid.isdigit() and _started(int(pid)) != rest.partition("-")[0]:
                Group(dict.fromkeys(parent.controllers, path)).remove()
