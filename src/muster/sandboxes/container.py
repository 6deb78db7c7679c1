"""Containers by podman: the host's programs, read-only, in namespaces and control groups that a container program makes.

No image is needed: a container shows what a bubblewrap sandbox shows, at the same places, so that every task runs in it.
Docker is not used: its containers belong to a daemon, and would outlive a worker that is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import re
import resource
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from muster.sandboxes.launcher import Launcher
from muster.sandboxes.private_etc import HOME, INSIDE_ID, PrivateEtc
from muster.sandboxes.quota import Plan, Quotas
from muster.sandboxes.sandbox import (
    Capabilities,
    Limits,
    Sandbox,
    SandboxError,
    SandboxSpec,
    SandboxUnavailable,
)
from muster.sandboxes.seccomp import filter_profile
from muster.sandboxes.supervised import SYSTEM_PATH, Dress, SupervisedSandbox, Wrapped, private_dir
from muster.sandboxes.view import (
    PROC_MASKED,
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
    submounts,
    system_view,
    working_dir_outside_the_system,
)

LEVEL: Final = "container"
NAME: Final = "muster-"
PROBE_SECONDS: Final = 10.0
CALL_SECONDS: Final = 20.0
OWN_LEVELS: Final = 2
"""podman with its monitor outside, and the container's first process inside."""
TIDY_SECONDS: Final = 3.0
NOBODY: Final = 65534
RUNTIMES: Final = (None, "runc", "crun")
"""None is podman's own choice; it may be one that this host's control groups do not suit."""
ULIMITS: Final = {"RLIMIT_CORE": "core", "RLIMIT_CPU": "cpu", "RLIMIT_FSIZE": "fsize", "RLIMIT_DATA": "data"}
NEVER_RAISED: Final = ((resource.RLIMIT_NOFILE, "nofile", 1 << 20), (resource.RLIMIT_NPROC, "nproc", 1 << 15))
FIRST: Final = (
    'echo began >&3; . /proc/self/fd/4; exec 4<&-; "$@" 3>&-; s=$?; m=exit-code; '
    "[ $s = 0 ] || for f in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do "
    '[ ! -r $f ] || while read k v; do [ "$k" != oom_kill ] || [ "$v" = 0 ] || m="$m out-of-memory"; done < $f; done; '
    "echo $m >&3; exit $s"
)
"""The first process inside: takes the environment, runs the program, tells that it ran, and whether memory ran out, which podman
may not notice. Its end ends all others. Where it began and tells no end, the kernel has killed it for want of memory."""


