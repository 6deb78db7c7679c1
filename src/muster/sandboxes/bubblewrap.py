"""Linux namespaces by bubblewrap: own processes, network, users and files; the system is read-only."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from muster.sandboxes import cgroup
from muster.sandboxes.launcher import Launch, Launcher
from muster.sandboxes.private_etc import HOME, INSIDE_ID, PrivateEtc
from muster.sandboxes.quota import Quotas
from muster.sandboxes.sandbox import (
    Capabilities,
    Sandbox,
    SandboxError,
    SandboxSpec,
    SandboxUnavailable,
)
from muster.sandboxes.seccomp import filter_program
from muster.sandboxes.supervised import SYSTEM_PATH, Dress, SupervisedSandbox, Wrapped, private_dir
from muster.sandboxes.view import (
    Bind,
    Folder,
    Kernel,
    Link,
    Mount,
    Scratch,
    View,
    attempt_view,
    inside_env,
    masked_proc,
    outer_first,
    system_view,
    working_dir_outside_the_system,
)

LEVEL: Final = "bubblewrap"
PROBE_SECONDS: Final = 10.0
OWN_LEVELS: Final = 2
"""Bubblewrap outside, and its init inside, stand between the supervisor and the program."""


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
        self._etc = PrivateEtc()
        self._seen: tuple[Path, dict[Path, Mount]] | None = None
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
        argv = [self._program, *namespaces(network=False), *mount_options(self._system())]
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

    def _system(self) -> dict[Path, Mount]:
        """Looked up anew when the host's /etc has changed, as it does when programs are installed."""
        etc = self._etc.folder()
        if self._seen is None or self._seen[0] != etc:
            self._seen = etc, system_view(self._etc) | masked_proc()
        return self._seen[1]

    def _documents(self) -> Sequence[str]:
        return [self._filter.hex()] if self._filter else []

    def _filter_option(self) -> Sequence[str]:
        return ["--seccomp", "4"] if self._filter else []

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """Check the working directory, write the few options that differ, and set up the limits."""
        capabilities = await self.probe()
        if not capabilities.available or self._program is None or self._quotas is None:
            raise SandboxUnavailable(level=LEVEL, problem=capabilities.reason)
        working_dir = working_dir_outside_the_system(spec.working_dir)
        private = private_dir(spec)
        private.mkdir(parents=True, exist_ok=True, mode=0o700)
        view = self._system() | attempt_view(spec, working_dir, private)
        before = [self._program, *namespaces(network=spec.network), *mount_options(view)]
        before += [*self._filter_option(), "--args", str(4 + len(self._documents())), "--json-status-fd", "3"]

        def wrap(cwd: Path, env: Mapping[str, str], argv: Sequence[str]) -> Wrapped:
            documents = [*self._documents(), environment(env).hex()]
            return Wrapped([*before, "--chdir", str(cwd), "--", *argv], {"PATH": self._path}, documents)

        dress = Dress(
            wrap=wrap,
            env=inside_env(self._path),
            home=HOME,
            own_levels=OWN_LEVELS,
            no_new_privileges=False,
            tells_exit=True,
        )
        return SupervisedSandbox(spec, self._quotas.plan(spec.name, spec.limits), dress, self._launcher)

    async def forget(self, name: str) -> None:
        """Remove its control groups."""
        await asyncio.to_thread(cgroup.forget, name)

    async def close(self) -> None:
        """End the keeper process."""
        self._launcher.close()
        self._etc.close()


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


def environment(env: Mapping[str, str]) -> bytes:
    """Options that set a program's environment, for `--args`: bubblewrap itself must not see it. It runs outside, and a
    variable such as LD_PRELOAD would let the task run there too."""
    words = ["--clearenv", *(word for name, value in env.items() for word in ("--setenv", name, value))]
    return b"".join(os.fsencode(word) + b"\0" for word in words)


def mount_options(view: View) -> list[str]:
    """Options for bubblewrap; at last nothing is writable but what is meant to be."""
    options: list[str] = []
    for place, mount in outer_first(view):
        options += [*_option(mount), str(place)]
    return [*options, "--remount-ro", "/"]


def _option(mount: Mount) -> Sequence[str]:
    match mount:
        case Bind(source=source, writable=writable):
            return ["--bind" if writable else "--ro-bind", str(source)]
        case Scratch(mode=mode, size=size):
            bound = [] if size is None else ["--size", str(size)]
            return ["--perms", f"{mode:04o}", *bound, "--tmpfs"]
        case Link(target=target):
            return ["--symlink", target]
        case Folder():
            return ["--dir"]
        case Kernel(kind=kind):
            return [f"--{kind}"]
