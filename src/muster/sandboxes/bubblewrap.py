"""Linux namespaces by bubblewrap: own processes, network, users and files; the system is read-only."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from muster.sandboxes import cgroup
from muster.sandboxes.launcher import Launch, Launcher
from muster.sandboxes.mounter import HOST_ROOT, takes_trees, tree_of
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
from muster.sandboxes.stdin import MOST_WAITING
from muster.sandboxes.supervised import (
    FIND,
    SYSTEM_PATH,
    Dress,
    Ready,
    SupervisedSandbox,
    Task,
    Wrapped,
)
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
from muster.sandboxes.waiting_shell import waiting, words
from muster.sandboxes.warm import Blank, Leased, Member, Reserved, WarmPool, Wish

LEVEL: Final = "bubblewrap"
PROBE_SECONDS: Final = 10.0
MOST_TREES: Final = 200
"""Descriptors that fit one message, and far more than an attempt has."""
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
        warm: int = 0,
        privileged: bool | None = None,
    ) -> None:
        """Programs are looked for on `path`; so many sandboxes are kept `warm` once it was probed. `privileged`: whether
        mounts can be taken of the host (root) or only of what a sandbox shows itself; None: found out."""
        self._program = program or shutil.which("bwrap")
        self._path = path
        self._launcher = Launcher(python)
        self._etc = PrivateEtc()
        self._seen: tuple[Path, dict[Path, Mount]] | None = None
        self._covered: frozenset[Path] = frozenset()
        self._common: dict[bool, str] = {}
        """Options of every sandbox, with and without a network, as a document."""
        self._capabilities: Capabilities | None = None
        self._quotas = quotas
        self._filter = filter_program()
        self._most_warm = warm
        self._takes_trees = takes_trees() if privileged is None else privileged
        self._blanks: dict[bool, Blank] = {}
        self._pool: WarmPool | None = None

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
            self._capabilities = Capabilities.tried(
                LEVEL,
                problem,
                quotas=self._quotas.in_force(),
                hardening=("seccomp",) if self._filter else (),
            )
            if works and self._most_warm:
                self._pool = WarmPool(
                    self._launcher, self._quotas, self._most_warm, self._blank, self._takes_trees
                )
                self._pool.start()
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
            ends_with_parent=True,
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
            self._covered = frozenset(outer for place in self._seen[1] for outer in place.parents)
            self._common.clear()
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
        own = attempt_view(spec, working_dir)
        reserved = self._reserve(spec, own)
        dress = Dress(
            level=LEVEL,
            wrap=partial(self._wrapped, spec.network, own),
            env=inside_env(self._path),
            home=HOME,
            own_levels=OWN_LEVELS,
            no_new_privileges=False,
            ends_with_parent=True,
            tells_exit=True,
            own_namespaces=True,
            seccomp=self._filter or b"",
            ready=partial(self._ready, spec, own, reserved),
            clear=reserved.close if reserved else None,
        )
        plan = partial(self._quotas.plan, spec.name, spec.limits)
        return SupervisedSandbox(spec, plan, dress, self._launcher)

    def _wrapped(
        self, network: bool, own: dict[Path, Mount], cwd: Path, env: Mapping[str, str], argv: Sequence[str]
    ) -> Wrapped:
        """What starts a cold one."""
        if argv[: len(FIND)] == [*FIND] and is_of_the_system(argv[len(FIND)], env.get("PATH", "")):
            argv = argv[len(FIND) :]
        common, mounts = self._options(network, own)
        first = 4 + len(self._documents())
        options = [*self._filter_option(), "--args", str(first), "--args", str(first + 1)]
        return Wrapped(
            [str(self._program), *options, "--json-status-fd", "3", "--chdir", str(cwd), "--", *argv],
            {"PATH": self._path},
            [*self._documents(), common, mounts + environment(env).hex()],
        )

    def _options(self, network: bool, own: dict[Path, Mount]) -> tuple[str, str]:
        """Of a cold one, as documents: the same for all, and its own mounts, which come last. Where one of them would be in the
        place of one of the system's, or above it, all are its own."""
        system = self._system()
        if own.keys() & (self._covered | system.keys()):
            return packed(namespaces(network=network)).hex(), packed(mount_options(system | own)).hex()
        if network not in self._common:
            self._common[network] = packed([*namespaces(network=network), *mounting(system)]).hex()
        return self._common[network], packed(mount_options(own)).hex()

    @property
    def warm(self) -> WarmPool | None:
        """The sandboxes that stand already, where some are to be kept."""
        return self._pool

    def _reserve(self, spec: SandboxSpec, own: Mapping[Path, Mount]) -> Reserved | None:
        """Before anybody says what is to run, since it takes its folders meanwhile. None where no sandbox can be had."""
        if self._pool is None:
            return None
        cwd = str(spec.working_dir)
        return Reserved(self._pool, self._lease(self._pool, spec, own, cwd, counts=False), cwd)

    def _lease(
        self, pool: WarmPool, spec: SandboxSpec, own: Mapping[Path, Mount], cwd: str, *, counts: bool = True
    ) -> Member | None:
        """A sandbox that stands already and takes this attempt's folders, where one can become what it needs. None can when a
        place would cover one of the system's, or when it is to have a share of the processors: then its group is another."""
        if spec.limits.cpus is not None or self._covered & own.keys() or len(own) > MOST_TREES:
            return None
        return pool.lease(spec.network, partial(self._furnish, pool, own, cwd), counts=counts)

    def _ready(
        self, spec: SandboxSpec, own: Mapping[Path, Mount], reserved: Reserved | None, task: Task
    ) -> Ready | None:
        """A program in the sandbox that was reserved for it, or in another that stands."""
        if reserved is None or (isinstance(task.stdin, bytes) and len(task.stdin) > MOST_WAITING):
            return None
        pool = reserved.pool
        member = reserved.take(str(task.cwd)) or self._lease(pool, spec, own, str(task.cwd))
        if member is None:
            return None
        wish = Wish(
            script=words(str(task.cwd), task.env, task.argv),
            limits=spec.limits,
            timeout=task.timeout,
            grace=spec.grace_seconds,
        )
        return Leased.begin(pool, member, wish, task.stdin)

    def _furnish(self, pool: WarmPool, own: Mapping[Path, Mount], cwd: str, member: Member) -> None:
        mounts, trees = late_mounts(own, takes_trees=self._takes_trees)
        pool.furnish(member, mounts, trees, cwd)
        for tree in trees:
            os.close(tree)

    def _blank(self, network: bool) -> Blank:
        """What a new sandbox would show before it is leased."""
        system, stamp = self._system(), self._etc.live_stamp()
        known = self._blanks.get(network)
        if known is None or known.stamp != (self._etc.folder(), stamp):
            documents = self._documents()
            program, first_words = waiting(len(documents))
            view = system if self._takes_trees else system | {Path(HOST_ROOT): Bind(Path("/"), writable=True)}
            argv = [str(self._program), *namespaces(network=network), *mount_options(view)]
            argv += [*self._filter_option(), "--json-status-fd", "3", "--clearenv", "--", *program]
            known = Blank(
                network, argv, {"PATH": self._path}, documents, first_words, (self._etc.folder(), stamp)
            )
            self._blanks[network] = known
        return known

    async def forget(self, name: str) -> None:
        """Remove its control groups."""
        await asyncio.to_thread(cgroup.forget, name)

    async def close(self) -> None:
        """End the keeper process, and what stands ready."""
        if self._pool is not None:
            self._pool.close()
        self._launcher.close()
        if self._pool is not None:
            self._pool.remove_groups()
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
    return packed(
        ["--clearenv", *(word for name, value in env.items() for word in ("--setenv", name, value))]
    )


