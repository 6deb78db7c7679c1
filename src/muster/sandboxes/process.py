"""A plain process: no isolation, but limits, and nothing outlives it. For macOS, and hosts that forbid namespaces."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import Final

from muster.sandboxes import cgroup
from muster.sandboxes.launcher import Launcher
from muster.sandboxes.quota import Quotas
from muster.sandboxes.sandbox import Capabilities, Sandbox, SandboxSpec
from muster.sandboxes.supervised import SYSTEM_PATH, Dress, SupervisedSandbox, Wrapped, private_dir
from muster.sandboxes.workdir import usable_working_dir

LEVEL: Final = "process"


class ProcessDriver:
    """Programs see the host as the worker's user does."""

    def __init__(
        self, *, path: str = SYSTEM_PATH, python: str = sys.executable, quotas: Quotas | None = None
    ) -> None:
        self._path = path
        self._launcher = Launcher(python)
        self._quotas = quotas

    @property
    def level(self) -> str:
        """`process`."""
        return LEVEL

    async def probe(self) -> Capabilities:
        """Always there."""
        return Capabilities(level=LEVEL, available=True, quotas=self._found().in_force())

    async def open(self, spec: SandboxSpec) -> Sandbox:
        """Private HOME and TMPDIR below the scratch folder; the rest of the host is open."""
        usable_working_dir(spec.working_dir)
        home, tmp = spec.home or private_dir(spec) / "home", private_dir(spec) / "tmp"
        for folder in (home, tmp):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        env = {
            "PATH": self._path,
            "HOME": str(home),
            "TMPDIR": str(tmp),
            "USER": "muster",
            "LOGNAME": "muster",
            "SHELL": "/bin/sh",
            "LANG": "C.UTF-8",
        }
        dress = Dress(level=LEVEL, wrap=lambda _, env, argv: Wrapped(argv, env), env=env, home=home)
        plan = partial(self._found().plan, spec.name, spec.limits)
        return SupervisedSandbox(spec, plan, dress, self._launcher)

    async def forget(self, name: str) -> None:
        """Remove its control groups."""
        await asyncio.to_thread(cgroup.forget, name)

    async def close(self) -> None:
        """End the keeper process."""
        self._launcher.close()

    def _found(self) -> Quotas:
        if self._quotas is None:
            self._quotas = Quotas.detect()
        return self._quotas
