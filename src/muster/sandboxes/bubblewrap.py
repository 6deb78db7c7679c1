"""Linux namespaces by bubblewrap: own processes, network, users and files; the system is read-only."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from muster.sandboxes.launcher import Launch, Launcher
from muster.sandboxes.quota import Quotas
from muster.sandboxes.sandbox import (
    Capabilities,
    Sandbox,
    SandboxError,
    SandboxSpec,
    SandboxUnavailable,
    WorkdirMissing,
)
from muster.sandboxes.seccomp import filter_program
from muster.sandboxes.supervised import SYSTEM_PATH, Dress, SupervisedSandbox, private_dir
from muster.sandboxes.workdir import usable_working_dir

LEVEL: Final = "bubblewrap"
INSIDE_ID: Final = 1000
HOME: Final = Path("/home/muster")
TMP_BYTES: Final = 1 << 30
PROBE_SECONDS: Final = 10.0
OWN_LEVELS: Final = 2
"""Bubblewrap outside, and its init inside, stand between the supervisor and the program."""

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
PSEUDO: Final = ("/proc", "/sys", "/dev")
ETC: Final = (
    *(
        "alternatives",
        "ca-certificates",
        "ca-certificates.conf",
        "crypto-policies",
        "debian_version",
        "fonts",
    ),
    *(
        "gai.conf",
        "gitconfig",
        "host.conf",
        "hosts",
        "inputrc",
        "java",
        "ld.so.cache",
        "ld.so.conf",
        "ld.so.conf.d",
    ),
    *(
        "locale.alias",
        "locale.conf",
        "localtime",
        "magic",
        "mime.types",
        "networks",
        "nsswitch.conf",
        "os-release",
    ),
    *(
        "perl",
        "php",
        "pki",
        "profile",
        "profile.d",
        "protocols",
        "python3",
        "redhat-release",
        "resolv.conf",
        "rpc",
    ),
    *("services", "shells", "skel", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone", "xdg", "xml"),
)
"""What programs need of /etc. The rest stays out: it holds secrets that the worker's user may read."""


class BubblewrapDriver:
    """Programs see a read-only system, their working directory, a private HOME and /tmp, and no network unless allowed."""

    def __init__(
        self,
        *,
        program: str | None = None,
        path: str = SYSTEM_PATH,
        python: str = sys.executable,
        quotas: Quotas | None = None,
    ) -> None:
        self._program = program or shutil.which("bwrap")
        self._path = path
        self._launcher = Launcher(python)
        self._capabilities: Capabilities | None = None
        self._quotas = quotas
        self._filter = filter_program()

    @property
    def level(self) -> str:
        """`bubblewrap`."""
        return LEVEL

    async def probe(self) -> Capabilities:
        """Runs bubblewrap once with all its options: some hosts forbid user namespaces."""
        if self._capabilities is None:
            problem = await self._try()
            works = problem is None
            if self._quotas is None:
                self._quotas = Quotas.detect() if works else Quotas(())
            self._capabilities = Capabilities(
                level=LEVEL,
                available=works,
                reason=problem or "",
                file_isolation=works,
                network_isolation=works,
                process_isolation=works,
                quotas=self._quotas.in_force() if works else {},
                hardening=("seccomp",) if works and self._filter else (),
            )
        return self._capabilities

    async def _try(self) -> str | None:
        if not sys.platform.startswith("linux"):
            return "bubblewrap needs Linux"
        if self._program is None:
            return "the program bwrap is not installed (Debian: apt install bubblewrap)"
        argv = [self._program, *namespaces(network=False), *mount_options(system_mounts())]
        argv += [*self._filter_option(), "--json-status-fd", "3", "--", "true"]
        said: list[bytes] = []
        launch = Launch(
            argv=argv,
            env={"PATH": self._path},
            cwd="/",
            timeout=PROBE_SECONDS,
            grace=0,
            no_new_privileges=False,
            tells_exit=True,
            documents=self._documents(),
        )
        try:
            status = await self._launcher.start(launch, b"").wait(lambda _, data: said.append(data), 65_536)
        except SandboxError as error:
            return error.message
        if status.ok:
            return None
        return (
            b"".join(said).decode(errors="replace").strip()
            or f"bwrap ended with {status.code or status.reason}"
        )

    def _documents(self) -> Sequence[str]:
        return [self._filter.hex()] if self._filter else []

    def _filter_option(self) -> Sequence[str]:
        return ["--seccomp", "4"] if self._filter else []

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """Check the working directory, write the few private system files, and set up the limits."""
        capabilities = await self.probe()
        if not capabilities.available or self._program is None or self._quotas is None:
            raise SandboxUnavailable(level=LEVEL, problem=capabilities.reason)
        working_dir = self._allowed(spec.working_dir)
        files = await asyncio.to_thread(_write_accounts, private_dir(spec))
        mounts = system_mounts() | attempt_mounts(spec, working_dir, files)
        before = [self._program, *namespaces(network=spec.network), *mount_options(mounts)]
        before += self._filter_option()

        def wrap(cwd: Path) -> Sequence[str]:
            return [*before, "--json-status-fd", "3", "--chdir", str(cwd), "--"]

        env = {
            "PATH": self._path,
            "HOME": str(HOME),
            "TMPDIR": "/tmp",
            "USER": "muster",
            "LOGNAME": "muster",
            "SHELL": "/bin/sh",
            "LANG": "C.UTF-8",
        }
        dress = Dress(
            wrap=wrap,
            env=env,
            home=HOME,
            own_levels=OWN_LEVELS,
            no_new_privileges=False,
            tells_exit=True,
            documents=self._documents(),
        )
        return SupervisedSandbox(spec, self._quotas.plan(spec.name, spec.limits), dress, self._launcher)

    def _allowed(self, path: Path) -> Path:
        real = usable_working_dir(path)
        if str(real) in SYSTEM or any(real.is_relative_to(root) for root in PSEUDO):
            raise WorkdirMissing(
                path=path, problem="is part of the system, which a sandboxed task cannot write"
            )
        return real

    async def close(self) -> None:
        """End the keeper process."""
        self._launcher.close()