def packed(options: Sequence[str]) -> bytes:
    """Options for `--args`."""
    return b"".join(os.fsencode(word) + b"\0" for word in options)


def is_of_the_system(program: str, path: str) -> bool:
    """Whether a program will be found by its name in what is the host's own: then no shell has to say that it is not."""
    for folder in path.split(":") if "/" not in program else ():
        if not folder.startswith(("/usr/", "/bin", "/sbin")):
            return False
        place = Path(folder) / program
        if place.is_file() and os.access(place, os.X_OK):
            return True
    return False


def mount_options(view: View) -> list[str]:
    """Options for bubblewrap; at last nothing is writable but what is meant to be."""
    return [*mounting(view), "--remount-ro", "/"]


def mounting(view: View) -> list[str]:
    """Options for the mounts alone."""
    return [word for place, mount in outer_first(view) for word in (*_option(mount), str(place))]


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


def late_mounts(own: Mapping[Path, Mount], *, takes_trees: bool) -> tuple[list[Mapping[str, Any]], list[int]]:
    """An attempt's places for `mounter.py`, with descriptors of what they show where this process `takes_trees`; elsewhere
    a helper looks at sources without links. OSError when one is not there."""
    found: list[Mapping[str, Any]] = []
    trees: list[int] = []
    try:
        for place, mount in outer_first(own):
            match mount:
                case Bind(source=source, writable=writable):
                    if takes_trees:
                        trees.append(tree_of(str(source)))
                    status = os.fstat(trees[-1]) if takes_trees else source.stat()
                    entry = {
                        "source": str(source if takes_trees else source.resolve()),
                        "writable": writable,
                        "identity": [status.st_dev, status.st_ino],
                    }
                case Scratch(mode=mode, size=size):
                    entry = {"source": None, "mode": mode, "size": size}
                case Link() | Folder() | Kernel():
                    continue
            found.append({"place": str(place), **entry})
    except OSError:
        for tree in trees:
            os.close(tree)
        raise
    return found, trees
