"""gVisor by its program runsc: a kernel of its own, in user space, between a program and the host's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2s
from pathlib import Path
from typing import Any, Final

from muster.sandboxes import cgroup
from muster.sandboxes.folders import remove_tree
from muster.sandboxes.launcher import Launcher
from muster.sandboxes.private_etc import HOME, INSIDE_ID, PrivateEtc
from muster.sandboxes.quota import Plan, Quotas
from muster.sandboxes.sandbox import (
    MB,
    Capabilities,
    Ending,
    ExitStatus,
    Sandbox,
    SandboxError,
    SandboxSpec,
    SandboxUnavailable,
)
from muster.sandboxes.supervised import SYSTEM_PATH, Dress, SupervisedSandbox, Wrapped, private_dir
from muster.sandboxes.view import (
    Bind,
    Folder,
    Kernel,
    Link,
    Mount,
    Scratch,
    attempt_view,
    inside_env,
    outer_first,
    plant,
    system_view,
    working_dir_outside_the_system,
)

LEVEL: Final = "gvisor"
NAME: Final = "muster-"
LONGEST_NAME: Final = 60
"""A socket is named for the sandbox, and names of sockets are short."""
PROBE_SECONDS: Final = 12.0
TIDY_SECONDS: Final = 3.0
OWN_LEVELS: Final = 1
OWN_MEMORY: Final = 128 * MB
"""What gVisor itself may take, on top of the program's limit."""
OWN_PROCESSES: Final = 16
NOBODY: Final = 65534
FEW_PROCESSORS: Final = 4
"""On hosts with no more, a fleet on the platform `systrap` keeps the processors busy even when it is idle."""
KINDS: Final = ("pid", "ipc", "uts", "mount", "user", "network")
FIRST: Final = (
    'exec 5<&0; "$@" <&5 & p=$!; exec 5<&-; trap "kill -TERM -1" TERM; '
    "while :; do wait $p; s=$?; kill -0 $p 2>/dev/null || exit $s; done"
)
"""The first process inside: passes on the request to end. Its end ends all others."""