class ContainerDriver:
    """Programs see a read-only system, their working directory, a private HOME and /tmp, and no network unless allowed."""

    def __init__(
        self, *, program: str | None = None, path: str = SYSTEM_PATH, python: str = sys.executable
    ) -> None:
        self._podman = program or shutil.which("podman")
        self._path = path
        self._launcher = Launcher(python)
        self._etc = PrivateEtc()
        self._capabilities: Capabilities | None = None
        self._runtime: str | None = None
        self._grouped = False

    @property
    def level(self) -> str:
        """`container`."""
        return LEVEL

    async def probe(self) -> Capabilities:
        """Runs a container once with all its options, with each runtime there is until one works, with limits if it can."""
        if self._capabilities is None:
            problem = await self._find_runtime()
            self._capabilities = Capabilities.tried(
                LEVEL,
                problem,
                quotas=self._in_force(),
                hardening=("user namespace", *(("seccomp",) if filter_profile() else ())),
            )
        return self._capabilities

    def _in_force(self) -> Mapping[str, str]:
        found = dict(Quotas(()).in_force())
        if self._grouped:
            found |= dict.fromkeys(("memory", "processes", "cpus"), "control group of podman")
        return found

    async def _find_runtime(self) -> str | None:
        """Settle on a runtime; why there is none."""
        if not sys.platform.startswith("linux"):
            return "containers with the host's programs need Linux"
        if self._podman is None:
            return "the program podman is not installed (Debian: apt install podman)"
        problems: list[str] = []
        for grouped in (True, False):
            for runtime in RUNTIMES:
                if runtime is not None and shutil.which(runtime, path=self._path) is None:
                    continue
                self._runtime, self._grouped = runtime, grouped
                problem = await self._try()
                if problem is None:
                    return None
                problems.append(problem)
        return problems[0]

    async def _try(self) -> str | None:
        said = bytearray()
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            spec = SandboxSpec(
                name=f"probe-{os.getpid()}",
                working_dir=Path(folder) / "work",
                scratch=Path(folder) / "scratch",
            )
            spec.working_dir.mkdir()
            spec.scratch.mkdir()
            sandbox = await self._make(replace(spec, limits=Limits()))
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    status = await sandbox.exec(["true"], env={}, on_output=lambda _, data: said.extend(data))
            except SandboxError as error:
                return error.message
            except TimeoutError:
                return f"podman did not run a program within {PROBE_SECONDS:g} s"
            finally:
                await sandbox.close()
        return None if status.ok else said.decode(errors="replace").strip() or f"podman: {status}"

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """Check the working directory, and write what the container shows. Containers are made for each program."""
        capabilities = await self.probe()
        if not capabilities.available:
            raise SandboxUnavailable(level=LEVEL, problem=capabilities.reason)
        return await self._make(spec)

    async def _make(self, spec: SandboxSpec) -> SupervisedSandbox:
        working_dir = working_dir_outside_the_system(spec.working_dir)
        private = private_dir(spec)
        before = await asyncio.to_thread(self._prepare, spec, working_dir, private)
        names: list[str] = []

        def wrap(cwd: Path, env: Mapping[str, str], argv: Sequence[str]) -> Wrapped:
            names.append(f"{NAME}{spec.name}-{len(names)}")
            run = [*before, "--name", names[-1], "--workdir", str(cwd), "--rootfs", str(private / "root")]
            # env(1) because podman gives its own HOSTNAME to programs.
            first = ["/usr/bin/env", "-u", "HOSTNAME", "/bin/sh", "-c", FIRST, "muster"]
            return Wrapped([*run, *first, *argv], self._own_env(), [exports(env).hex()])

        async def clear() -> None:
            if names:
                await self._call("rm", "--force", "--ignore", "--time", "0", *names)
                names.clear()

        dress = Dress(
            level=LEVEL,
            wrap=wrap,
            env=inside_env(self._path),
            home=HOME,
            clear=clear,
            own_levels=OWN_LEVELS,
            tidies_up=TIDY_SECONDS,
            no_new_privileges=False,
            tells_exit=True,
        )
        limits = spec.limits
        plan = Plan(
            disk_bytes=limits.disk_bytes,
            watch_memory=None if self._grouped else limits.memory_bytes,
            watch_processes=None if self._grouped else limits.processes,
        )
        return SupervisedSandbox(spec, lambda: plan, dress, self._launcher)

    def _prepare(self, spec: SandboxSpec, working_dir: Path, private: Path) -> list[str]:
        """Write the container's root and its files; the command up to what differs by program."""
        private.mkdir(parents=True, exist_ok=True, mode=0o700)
        view = system_view(self._etc) | attempt_view(spec, working_dir, private)
        root = private / "root"
        root.mkdir(exist_ok=True, mode=0o755)
        plant(root, view)
        mounts: list[str] = []
        for place, mount in outer_first(view):
            mounts += _option(place, mount, whole=place != spec.scratch.resolve())
        command = [str(self._podman), "run", "--interactive", "--log-driver", "none", "--preserve-fds", "2"]
        command += ["--runtime", self._runtime] if self._runtime else []
        command += [
            "--network",
            "host" if spec.network else "none",
            "--ipc",
            "none",
            "--no-hosts",
            "--passwd=false",
        ]
        command += ["--hostname", "sandbox", "--read-only", "--read-only-tmpfs=false", "--unsetenv-all"]
        command += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", *_identity()]
        command += ["--security-opt", f"mask={':'.join(PROC_MASKED)}"]
        command += ["--pull", "never", "--image-volume", "ignore", "--label", "muster=sandbox"]
        profile = filter_profile()
        if profile is not None:
            (private / "seccomp.json").write_text(json.dumps(profile))
            command += ["--security-opt", f"seccomp={private / 'seccomp.json'}"]
        return [*command, *self._limit_options(spec.limits), *mounts]

    def _limit_options(self, limits: Limits) -> list[str]:
        plan = Quotas(()).plan(
            "", replace(limits, memory_bytes=None if self._grouped else limits.memory_bytes)
        )
        options: list[str] = []
        for name, (soft, hard) in plan.rlimits.items():
            options += ["--ulimit", f"{ULIMITS[name]}={soft}:{hard}"]
        for number, name, most in NEVER_RAISED:
            # podman would raise them, which not every worker may.
            soft, hard = (min(value, most) for value in resource.getrlimit(number))
            options += ["--ulimit", f"{name}={soft}:{hard}"]
        if self._grouped:
            options += ["--pids-limit", "-1" if limits.processes is None else str(limits.processes)]
            if limits.memory_bytes is not None:
                options += ["--memory", f"{limits.memory_bytes}b", "--memory-swap", f"{limits.memory_bytes}b"]
            options += [] if limits.cpus is None else ["--cpus", f"{limits.cpus:g}"]
        return options

    async def _call(self, *arguments: str) -> bytes:
        """Run podman itself; what it says."""
        process = await asyncio.create_subprocess_exec(
            str(self._podman),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._own_env(),
        )
        try:
            async with asyncio.timeout(CALL_SECONDS):
                said, _ = await process.communicate()
        except TimeoutError:
            return b""
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return said

    def _own_env(self) -> Mapping[str, str]:
        """podman's environment: nothing of the task's, for podman runs outside."""
        env = {"PATH": self._path, "HOME": pwd.getpwuid(os.getuid()).pw_dir, "LANG": "C.UTF-8"}
        runtime_dir = Path(f"/run/user/{os.getuid()}")
        return env | ({"XDG_RUNTIME_DIR": str(runtime_dir)} if runtime_dir.is_dir() else {})

    async def forget(self, name: str) -> None:
        """Remove its containers, with their mounts, control groups and networks."""
        if self._podman is None:
            return
        pattern = f"^{re.escape(NAME + name)}-"
        left = await self._call("ps", "--all", "--quiet", "--no-trunc", "--filter", f"name={pattern}")
        if left.split():
            await self._call("rm", "--force", "--ignore", "--time", "0", *left.decode().split())

    async def close(self) -> None:
        """End the keeper process."""
        self._launcher.close()
        self._etc.close()