def namespaces(*, network: bool) -> list[str]:
    """Options that give a program its own namespaces and take its privileges."""
    options = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if not network:
        options.append("--unshare-net")
    options += [
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--hostname",
        "sandbox",
    ]
    return [*options, "--uid", str(INSIDE_ID), "--gid", str(INSIDE_ID)]


Mount = tuple[str, ...]


def system_mounts() -> dict[Path, Mount]:
    """The read-only system by place inside."""
    tmpfs = ("--perms", "1777", "--size", str(TMP_BYTES), "--tmpfs")
    mounts: dict[Path, Mount] = {
        Path("/proc"): ("--proc",),
        Path("/dev"): ("--dev",),
        Path("/dev/shm"): tmpfs,
        Path("/tmp"): tmpfs,
        Path("/run"): ("--dir",),
        Path("/var/tmp"): ("--symlink", "../tmp"),
        HOME: ("--perms", "0700", "--size", str(TMP_BYTES), "--tmpfs"),
    }
    for path in filter(Path.exists, map(Path, PROC_READ_ONLY)):
        mounts[path] = ("--ro-bind", str(path))
    for path in filter(Path.exists, map(Path, PROC_MASKED)):
        mounts[path] = ("--perms", "0555", "--tmpfs") if path.is_dir() else ("--ro-bind", "/dev/null")
    for name in (*READ_ONLY, *LINKS_OR_FOLDERS, *(f"/etc/{entry}" for entry in ETC)):
        path = Path(name)
        if path.is_symlink() and name in LINKS_OR_FOLDERS:
            mounts[path] = ("--symlink", str(path.readlink()))
        elif path.exists():
            mounts[path] = ("--ro-bind", str(path.resolve()))
    return mounts


def attempt_mounts(spec: SandboxSpec, working_dir: Path, accounts: Mapping[str, Path]) -> dict[Path, Mount]:
    """What one attempt adds: its folders, at the same place inside as outside."""
    mounts: dict[Path, Mount] = {
        Path("/etc") / name: ("--ro-bind", str(path)) for name, path in accounts.items()
    }
    mounts |= {
        path: ("--ro-bind", str(path))
        for path in spec.readable
        if path.exists() and not path.is_relative_to(working_dir)
    }
    shown = (working_dir, *spec.readable)
    mounts |= {
        path: ("--perms", "0755", "--tmpfs")
        for path in spec.hidden
        if path.is_dir() and any(path.is_relative_to(root) for root in shown)
    }
    scratch = spec.scratch.resolve()
    mounts[working_dir] = ("--bind", str(working_dir))
    if spec.former is not None:
        mounts[spec.former] = ("--bind", str(working_dir))
    for path in (scratch, *spec.writable):
        mounts[path] = ("--bind", str(path))
    if spec.home is not None:
        mounts[HOME] = ("--bind", str(spec.home))
    mounts[private_dir(spec).resolve()] = ("--perms", "0555", "--tmpfs")
    return mounts


def mount_options(mounts: Mapping[Path, Mount]) -> list[str]:
    """Options for bubblewrap, outer folders first, so that an inner one shows through; at last nothing else is writable."""
    options: list[str] = []
    for place in sorted(mounts, key=lambda path: (len(path.parts), path)):
        options += [*mounts[place], str(place)]
    return [*options, "--remount-ro", "/"]


def _write_accounts(folder: Path) -> dict[str, Path]:
    """Account files that know the one user inside; written for each sandbox, gone with it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    passwd, group = folder / "passwd", folder / "group"
    passwd.write_text(
        f"root:x:0:0:root:/nonexistent:/bin/sh\nmuster:x:{INSIDE_ID}:{INSIDE_ID}:muster:{HOME}:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n"
    )
    group.write_text(f"root:x:0:\nmuster:x:{INSIDE_ID}:\nnogroup:x:65534:\n")
    return {"passwd": passwd, "group": group}
