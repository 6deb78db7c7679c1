"""The file system a program sees, whatever shows it: the host's system read-only, the attempt's own folders, nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from muster.sandboxes.private_etc import HOME, PrivateEtc
from muster.sandboxes.sandbox import SandboxSpec, WorkdirMissing
from muster.sandboxes.workdir import real_path, usable_working_dir

MOUNTS: Final = Path("/proc/self/mountinfo")
TMP_BYTES: Final = 1 << 30

READ_ONLY: Final = ("/usr", "/opt", "/nix", "/gnu")
LINKS_OR_FOLDERS: Final = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM: Final = frozenset(
    {"/", "/usr", "/etc", "/proc", "/dev", "/sys", "/run", "/var", "/boot", "/home", *LINKS_OR_FOLDERS}
)
PROC_READ_ONLY: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
PROC_MASKED: Final = (
    *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/kpagecgroup", "/proc/kpagecount"),
    *("/proc/kpageflags", "/proc/latency_stats", "/proc/mtrr", "/proc/scsi", "/proc/timer_list"),
)
"""Settings of the whole host, which belong to root: a sandbox of a worker that runs as root could write them,
for it is root to the kernel whatever its user is called inside."""
PSEUDO: Final = ("/proc/", "/sys/", "/dev/")


@dataclass(frozen=True, slots=True)
class Bind:
    """A place of the host."""

    source: Path
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Scratch:
    """An empty folder in memory."""

    mode: int = 0o755
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True, slots=True)
class Folder:
    """An empty folder."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A file system of the kernel's."""

    kind: Literal["proc", "dev"]


Mount = Bind | Scratch | Link | Folder | Kernel
View = Mapping[Path, Mount]
"""By place inside."""


def outer_first(view: View) -> list[tuple[Path, Mount]]:
    """In the order of mounting: an inner one shows through an outer one."""
    return sorted(view.items(), key=lambda entry: (len(entry[0].parts), entry[0]))


def system_view(etc: PrivateEtc) -> dict[Path, Mount]:
    """The read-only system, and private places that are empty at the start. Blocks for some milliseconds at first."""
    return {
        Path("/proc"): Kernel("proc"),
        Path("/dev"): Kernel("dev"),
        Path("/dev/shm"): Scratch(0o1777, TMP_BYTES),
        Path("/tmp"): Scratch(0o1777, TMP_BYTES),
        Path("/run"): Folder(),
        Path("/var/tmp"): Link("../tmp"),
        HOME: Scratch(0o700, TMP_BYTES),
        **host_programs(),
        Path("/etc"): Bind(etc.folder()),
        **{Path("/etc") / name: Bind(path.resolve()) for name, path in etc.live().items()},
    }


def host_programs() -> dict[Path, Mount]:
    """What the host has of programs."""
    mounts: dict[Path, Mount] = {}
    for name in (*READ_ONLY, *LINKS_OR_FOLDERS):
        path = Path(name)
        if path.is_symlink() and name in LINKS_OR_FOLDERS:
            mounts[path] = Link(str(path.readlink()))
        elif path.exists():
            mounts[path] = Bind(path.resolve())
    return mounts


def masked_proc() -> dict[Path, Mount]:
    """Settings and secrets of the whole host in /proc, out of reach."""
    mounts: dict[Path, Mount] = {path: Bind(path) for path in map(Path, PROC_READ_ONLY) if path.exists()}
    for path in filter(Path.exists, map(Path, PROC_MASKED)):
        mounts[path] = Scratch(0o555) if path.is_dir() else Bind(Path("/dev/null"))
    return mounts


def attempt_view(spec: SandboxSpec, working_dir: Path, private: Path | None = None) -> dict[Path, Mount]:
    """What one attempt adds: its folders, at the same place inside as outside. `private` is the driver's own: masked."""
    mounts: dict[Path, Mount] = {
        path: Bind(path) for path in spec.readable if path.exists() and not path.is_relative_to(working_dir)
    }
    shown = (working_dir, *spec.readable)
    mounts |= {
        path: Scratch()
        for path in spec.hidden
        if path.is_dir() and any(path.is_relative_to(root) for root in shown)
    }
    mounts[working_dir] = Bind(working_dir, writable=True)
    if spec.former is not None:
        mounts[spec.former] = Bind(working_dir, writable=True)
    for path in (real_path(spec.scratch, strict=False), *spec.writable):
        mounts[path] = Bind(path, writable=True)
    if spec.home is not None:
        mounts[HOME] = Bind(spec.home, writable=True)
    if private is not None:
        mounts[private.resolve()] = Scratch(0o555)
    return mounts


def plant(root: Path, view: View) -> None:
    """Make the links and the empty folders of a view in the folder that is to be its root."""
    for place, mount in outer_first(view):
        inside = root / place.relative_to("/")
        match mount:
            case Link(target=target):
                inside.parent.mkdir(parents=True, exist_ok=True)
                if not inside.is_symlink():
                    inside.symlink_to(target)
            case Folder():
                inside.mkdir(parents=True, exist_ok=True)
            case Bind() | Scratch() | Kernel():
                continue


def submounts(folder: Path) -> list[Path]:
    """What is mounted below a folder, outer ones first."""
    found: set[Path] = set()
    with contextlib.suppress(OSError):
        for line in MOUNTS.read_text().splitlines():
            place = Path(line.split()[4].encode().decode("unicode_escape"))
            if place != folder and place.is_relative_to(folder):
                found.add(place)
    return sorted(found, key=lambda path: len(path.parts))


def working_dir_outside_the_system(path: Path) -> Path:
    """The directory without symbolic links. WorkdirMissing when it cannot be used, or belongs to the system."""
    real = usable_working_dir(path)
    if str(real) in SYSTEM or str(real).startswith(PSEUDO):
        raise WorkdirMissing(path=path, problem="is part of the system, which a sandboxed task cannot write")
    return real


def inside_env(path: str) -> dict[str, str]:
    """What is in the environment of every program inside."""
    return {
        "PATH": path,
        "HOME": str(HOME),
        "TMPDIR": "/tmp",
        "USER": "muster",
        "LOGNAME": "muster",
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
    }