def exports(env: Mapping[str, str]) -> bytes:
    """The environment as a piece of shell script. Names that no shell takes are left out."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in env.items() if name.isidentifier()]
    return os.fsencode("".join(lines))


def _identity() -> list[str]:
    """The user inside is the worker's outside; root inside is nobody (as root) or the first of the worker's spare ids."""
    nobody = NOBODY if os.geteuid() == 0 else 1
    options: list[str] = []
    for kind in ("--uidmap", "--gidmap"):
        options += [kind, f"0:{nobody}:1", kind, f"{INSIDE_ID}:0:1"]
    return [*options, "--user", f"{INSIDE_ID}:{INSIDE_ID}"]


def _option(place: Path, mount: Mount, *, whole: bool) -> list[str]:
    match mount:
        case Bind(source=source, writable=True):
            # The scratch folder holds the container's own root, with all that is mounted there.
            alone = [] if whole else ["bind-nonrecursive=true"]
            return ["--mount", _fields("type=bind", f"src={source}", f"dst={place}", *alone)]
        case Bind(source=source):
            # A read-only bind leaves what is mounted below it writable, so that is shown piece by piece.
            pieces = [
                (source, place),
                *((below, place / below.relative_to(source)) for below in submounts(source)),
            ]
            return [
                word
                for piece, target in pieces
                for word in (
                    "--mount",
                    _fields(
                        "type=bind", f"src={piece}", f"dst={target}", "ro=true", "bind-nonrecursive=true"
                    ),
                )
            ]
        case Scratch(mode=mode, size=size):
            # What the worker's user alone may enter, nobody inside could: the mount belongs to root there.
            bound = [] if size is None else [f"tmpfs-size={size}"]
            mode = 0o777 if mode == 0o700 else mode
            return [
                "--mount",
                _fields("type=tmpfs", f"dst={place}", f"tmpfs-mode={mode:04o}", "notmpcopyup", *bound),
            ]
        case Link() | Folder() | Kernel():
            return []


def _fields(*fields: str) -> str:
    """One line of comma-separated values, as podman reads it."""
    return ",".join(
        '"' + field.replace('"', '""') + '"' if set(field) & set(',"') else field for field in fields
    )