class GvisorDriver:
    """Programs see what they see under bubblewrap; their system calls are answered by gVisor, not by the host's kernel."""

    def __init__(
        self, *, program: str | None = None, path: str = SYSTEM_PATH, python: str = sys.executable
    ) -> None:
        self._runsc = program or shutil.which("runsc")
        self._path = path
        self._launcher = Launcher(python)
        self._etc = PrivateEtc()
        self._capabilities: Capabilities | None = None
        self._quotas = Quotas(())
        self._platform = ""

    @property
    def level(self) -> str:
        """`gvisor`."""
        return LEVEL

    async def probe(self) -> Capabilities:
        """Runs a program once, on each platform until one works."""
        if self._capabilities is None:
            self._quotas = await asyncio.to_thread(Quotas.detect)
            problem = await self._find_platform()
            self._capabilities = Capabilities.tried(
                LEVEL,
                problem,
                quotas=self._in_force(),
                hardening=("kernel of its own", f"platform {self._platform}"),
            )
        return self._capabilities

    def _in_force(self) -> Mapping[str, str]:
        return {**self._quotas.in_force(), "processes": "watched", "cpu_seconds": "watched"}

    async def _find_platform(self) -> str | None:
        if not sys.platform.startswith("linux"):
            return "gVisor needs Linux"
        if self._runsc is None:
            return "the program runsc is not installed (gvisor.dev, or Debian: apt install runsc)"
        platforms = ["systrap", "ptrace"]
        if (os.cpu_count() or 1) <= FEW_PROCESSORS:
            platforms.reverse()
        problems: list[str] = []
        for platform in platforms:
            self._platform = platform
            problem = await self._try()
            if problem is None:
                return None
            problems.append(f"{platform}: {problem}")
        return "; ".join(problems)

    async def _try(self) -> str | None:
        said = bytearray()
        with tempfile.TemporaryDirectory() as folder:
            work, scratch = Path(folder) / "work", Path(folder) / "scratch"
            work.mkdir()
            scratch.mkdir()
            sandbox = await self._make(
                SandboxSpec(name=f"probe-{os.getpid()}", working_dir=work, scratch=scratch)
            )
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    status = await sandbox.exec(["true"], env={}, on_output=lambda _, data: said.extend(data))
            except SandboxError as error:
                return error.message
            except TimeoutError:
                return f"no program ran within {PROBE_SECONDS:g} s"
            finally:
                await sandbox.close()
        return None if status.ok else said.decode(errors="replace").strip() or f"runsc: {status}"

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """Check the working directory, and write what is shown inside. The kernel is started for each program."""
        capabilities = await self.probe()
        if not capabilities.available:
            raise SandboxUnavailable(level=LEVEL, problem=capabilities.reason)
        return await self._make(spec)

    async def _make(self, spec: SandboxSpec) -> SupervisedSandbox:
        working_dir = working_dir_outside_the_system(spec.working_dir)
        private, states = private_dir(spec), state_folder()
        config = await asyncio.to_thread(self._prepare, spec, working_dir, private)
        bundle, started = private / "bundle", private / "started"
        count = 0

        def wrap(cwd: Path, env: Mapping[str, str], argv: Sequence[str]) -> Wrapped:
            nonlocal count
            count += 1
            config["process"]["cwd"] = str(cwd)
            config["process"]["args"] = ["/bin/sh", "-c", FIRST, "muster", *argv]
            config["process"]["env"] = [f"{name}={value}" for name, value in env.items()]
            _write_privately(bundle / "config.json", json.dumps(config))
            started.unlink(missing_ok=True)
            command, own = self._command(spec, states), f"{container_name(spec.name)}-{count}"
            run = [*command, "run", "--bundle", str(bundle), "--pid-file", str(started), own]
            return Wrapped(run, {"PATH": self._path}, asks=[*command, "kill", own, "TERM"])

        async def ended(status: ExitStatus) -> ExitStatus:
            (bundle / "config.json").unlink(missing_ok=True)
            begun = started.exists() or status.reason is not Ending.EXIT
            return status if begun else replace(status, reason=Ending.NOT_STARTED)

        async def clear() -> None:
            await asyncio.to_thread(forget, spec.name)

        dress = Dress(
            level=LEVEL,
            wrap=wrap,
            env=inside_env(self._path),
            home=HOME,
            ended=ended,
            clear=clear,
            own_levels=OWN_LEVELS,
            tidies_up=TIDY_SECONDS,
            no_new_privileges=False,
        )
        return SupervisedSandbox(spec, partial(self._plan, spec), dress, self._launcher)

    def _plan(self, spec: SandboxSpec) -> Plan:
        """gVisor's own memory is on top; its threads are not the program's processes, so those are counted one by one."""
        limits = spec.limits
        most = limits.memory_bytes
        bounds = replace(limits, memory_bytes=None if most is None else most + OWN_MEMORY, processes=None)
        plan = self._quotas.plan(spec.name, bounds)
        watched = None if limits.processes is None else limits.processes + OWN_PROCESSES
        return replace(plan, rlimits={}, watch_processes=watched, watch_cpu=limits.cpu_seconds)

    def _command(self, spec: SandboxSpec, states: Path) -> list[str]:
        network = "host" if spec.network else "none"
        return [
            str(self._runsc),
            *("--root", str(states)),
            *("--platform", self._platform),
            *("--network", network),
            *("--host-uds", "open"),
            *("--overlay2", "none"),
            "--ignore-cgroups",
            *(["--rootless"] if os.geteuid() else []),
        ]

    def _prepare(self, spec: SandboxSpec, working_dir: Path, private: Path) -> dict[str, Any]:
        """Write the root and the accounts; what is to be run, up to what differs by program."""
        view = system_view(self._etc) | attempt_view(spec, working_dir, private)
        root = private / "bundle" / "root"
        root.mkdir(parents=True, exist_ok=True, mode=0o755)
        plant(root, view)
        rlimits = Quotas(()).plan("", replace(spec.limits, memory_bytes=None)).rlimits
        kinds = [kind for kind in KINDS if not (kind == "network" and spec.network)]
        nobody = NOBODY if os.geteuid() == 0 else 1
        ids = [(INSIDE_ID, os.getuid()), (0, nobody)] if os.geteuid() == 0 else [(INSIDE_ID, os.getuid())]
        mapped = [{"containerID": inside, "hostID": outside, "size": 1} for inside, outside in ids]
        return {
            "ociVersion": "1.0.0",
            "process": {
                "user": {"uid": INSIDE_ID, "gid": INSIDE_ID},
                "args": [],
                "env": [],
                "cwd": "/",
                "capabilities": {},
                "noNewPrivileges": True,
                "rlimits": [
                    {"type": name, "soft": soft, "hard": hard} for name, (soft, hard) in rlimits.items()
                ],
            },
            "root": {"path": "root", "readonly": True},
            "hostname": "sandbox",
            "mounts": [entry for place, mount in outer_first(view) for entry in _mounts(place, mount)],
            "linux": {
                "namespaces": [{"type": kind} for kind in kinds],
                "uidMappings": mapped,
                "gidMappings": mapped,
            },
        }

    async def forget(self, name: str) -> None:
        """End what runsc runs for it, and remove its files and control groups."""
        await asyncio.to_thread(end_processes, container_name(name))
        await asyncio.to_thread(forget, name)
        await asyncio.to_thread(cgroup.forget, name)

    async def close(self) -> None:
        """End the keeper process."""
        self._launcher.close()
        self._etc.close()


