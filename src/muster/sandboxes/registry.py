"""The drivers there are, and the choice of one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from muster.domain.errors import InvalidInput
from muster.sandboxes.bubblewrap import LEVEL as BUBBLEWRAP
from muster.sandboxes.bubblewrap import BubblewrapDriver
from muster.sandboxes.process import LEVEL as PROCESS
from muster.sandboxes.process import ProcessDriver
from muster.sandboxes.sandbox import Capabilities, Driver, SandboxUnavailable
from muster.sandboxes.supervised import SYSTEM_PATH

AUTO: Final = "auto"
LEVELS: Final = (BUBBLEWRAP, PROCESS)
"""Strongest first."""


def make_driver(level: str, *, path: str = SYSTEM_PATH, python: str = sys.executable) -> Driver:
    """The driver of one level. InvalidInput for a name that is none."""
    match level:
        case "bubblewrap":
            return BubblewrapDriver(path=path, python=python)
        case "process":
            return ProcessDriver(path=path, python=python)
        case _:
            raise InvalidInput(field="sandbox", problem=f"{level!r} is none of {', '.join((AUTO, *LEVELS))}")


async def choose(
    level: str, *, path: str = SYSTEM_PATH, python: str = sys.executable
) -> tuple[Driver, Capabilities, Sequence[Capabilities]]:
    """The driver of `level`, or with `auto` the strongest that works here; and why stronger ones do not.

    SandboxUnavailable when the named one does not work: a level is never lowered silently.
    """
    passed_over: list[Capabilities] = []
    for name in LEVELS if level == AUTO else (level,):
        driver = make_driver(name, path=path, python=python)
        capabilities = await driver.probe()
        if capabilities.available:
            return driver, capabilities, passed_over
        await driver.close()
        passed_over.append(capabilities)
    raise SandboxUnavailable(level=level, problem="; ".join(entry.reason for entry in passed_over))
