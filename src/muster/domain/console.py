"""Consoles: where a shell may be opened beside what runs in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from muster.domain.errors import Category, MusterError

NO_CONSOLE: Final[Mapping[str, str]] = {
    "container": "A console cannot be opened in a container: only its own program can enter it.",
    "gvisor": "A console cannot be opened in gVisor: nothing joins the namespaces of its kernel.",
    "firecracker": "A console cannot be opened in a virtual machine: it has no door for one.",
}
"""Why not, by isolation level; every other level has one."""
NOT_ISOLATING: Final = frozenset({"process"})
"""Levels whose console is on the worker's machine itself."""


class ConsolesOff(MusterError):
    """Consoles are switched off on this server. Set console.enabled (MUSTER_CONSOLE_ENABLED) to allow them."""

    code = "consoles_off"
    category = Category.CONFLICT


class NoConsole(MusterError):
    """{problem}"""

    code = "no_console"
    category = Category.CONFLICT


class TooManyConsoles(MusterError):
    """There are {limit} open consoles already. Close one first."""

    code = "too_many_consoles"
    category = Category.CONFLICT


def console_problem(level: str, *, enabled: bool) -> str | None:
    """Why there is no console in a sandbox of this level; None: there is one."""
    if not enabled:
        return ConsolesOff().message
    return NO_CONSOLE.get(level)
