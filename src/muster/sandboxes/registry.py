"""The drivers there are, what works on this host, and the choice of one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.domain.errors import InvalidInput
from muster.sandboxes.bubblewrap import LEVEL as BUBBLEWRAP
from muster.sandboxes.bubblewrap import BubblewrapDriver
from muster.sandboxes.container import LEVEL as CONTAINER
from muster.sandboxes.container import ContainerDriver
from muster.sandboxes.firecracker import LEVEL as FIRECRACKER
from muster.sandboxes.firecracker import FirecrackerDriver
from muster.sandboxes.gvisor import LEVEL as GVISOR
from muster.sandboxes.gvisor import GvisorDriver
from muster.sandboxes.process import LEVEL as PROCESS
from muster.sandboxes.process import ProcessDriver
from muster.sandboxes.sandbox import Capabilities, Driver, SandboxUnavailable
from muster.sandboxes.supervised import SYSTEM_PATH
from muster.sandboxes.warm import WarmPool

AUTO: Final = "auto"
STRENGTH: Final[Mapping[str, int]] = {FIRECRACKER: 3, GVISOR: 2, BUBBLEWRAP: 1, CONTAINER: 1, PROCESS: 0}
"""How much stands between a program and the host: nothing, namespaces, a kernel of its own, one on virtual hardware.
Strongest first."""
LEVELS: Final = tuple(STRENGTH)
AUTOMATIC: Final = (BUBBLEWRAP, PROCESS)
"""What `auto` chooses from: the levels that cost a task next to nothing. The others are for tasks that demand them."""
PROBE_SECONDS: Final = 15.0
"""For all levels together, which are tried at the same time."""


@dataclass(frozen=True, slots=True)
class Survey:
    """`usual` runs what demands nothing; `others` work as well. `found` tells of every level, the usual one first."""

    usual: Driver
    others: Sequence[Driver]
    found: Sequence[Capabilities]

    @property
    def in_force(self) -> Capabilities:
        """What the usual level does here."""
        return self.found[0]

    @property
    def cut_the_network(self) -> bool:
        """Whether every level on offer can: whichever a task demands, it reaches only what it is allowed to."""
        return all(entry.network_isolation for entry in self.found if entry.available)

    @property
    def pool(self) -> WarmPool | None:
        """The sandboxes that stand ready, where some are kept."""
        drivers = (self.usual, *self.others)
        return next((driver.warm for driver in drivers if isinstance(driver, BubblewrapDriver)), None)

    @property
    def passed_over(self) -> Sequence[Capabilities]:
        """The levels that `auto` would rather have had."""
        better = AUTOMATIC[: AUTOMATIC.index(self.usual.level)] if self.usual.level in AUTOMATIC else ()
        return [entry for entry in self.found if entry.level in better and not entry.available]


def make_driver(
    level: str,
    *,
    path: str = SYSTEM_PATH,
    python: str = sys.executable,
    warm: int = 0,
    images: Path | None = None,
) -> Driver:
    """The driver of one level, which keeps so many sandboxes `warm` if it can, and finds its machines' images in `images`.

    InvalidInput for a name that is none.
    """
    match level:
        case "firecracker":
            return FirecrackerDriver(images, path=path, python=python)
        case "bubblewrap":
            return BubblewrapDriver(path=path, python=python, warm=warm)
        case "container":
            return ContainerDriver(path=path, python=python)
        case "gvisor":
            return GvisorDriver(path=path, python=python)
        case "process":
            return ProcessDriver(path=path, python=python)
        case _:
            raise InvalidInput(field="sandbox", problem=f"{level!r} is none of {', '.join((AUTO, *LEVELS))}")


async def survey(
    level: str,
    *,
    weaker: bool = False,
    warm: int = 0,
    images: Path | None = None,
    seconds: float = PROBE_SECONDS,
) -> Survey:
    """Try every level once, all at the same time, and choose: `level`, or with `auto` the usual one that works here.

    Levels weaker than the chosen one are offered only with `weaker`: whoever may submit a task could otherwise choose
    to be less held than the worker's owner wants. SandboxUnavailable when the named one does not work: a level is
    never lowered silently. So many sandboxes are kept `warm` where bubblewrap works.
    """
    if level != AUTO:
        make_driver(level)
    drivers = {name: make_driver(name, warm=warm, images=images) for name in LEVELS}
    async with asyncio.TaskGroup() as group:
        tries = {name: group.create_task(tried(driver, seconds)) for name, driver in drivers.items()}
    found = {name: attempt.result() for name, attempt in tries.items()}
    wanted = AUTOMATIC if level == AUTO else (level,)
    chosen = next((name for name in wanted if found[name].available), None)
    if chosen is None:
        for driver in drivers.values():
            await driver.close()
        raise SandboxUnavailable(level=level, problem="; ".join(found[name].reason for name in wanted))
    told = {name: found[name] if weaker else _held_back(found[name], chosen) for name in LEVELS}
    others: list[Driver] = []
    for name, driver in drivers.items():
        if name != chosen and told[name].available:
            others.append(driver)
        elif name != chosen:
            await driver.close()
    rest = [told[name] for name in LEVELS if name != chosen]
    return Survey(drivers[chosen], others, [told[chosen], *rest])


async def tried(driver: Driver, seconds: float = PROBE_SECONDS) -> Capabilities:
    """What a driver does here; one that does not answer in time is not there."""
    try:
        async with asyncio.timeout(seconds):
            return await driver.probe()
    except TimeoutError:
        reason = f"it did not start within {seconds:g} s"
        return Capabilities(level=driver.level, available=False, reason=reason)


def _held_back(found: Capabilities, chosen: str) -> Capabilities:
    if not found.available or STRENGTH[found.level] >= STRENGTH[chosen]:
        return found
    reason = f"weaker than {chosen}, the worker's own level; worker.weaker_levels offers it all the same"
    return Capabilities(level=found.level, available=False, reason=reason)