def container_name(name: str) -> str:
    """By which runsc knows the sandbox; it begins the names of the files it keeps of it."""
    whole = NAME + name
    return whole if len(whole) <= LONGEST_NAME else NAME + blake2s(name.encode(), digest_size=16).hexdigest()


def state_folder() -> Path:
    """Where runsc keeps what it knows of its sandboxes: a short path, nobody else's."""
    uid = os.getuid()
    own = Path(f"/run/user/{uid}")
    folder = (own if own.is_dir() else Path("/tmp")) / f"muster-runsc-{uid}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o022:
        raise SandboxError(problem=f"{folder} belongs to somebody else; remove it")
    return folder


def end_processes(name: str) -> None:
    """Kill the processes of runsc whose sandbox's name begins so."""
    wanted = f"{name}-".encode()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if words and b"runsc" in words[0] and any(word.startswith(wanted) for word in words):
                os.kill(int(entry.name), signal.SIGKILL)


def forget(name: str) -> None:
    """Remove the files that runsc keeps of a sandbox."""
    for path in state_folder().glob(f"*{container_name(name)}-*"):
        remove_tree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _write_privately(path: Path, text: str) -> None:
    """It holds the program's environment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _mounts(place: Path, mount: Mount) -> list[Mapping[str, object]]:
    match mount:
        case Bind(source=source, writable=writable):
            options = ["rbind", "rw" if writable else "ro"]
            return [{"destination": str(place), "type": "bind", "source": str(source), "options": options}]
        case Scratch(mode=mode, size=size):
            options = [f"mode={mode:04o}", f"uid={INSIDE_ID}", f"gid={INSIDE_ID}", "nosuid", "nodev"]
            options += [] if size is None else [f"size={size}"]
            return [{"destination": str(place), "type": "tmpfs", "source": "tmpfs", "options": options}]
        case Kernel(kind=kind):
            source = "proc" if kind == "proc" else "tmpfs"
            return [{"destination": str(place), "type": source, "source": source}]
        case Link() | Folder():
            return []
